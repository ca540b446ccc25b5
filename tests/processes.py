"""Processes of the product as copies of one that has imported it: they begin in a moment, not in seconds."""

import asyncio
import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.live import free_ports

Result = TypeVar("Result")
COPIES = multiprocessing.get_context("forkserver")
COPIES.set_forkserver_preload(["backoffice.app", "backoffice.cli", "bench.trade.drilled", __name__])


def xiaoer(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The command line, in an environment with something added; how it ended and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        said, complained = Path(folder) / "out", Path(folder) / "err"
        told = os.environ | environment
        process = COPIES.Process(target=_command, args=(arguments, told, said, complained))
        process.start()
        process.join(60)
        if process.exitcode is None:
            process.kill()
            raise TimeoutError(arguments)
        code = process.exitcode
        return subprocess.CompletedProcess(
            arguments, code, said.read_text("utf8"), complained.read_text("utf8")
        )


def _command(arguments: Sequence[str], environment: Mapping[str, str], said: Path, complained: Path) -> None:
    from backoffice import cli

    for path, stream in ((said, sys.stdout), (complained, sys.stderr)):
        with path.open("wb") as file:
            os.dup2(file.fileno(), stream.fileno())
    _live_in(environment)
    sys.argv = ["xiaoer", *arguments]
    cli.main()


def _live_in(environment: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)


def rivals(work: Callable[..., Result], each: Sequence[Sequence[Any]]) -> list[Result]:
    """What a function returns in processes that begin together, one for each of the arguments."""
    gate = COPIES.Barrier(len(each))
    with ProcessPoolExecutor(len(each), COPIES, initializer=gate.wait) as pool:
        return [done.result() for done in [pool.submit(work, *arguments) for arguments in each]]


@asynccontextmanager
async def app_running(state: Path, database_url: str, **environment: str) -> AsyncIterator[str]:
    """The app on a free port, in an environment with something added; its address, once it answers."""
    port = free_ports(1)
    told = {"XIAOER_STATE": str(state), "XIAOER_DATABASE_URL": database_url, "XIAOER_PORT": str(port)}
    told |= {"XIAOER_REDIS_URL": ""} | environment
    process = COPIES.Process(target=_serve, args=(port, os.environ | told))
    await asyncio.to_thread(process.start)
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(120), httpx.AsyncClient(trust_env=False) as client:
            while not await _answers(client, url):
                assert process.is_alive()
                await asyncio.sleep(0.05)
        yield url
    finally:
        process.terminate()
        await asyncio.to_thread(process.join)


async def _answers(client: httpx.AsyncClient, url: str) -> bool:
    try:
        await client.get(f"{url}/api/nothing")
    except httpx.TransportError:
        return False
    return True


def _serve(port: int, environment: Mapping[str, str]) -> None:
    import uvicorn

    _live_in(environment)
    uvicorn.run("backoffice.app:app", port=port, log_level="warning")

"""The app as a process of its own, on a free port."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from backoffice.kit.database import Database
from tests.live import three_free_ports


@asynccontextmanager
async def app_running(
    folder: Path, database: Database, within: float = 300, **more: str
) -> AsyncIterator[str]:
    """Its address, once it answers; it may take so many seconds. `more` is added to its environment."""
    port = three_free_ports()
    told = {"XIAOER_STATE": str(folder), "XIAOER_DATABASE_URL": database.url, "XIAOER_PORT": str(port)}
    told |= {"XIAOER_REDIS_URL": ""} | more
    command = ("-m", "uvicorn", "backoffice.app:app", "--port", str(port), "--log-level", "warning")
    process = await asyncio.create_subprocess_exec(sys.executable, *command, env={**os.environ, **told})
    url = f"http://127.0.0.1:{port}"
    try:
        async with asyncio.timeout(within), httpx.AsyncClient() as client:
            while True:
                try:
                    await client.get(f"{url}/console/sign-in")
                    break
                except httpx.TransportError:
                    assert process.returncode is None
                    await asyncio.sleep(0.1)
        yield url
    finally:
        process.terminate()
        await process.wait()

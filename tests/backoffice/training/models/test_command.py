"""`xiaoer train` beside a shop that runs."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from fastapi import FastAPI

from backoffice.kit.database import Database
from backoffice.kit.paging import Page
from backoffice.kit.repeating import background
from backoffice.training.models import service
from backoffice.training.models.ports import Failure
from backoffice.training.models.trainer import Trainer
from tests.backoffice.training.models.conftest import Bench, asked


class Command:
    """Runs the command line against the shop at `url`."""

    def __init__(self, url: str, folder: Path) -> None:
        self._env = os.environ | {"XIAOER_APP_URL": url, "XIAOER_SECRET": "for tests"}
        self._env |= {"XIAOER_STATE": str(folder), "XIAOER_MODELS": str(folder / "models")}

    async def begin(self, *words: str) -> asyncio.subprocess.Process:
        pipe = asyncio.subprocess.PIPE
        command = (sys.executable, "-m", "backoffice.cli", "train", *words)
        return await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe, env=self._env)

    async def run(self, *words: str) -> tuple[int | None, str, str]:
        return await self.ended(await self.begin(*words))

    async def ended(self, process: asyncio.subprocess.Process) -> tuple[int | None, str, str]:
        said, complained = await process.communicate()
        return process.returncode, said.decode(), complained.decode().strip()


@pytest.fixture
async def xiaoer(api: FastAPI, tmp_path: Path) -> AsyncIterator[Command]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(api, log_level="warning"))
        serving = asyncio.create_task(server.serve(sockets=[listening]))
        yield Command(f"http://127.0.0.1:{listening.getsockname()[1]}", tmp_path)
        server.should_exit = True
        await serving


async def begun(database: Database, bench: Bench) -> int:
    """The id of the job that the command asked for, once it is at work."""
    await bench.begun.wait()
    async with database.read() as session:
        return (await service.jobs(session, Page())).jobs[0].id


async def test_it_follows_a_job_to_its_model(trainer: Trainer, xiaoer: Command) -> None:
    async with background(trainer.run()):
        code, said, complained = await xiaoer.run("--why", "because")
    assert (code, complained) == (0, "")
    assert said.splitlines()[-1].startswith("xiaoer-")


async def test_a_job_that_fails_is_told_in_a_line(trainer: Trainer, bench: Bench, xiaoer: Command) -> None:
    bench.failure = Failure("bad_data", "two rules contradict each other")
    async with background(trainer.run()):
        code, said, complained = await xiaoer.run()
    assert (code, complained) == (1, "xiaoer: bad_data: two rules contradict each other")
    assert "the last line" in said


async def test_ctrl_c_leaves_the_job_and_another_command_cancels_it(
    database: Database, trainer: Trainer, bench: Bench, xiaoer: Command
) -> None:
    bench.ready.clear()
    async with background(trainer.run()):
        following = await xiaoer.begin()
        job = await begun(database, bench)
        following.send_signal(signal.SIGINT)
        code, said, _ = await xiaoer.ended(following)
        assert code == 0
        assert f"Job {job} goes on" in said
        code, said, _ = await xiaoer.run("--cancel")
        assert (code, said.strip()) == (0, f"Job {job} is being cancelled.")


async def test_nothing_to_cancel(database: Database, trainer: Trainer, xiaoer: Command) -> None:
    assert await xiaoer.run("--cancel") == (1, "", "xiaoer: No training is under way.")
    await asked(database)
    code, said, _ = await xiaoer.run("--cancel")
    assert (code, said.strip()) == (0, "Job 1 is being cancelled.")

"""Runs several processes as one: when one of them ends, or this one does, all of them end."""

import asyncio
import ctypes
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

PR_SET_PDEATHSIG = 1
GRACE = 8.0
Result = TypeVar("Result")


class Trouble(Exception):
    """What went wrong and what to do about it, in one line for the person at the terminal."""


@dataclass(frozen=True)
class Process:
    """A command with what is added to the environment; what it says goes to `log`.

    `gives_way`: how much less it gets of a busy machine, as `nice` counts.
    """

    name: str
    command: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    gives_way: int = 0


class ProcessEnded(Trouble):
    """A process that was to stay ended by itself."""

    def __init__(self, process: Process, code: int) -> None:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        super().__init__(f"{process.name} {how}: see {process.log}")
        self.process = process
        self.code = code


class Supervisor:
    """An async context manager: on leaving it no process that it started is left.

    Each process leads a process group of its own, so that Ctrl-C reaches this process only and everything a
    process started ends with it. On Linux the kernel ends the processes even when this one is killed.
    """

    def __init__(self, cwd: Path) -> None:
        self.cwd = cwd
        self.running: dict[str, tuple[Process, asyncio.subprocess.Process]] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.gather(*(self.stop(name) for name in list(self.running)))

    async def start(self, process: Process) -> None:
        """Starts a process; its log is written anew. Raises `OSError` when the command cannot run."""
        process.log.parent.mkdir(parents=True, exist_ok=True)
        with process.log.open("wb") as log:
            child = await asyncio.create_subprocess_exec(
                *process.command,
                cwd=self.cwd,
                env={**os.environ, **process.env},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=prepared(process.gives_way),
            )
        self.running[process.name] = (process, child)

    async def stop(self, name: str) -> None:
        """Asks a process and all it started to end, and ends them after `GRACE` seconds."""
        _, child = self.running.pop(name)
        signal_group(child.pid, signal.SIGTERM)
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(GRACE):
                    await child.wait()
        finally:
            signal_group(child.pid, signal.SIGKILL)
            await child.wait()

    async def run(self, process: Process, hear: Callable[[str], None] = lambda line: None) -> None:
        """Runs a process to its end; `hear` is told every line of its log as it is written.

        Raises `Trouble` with the last line when it fails, `ProcessEnded` when it is killed.
        """
        await self.start(process)
        child = self.running[process.name][1]
        with process.log.open(encoding="utf-8", errors="replace") as log:
            while child.returncode is None:
                with suppress(TimeoutError):
                    async with asyncio.timeout(0.2):
                        await child.wait()
                for line in log:
                    hear(line.strip())
        await self.stop(process.name)
        if child.returncode and child.returncode < 0:
            raise ProcessEnded(process, child.returncode)
        if child.returncode:
            raise Trouble(f"{process.name} failed: {last_line(process.log)} (see {process.log})")

    async def watch(self) -> None:
        """Waits for the first process to end by itself and raises `ProcessEnded`."""
        waits = {asyncio.create_task(child.wait()): process for process, child in self.running.values()}
        try:
            done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        ended = done.pop()
        raise ProcessEnded(waits[ended], ended.result())

    async def during(self, work: Awaitable[Result]) -> Result:
        """The result of `work`; drops it and raises `ProcessEnded` when a process ends before."""
        job, watching = asyncio.ensure_future(work), asyncio.create_task(self.watch())
        try:
            await asyncio.wait({job, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not job.done():
                watching.result()
            return job.result()
        finally:
            job.cancel()
            watching.cancel()
            await asyncio.gather(job, watching, return_exceptions=True)


def last_line(log: Path) -> str:
    """The last line of a log that says something."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines()]
    return next((line for line in reversed(lines) if line), "it said nothing")


@contextmanager
def exclusive(path: Path, trouble: str) -> Iterator[None]:
    """Holds the lock file `path`; raises `Trouble` with the given words when another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Trouble(trouble) from None
        yield


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signals the process group led by `pid`, if anything of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def prepared(gives_way: int) -> Callable[[], None]:
    """What a child of this process calls first, so that the kernel kills it when this process dies."""
    prctl = ctypes.CDLL(None, use_errno=True).prctl if sys.platform == "linux" else None
    parent = os.getpid()

    def arrange() -> None:
        os.nice(gives_way)
        if prctl:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

    return arrange

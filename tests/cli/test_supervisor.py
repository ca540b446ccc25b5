"""The supervisor with small real processes."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from backoffice.supervisor import Process, ProcessEnded, Supervisor, Trouble, exclusive

SLEEPS = "import time; print('up', flush=True); time.sleep(600)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + SLEEPS
PARENT = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {SLEEPS!r}]).wait()"


def python(name: str, code: str, folder: Path) -> Process:
    return Process(name, [sys.executable, "-c", code], folder / f"{name}.log")


async def said(process: Process) -> None:
    """Waits until a process has written its first word."""
    async with asyncio.timeout(20):
        while not (process.log.exists() and process.log.read_bytes()):
            await asyncio.sleep(0.02)


def group_is_gone(leader: int) -> bool:
    """Whether no process of a group is left but those that wait to be reaped."""
    table = subprocess.run(["ps", "-axo", "pgid=,stat="], capture_output=True, text=True, check=True).stdout
    return not any(
        int(group) == leader and not state.startswith("Z")
        for group, state in map(str.split, table.splitlines())
    )


async def test_leaving_ends_every_process_with_its_own_children(tmp_path: Path) -> None:
    plain, parent = python("plain", SLEEPS, tmp_path), python("parent", PARENT, tmp_path)
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(plain)
        await supervisor.start(parent)
        leaders = [child.pid for _, child in supervisor.running.values()]
        await said(plain)
        await said(parent)
    assert all(group_is_gone(leader) for leader in leaders)


async def test_process_that_ignores_the_polite_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backoffice.supervisor.GRACE", 0.2)
    process = python("stubborn", STUBBORN, tmp_path)
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(process)
        leader = supervisor.running["stubborn"][1].pid
        await said(process)
    assert group_is_gone(leader)


async def test_a_process_that_ends_is_named_with_its_log_and_ends_the_others(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(python("lasting", SLEEPS, tmp_path))
        leader = supervisor.running["lasting"][1].pid
        await supervisor.start(python("failing", "raise SystemExit(3)", tmp_path))
        with pytest.raises(ProcessEnded, match=r"^failing ended with code 3: see .*failing\.log$"):
            await supervisor.during(asyncio.Event().wait())
    assert group_is_gone(leader)


async def test_a_killed_process_is_told_from_one_that_failed(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(python("bot", SLEEPS, tmp_path))
        os.kill(supervisor.running["bot"][1].pid, signal.SIGKILL)
        with pytest.raises(ProcessEnded, match="bot was killed by signal 9"):
            await supervisor.watch()


async def test_a_run_is_heard_line_by_line_and_its_failure_is_told(tmp_path: Path) -> None:
    heard: list[str] = []
    process = python("seeding", 'print(1); print(2); raise SystemExit("no such table")', tmp_path)
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(Trouble, match=r"^seeding failed: no such table \(see .*seeding\.log\)$"):
            await supervisor.run(process, heard.append)
    assert sorted(heard) == ["1", "2", "no such table"]


async def test_work_that_finishes_gives_its_result(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        await supervisor.start(python("bot", SLEEPS, tmp_path))
        assert await supervisor.during(asyncio.sleep(0, "done")) == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends the children of a killed process")
async def test_killing_the_supervisor_itself_leaves_no_process(tmp_path: Path) -> None:
    code = f"""
import asyncio, sys
from pathlib import Path
from backoffice.supervisor import Process, Supervisor

async def main():
    async with Supervisor(Path.cwd()) as supervisor:
        await supervisor.start(Process("bot", [sys.executable, "-c", {SLEEPS!r}], Path("bot.log")))
        print(supervisor.running["bot"][1].pid, flush=True)
        await supervisor.watch()

asyncio.run(main())
"""
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout
    child = int(await killed.stdout.readline())
    killed.kill()
    await killed.wait()
    async with asyncio.timeout(10):
        while not ended(child):
            await asyncio.sleep(0.02)


def ended(pid: int) -> bool:
    """Whether a process is gone or only waits to be reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except FileNotFoundError:
        return True


async def test_a_command_that_does_not_exist_leaves_nothing_to_stop(tmp_path: Path) -> None:
    async with Supervisor(tmp_path) as supervisor:
        with pytest.raises(FileNotFoundError):
            await supervisor.start(Process("bot", [str(tmp_path / "none")], tmp_path / "bot.log"))
        assert not supervisor.running


def test_a_lock_is_held_by_one_and_free_again_afterwards(tmp_path: Path) -> None:
    lock = tmp_path / "deep" / "lock"
    with exclusive(lock, "taken"), pytest.raises(Trouble, match="taken"), exclusive(lock, "taken"):
        pass
    with exclusive(lock, "taken"):
        pass

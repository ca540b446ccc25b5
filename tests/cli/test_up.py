"""`xiaoer up` with the real bot, actions and app."""

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live import three_free_ports

CLI = [sys.executable, "-m", "backoffice.cli"]


@contextmanager
def running(state: Path) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """The shop with its state in a folder, ready; and the environment to reach it."""
    environment = {**os.environ, "XIAOER_STATE": str(state), "PORT": str(three_free_ports())}
    shop = subprocess.Popen(
        [*CLI, "up"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert shop.stdout
        said = []
        for line in shop.stdout:
            said.append(line)
            if "Ctrl-C" in line:
                break
        else:
            raise AssertionError("".join(said))
        del environment["PORT"]
        yield shop, environment
    finally:
        shop.kill()
        shop.wait()


def children(state: Path) -> dict[str, int]:
    """Process ids by name of what serves the shop of a state folder."""
    table = subprocess.run(
        ["ps", "-axww", "-o", "pid=,stat=,command="], capture_output=True, text=True, check=True
    )
    found = {}
    for row in table.stdout.splitlines():
        pid, stat, command = row.split(None, 2)
        for name, mark in (
            ("bot", "-m bot.lean run"),
            ("actions", "-m actions"),
            ("app", "backoffice.app:app"),
        ):
            if mark in command and not stat.startswith("Z") and serves(int(pid), state):
                found[name] = int(pid)
    return found


def serves(pid: int, state: Path) -> bool:
    try:
        return f"XIAOER_STATE={state}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return False


def test_a_shop_starts_answers_and_ends(tmp_path: Path) -> None:
    state = tmp_path / "var"
    with running(state) as (shop, environment):
        assert set(children(state)) == {"bot", "actions", "app"}
        readable = [path for path in state.rglob("*") if path.stat().st_mode & 0o077]
        assert (state / "xiaoer.db").exists()
        assert not readable
        done = subprocess.run(
            [*CLI, "ask", "我有多少积分", "--customer", "15400000008", "--json"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        answer = json.loads(done.stdout)
        assert answer["conversation"]
        assert any(re.search(r"\d", event["text"]) for event in answer["events"])

        again = subprocess.run([*CLI, "up"], env=environment | {"PORT": "1"}, capture_output=True, text=True)
        assert again.returncode == 1
        shop.send_signal(signal.SIGINT)
        assert shop.wait(30) == 0
    assert not children(state)
    assert not (state / "up.json").exists()

    with running(state) as (shop, _):
        os.kill(children(state)["bot"], signal.SIGKILL)
        assert shop.wait(30) == 1
        assert shop.stdout
        assert f"xiaoer: bot was killed by signal 9: see {state / 'log' / 'bot.log'}" in shop.stdout.read()
    assert not children(state)

"""What goes wrong before the start is told in one line, and the exit code says so."""

import socket
import subprocess
from pathlib import Path

import pytest

from backoffice.training.datasets.fingerprints import fingerprint
from tests.live import three_free_ports
from tests.processes import xiaoer


def the_line(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a command that failed."""
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("xiaoer: ")
    return lines[0]


@pytest.fixture
def port() -> int:
    return three_free_ports()


@pytest.mark.parametrize(("step", "name"), [(0, "app"), (1, "bot"), (2, "actions")])
def test_a_port_in_use(tmp_path: Path, port: int, step: int, name: str) -> None:
    with socket.create_server(("127.0.0.1", port + step)):
        line = the_line(xiaoer("up", "--port", str(port), XIAOER_STATE=str(tmp_path)))
    assert f"Port {port + step} for {name}" in line
    assert "PORT=" in line


@pytest.mark.parametrize("setting", ["XIAOER_STATE", "XIAOER_MODELS"])
def test_a_folder_that_cannot_be_written(tmp_path: Path, port: int, setting: str) -> None:
    (tmp_path / "file").touch()
    places = {"XIAOER_STATE": str(tmp_path), setting: str(tmp_path / "file")}
    assert str(tmp_path / "file") in the_line(xiaoer("up", "--port", str(port), **places))


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://postgres:hidden@127.0.0.1:1/none", "127.0.0.1:1/none"),
        ("sqlite:////nowhere/at/all.db", "/nowhere/at/all.db"),
        ("mysql://127.0.0.1/none", "mysql"),
        ("rubbish", "rubbish"),
    ],
)
def test_a_database_that_cannot_be_reached(tmp_path: Path, port: int, url: str, shown: str) -> None:
    line = the_line(xiaoer("up", "--port", str(port), XIAOER_STATE=str(tmp_path), XIAOER_DATABASE_URL=url))
    assert shown in line
    assert "XIAOER_DATABASE_URL" in line
    assert "hidden" not in line


def test_a_redis_that_cannot_be_reached(tmp_path: Path, port: int) -> None:
    url = "redis://127.0.0.1:1/0"
    line = the_line(xiaoer("up", "--port", str(port), XIAOER_STATE=str(tmp_path), XIAOER_REDIS_URL=url))
    assert "XIAOER_REDIS_URL" in line


def test_a_damaged_model(tmp_path: Path, port: int) -> None:
    model = tmp_path / f"xiaoer-20260101T000000Z-{fingerprint()}.tar.gz"
    model.write_bytes(b"\x1f\x8b\x08\x00 half a model")
    places = {"XIAOER_STATE": str(tmp_path / "var"), "XIAOER_MODELS": str(tmp_path)}
    line = the_line(xiaoer("up", "--port", str(port), **places))
    assert model.name in line
    assert "xiaoer train" in line


@pytest.mark.parametrize("text", ["eight thousand", "70000"])
def test_a_port_that_is_none(tmp_path: Path, text: str) -> None:
    done = xiaoer("up", XIAOER_PORT=text, XIAOER_STATE=str(tmp_path))
    assert done.returncode == 1
    assert text in the_line(done) or "XIAOER_PORT" in the_line(done)


def test_asking_a_shop_that_is_not_there(tmp_path: Path, port: int) -> None:
    places = {"XIAOER_APP_URL": f"http://127.0.0.1:{port}", "XIAOER_STATE": str(tmp_path)}
    assert "make run" in the_line(xiaoer("ask", "有人吗", **places))


def test_help_teaches_with_examples() -> None:
    done = xiaoer("ask", "--help")
    assert done.returncode == 0
    assert 'xiaoer ask "门店几点关门"' in done.stdout


def test_doctor_tells_of_a_bot_never_trained(tmp_path: Path) -> None:
    done = xiaoer("doctor", XIAOER_STATE=str(tmp_path), XIAOER_MODELS=str(tmp_path / "models"))
    assert done.returncode == 1
    assert "never trained" in done.stdout

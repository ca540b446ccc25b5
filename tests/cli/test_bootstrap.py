"""How Python is found and when an environment is built."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "deploy" / "bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script on a machine without any Python but the one that runs it."""
    spec = importlib.util.spec_from_file_location("bootstrap", SCRIPT)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name, path in (("ROOT", "."), ("APP", ".venv"), ("BOT", ".venv-rasa"), ("UV", "no-uv")):
        monkeypatch.setattr(module, name, tmp_path / path)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setattr(module.sys, "executable", program(tmp_path / "this-python", "echo 3 12"))
    return module


def program(path: Path, script: str) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_no_python_310_is_told_with_its_cure(bootstrap: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(bootstrap.Failed, match=r"Python 3\.10 is missing.*pyenv install 3\.10"):
        bootstrap.make_bot(tmp_path / "bot.txt")


@pytest.mark.parametrize("place", ["path/python3.10", "pyenv/versions/3.10.4/bin/python"])
def test_python_310_is_found(bootstrap: ModuleType, tmp_path: Path, place: str) -> None:
    expected = program(tmp_path / place, "echo 3 10")
    assert str(bootstrap.find_python((3, 10), (3, 10))) == expected


def test_python_310_is_found_by_uv(bootstrap: ModuleType, tmp_path: Path) -> None:
    expected = program(tmp_path / "somewhere", "echo 3 10")
    program(tmp_path / "path" / "uv", f"echo {expected}")
    assert bootstrap.find_python((3, 10), (3, 10)) == expected


def test_a_shim_that_does_not_run_is_passed_over(bootstrap: ModuleType, tmp_path: Path) -> None:
    program(tmp_path / "path" / "python3.10", "echo 'pyenv: python3.10: command not found' >&2; exit 127")
    expected = program(tmp_path / "pyenv/versions/3.10.9/bin/python", "echo 3 10")
    assert str(bootstrap.find_python((3, 10), (3, 10))) == expected


def test_an_old_python_looks_for_a_newer_one(bootstrap: ModuleType, tmp_path: Path) -> None:
    program(tmp_path / "this-python", "echo 3 8")
    assert bootstrap.find_python((3, 11), (3, 99)) is None
    expected = program(tmp_path / "path" / "python3.12", "echo 3 12")
    assert bootstrap.find_python((3, 11), (3, 99)) == expected


@pytest.fixture
def made(bootstrap: ModuleType, tmp_path: Path) -> tuple[Callable[[], None], list[Path], Path]:
    """Builds a toy environment; the list grows with every real making."""
    lock, home, makings = tmp_path / "lock.txt", tmp_path / "env", []
    lock.write_text("one==1")

    def make(lock: Path) -> None:
        program(home / "bin" / "python", "echo 3 11")
        makings.append(lock)

    return lambda: bootstrap.build(home, lock, make), makings, lock


def test_an_environment_is_made_once_and_again_when_its_lock_changes(
    made: tuple[Callable[[], None], list[Path], Path],
) -> None:
    build, makings, lock = made
    build()
    build()
    assert len(makings) == 1
    lock.write_text("one==2")
    build()
    assert len(makings) == 2


def test_an_interrupted_making_is_done_again(bootstrap: ModuleType, tmp_path: Path) -> None:
    lock, home = tmp_path / "lock.txt", tmp_path / "env"
    lock.write_text("one==1")
    program(home / "bin" / "python", "echo 3 11")
    makings = []

    def interrupted(lock: Path) -> None:
        makings.append(lock)
        raise KeyboardInterrupt

    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            bootstrap.build(home, lock, interrupted)
    assert len(makings) == 2


def test_uv_is_installed_from_its_own_lines_of_the_lock(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    kept = tmp_path / "kept.txt"
    program(tmp_path / ".venv" / "bin" / "python", f'for last; do :; done; cp "$last" {kept}')
    lock = tmp_path / "app.txt"
    lock.write_text(
        "a==1 \\\n    --hash=sha256:aa\nuv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc\nuvx==3\n"
    )
    bootstrap.install_uv(lock)
    assert kept.read_text() == "uv==2 \\\n    --hash=sha256:bb \\\n    --hash=sha256:cc"

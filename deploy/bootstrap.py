"""Builds the two environments from their locks: .venv (Python 3.11 or newer) and .venv-rasa (Python 3.10).

Needs the standard library only and keeps to the syntax of Python 3.6, so that an old `python3` can find a
newer one. An environment is built again only when what it is made of changed: a stamp inside holds its hash.
"""

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APP = ROOT / ".venv"
BOT = ROOT / ".venv-rasa"
UV = APP / "bin" / "uv"


class Failed(Exception):
    """What to tell the person at the terminal, in one line."""


def main():
    build(APP, ROOT / "requirements" / "app.txt", make_app, extra=ROOT / "pyproject.toml")
    build(BOT, ROOT / "requirements" / "bot.txt", make_bot)


def build(home, lock, make, extra=None):
    """Makes the environment `home` unless its stamp holds the hash of `lock` and `extra`."""
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in (lock, extra) if path)).hexdigest()
    stamp = home / ".lock-hash"
    if version_of(home / "bin" / "python") and stamp.exists() and stamp.read_text() == digest:
        return
    if stamp.exists():
        stamp.unlink()
    make(lock)
    stamp.write_text(digest)


def make_app(lock):
    if not version_of(APP / "bin" / "python"):
        python = find_python((3, 11), (3, 99))
        if not python:
            raise Failed("Python 3.11 or newer is missing: install it (for example `pyenv install 3.11`).")
        say("Making .venv with {}".format(python))
        run([python, "-m", "venv", "--clear", APP], "Python's venv module is missing: install python3-venv.")
    say("Syncing .venv with {}".format(lock.relative_to(ROOT)))
    if not UV.exists():
        install_uv(lock)
    sync(APP, lock)
    install = [UV, "pip", "install", "--quiet", "--python", APP / "bin" / "python"]
    run([*install, "--no-deps", "--no-build-isolation", "--editable", ROOT])


def make_bot(lock):
    if version_of(BOT / "bin" / "python") != (3, 10):
        python = find_python((3, 10), (3, 10))
        if not python:
            raise Failed(
                "Python 3.10 is missing (looked in PATH, pyenv and uv), the bot needs it: "
                "run `pyenv install 3.10` or `.venv/bin/uv python install 3.10`, then try again."
            )
        say("Making .venv-rasa with {}".format(python))
        run([UV, "venv", "--quiet", "--clear", "--python", python, BOT])
    say("Syncing .venv-rasa with {} (the first time takes a few minutes)".format(lock.relative_to(ROOT)))
    sync(BOT, lock)


def install_uv(lock):
    """Installs uv with pip from its own lines of the lock, hashes checked."""
    pinned = re.search(r"^uv==(?:.*\\\n)+.*", lock.read_text(), re.MULTILINE)
    with tempfile.TemporaryDirectory() as folder:
        only_uv = Path(folder) / "uv.txt"
        only_uv.write_text(pinned.group())
        quiet = ["--quiet", "--disable-pip-version-check"]
        run([APP / "bin" / "python", "-m", "pip", "install", *quiet, "--require-hashes", "-r", only_uv])


def sync(home, lock):
    """What is compiled here is not compiled by every process, where Python may not write its caches."""
    to = ["--python", home / "bin" / "python"]
    run([UV, "pip", "sync", "--quiet", "--compile-bytecode", "--require-hashes", *to, lock])


def find_python(lowest, highest):
    """The first Python of a version between `lowest` and `highest` that really runs, or None."""
    for candidate in candidates(lowest):
        if lowest <= (version_of(candidate) or (0, 0)) <= highest:
            return candidate
    return None


def candidates(lowest):
    """Where a Python may be: this one, PATH, pyenv, uv."""
    yield sys.executable
    for minor in range(lowest[1], 15):
        yield from filter(None, [shutil.which("python3.{}".format(minor))])
    pyenv = Path(os.environ.get("PYENV_ROOT") or output(["pyenv", "root"]) or Path.home() / ".pyenv")
    yield from sorted(pyenv.glob("versions/3.*/bin/python"))
    uv = str(UV) if UV.exists() else "uv"
    yield from filter(
        None, [output([uv, "python", "find", "--no-python-downloads", ">=3.{},<3.15".format(lowest[1])])]
    )


def version_of(python):
    """(major, minor) of an interpreter, None when it does not run."""
    text = output([python, "-c", "import sys; print(*sys.version_info[:2])"])
    return tuple(map(int, text.split())) if text else None


def output(command):
    try:
        done = subprocess.run(
            list(map(str, command)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            universal_newlines=True,
            cwd=str(ROOT),
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def run(command, hint=None):
    """Runs a command and shows what it says; raises `Failed` when it fails."""
    done = subprocess.run(list(map(str, command)), cwd=str(ROOT))
    if done.returncode:
        raise Failed(hint or "This failed: {}".format(" ".join(map(str, command))))


def say(line):
    print(line, flush=True)


if __name__ == "__main__":
    try:
        main()
    except Failed as failure:
        sys.exit("xiaoer: {}".format(failure))
    except OSError as error:
        sys.exit("xiaoer: {}".format(error))
    except KeyboardInterrupt:
        sys.exit(130)

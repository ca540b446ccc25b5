"""What a model is made of, as one short name: the code of the bot and the data it learns from."""

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).resolve().parents[3]
INGREDIENTS = ("config.yml", "requirements/bot.txt", "bot", "nlu_data")
DATA = ("nlu_data", "bot/domain", "bot/rules", "bot/stories")
"""What a shop edits of it."""
IGNORED = {".pyc", ".md"}
ASIDE = ("bot/judging", "bot/report")


def fingerprint(root: Path = ROOT, data: Path | None = None) -> str:
    """Of the code below `root` with the data below `data`, else with its own."""
    return fingerprint_of(code(root) | below(data or root, DATA))


def fingerprint_of(hashes: Mapping[str, str]) -> str:
    """Eight hex digits over files, told as the SHA-256 of each by its path, whatever their order."""
    digest = hashlib.sha256()
    for path in sorted(hashes, key=place):
        digest.update(f"{path} {hashes[path]}\n".encode())
    return digest.hexdigest()[:8]


def place(path: str) -> tuple[int, PurePosixPath]:
    parts = PurePosixPath(path)
    return next(number for number, name in enumerate(INGREDIENTS) if parts.is_relative_to(name)), parts


def code(root: Path = ROOT) -> dict[str, str]:
    """The hashes of all that a shop does not edit."""
    return {path: told for path, told in below(root, INGREDIENTS).items() if not is_data(path)}


def is_data(path: str) -> bool:
    return any(PurePosixPath(path).is_relative_to(name) for name in DATA)


def below(root: Path, names: Iterable[str]) -> dict[str, str]:
    found = dict[str, str]()
    for name in names:
        start = root / name
        for path in start.rglob("*") if start.is_dir() else [start]:
            told = path.relative_to(root)
            if path.is_file() and path.suffix not in IGNORED and not any(map(told.is_relative_to, ASIDE)):
                found[told.as_posix()] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found

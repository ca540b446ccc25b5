"""The files of a Rasa 3 project, by their paths, as one value: read, looked at, written back without loss.

What a file says is kept as it is, whatever it is; `views` tell what is in it, `editing` and `renaming` make a
project that says something else. A file that says what it said is written byte for byte. Files that are not
YAML are kept and not looked at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from backoffice.training.projects.checking import Misplaced, check
from backoffice.training.projects.yaml_text import Unreadable, dump, line_of, load, same


@dataclass(frozen=True)
class File:
    """`read` is what `source` says, `data` what is to be written."""

    source: str = ""
    read: Any = None
    data: Any = None


@dataclass(frozen=True)
class Project:
    files: Mapping[str, File]


def read(files: Mapping[str, str]) -> Project:
    """Raises `Unreadable` for a YAML file that Rasa would not take."""
    return Project({path: read_file(path, text) for path, text in files.items()})


def read_file(path: str, text: str) -> File:
    if not is_yaml(path):
        return File(text)
    data = load(path, text)
    try:
        check(data)
    except Misplaced as wrong:
        raise Unreadable(path, line_of(text, wrong.way), wrong.reason) from None
    return File(text, data, data)


def is_yaml(path: str) -> bool:
    return path.lower().endswith((".yml", ".yaml"))


def write(project: Project) -> dict[str, str]:
    """The text of every file."""
    return {path: text_of(file) for path, file in project.files.items()}


def changes(project: Project) -> dict[str, str]:
    """The text of the files that say something else than when they were read."""
    return {path: text_of(file) for path, file in project.files.items() if not same(file.read, file.data)}


def text_of(file: File) -> str:
    return file.source if same(file.read, file.data) else dump(file.data, file.source)


def sections(project: Project, name: str) -> Iterator[tuple[str, Any]]:
    """What the files hold under a key of their top, and which they are."""
    for path, file in project.files.items():
        if isinstance(file.data, dict) and file.data.get(name):
            yield path, file.data[name]

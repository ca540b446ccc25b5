"""Training data as files below a folder."""

from pathlib import Path

from backoffice.training.datasets.domain import Dataset
from backoffice.training.datasets.fingerprints import DATA, ROOT
from backoffice.training.projects.rasa_yaml import is_yaml

PARTS = (*DATA, "tests/stories")


def shipped(root: Path = ROOT) -> dict[str, str]:
    """The texts of what ships, by their paths from the root."""
    return {
        path.relative_to(root).as_posix(): path.read_text(encoding="utf8")
        for part in PARTS
        for path in sorted((root / part).rglob("*"))
        if is_yaml(path.name)
    }


def materialise(dataset: Dataset, folder: Path) -> None:
    """Write a dataset below an empty folder, where `trainer.train` takes it from."""
    for part in PARTS:
        (folder / part).mkdir(parents=True, exist_ok=True)
    for path, text in dataset.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())

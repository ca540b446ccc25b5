"""Models to change between."""

import gzip
import shutil
from pathlib import Path

from backoffice.supervisor import Trouble
from backoffice.trainer import ROOT, fits, newest


def folder_of(place: Path, others: int) -> tuple[Path, list[str]]:
    """A folder with the project's model and the same under other names, packed anew, and those names.

    Raises `Trouble` when the project's is missing or stale.
    """
    trained = newest(ROOT / "models")
    if trained is None or not fits(trained):
        raise Trouble("the model is stale: run `xiaoer train` first")
    folder = place / "models"
    folder.mkdir()
    shutil.copy(trained, folder)
    names = [f"xiaoer-200001{number:02}T000000Z-00000000.tar.gz" for number in range(1, others + 1)]
    for number, name in enumerate(names):
        packed_anew = gzip.GzipFile(folder / name, "wb", compresslevel=1, mtime=number)
        with gzip.open(trained) as packed, packed_anew as again:
            shutil.copyfileobj(packed, again)
    return folder, names

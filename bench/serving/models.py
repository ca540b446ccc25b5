"""Two models to change between."""

import gzip
import shutil
from pathlib import Path

from backoffice.supervisor import Trouble
from backoffice.trainer import ROOT, fits, newest


def folder_of_two(place: Path) -> tuple[Path, str]:
    """A folder with the project's model and the same under another name, packed anew, and that name.

    Raises `Trouble` when the project's is missing or stale.
    """
    trained = newest(ROOT / "models")
    if trained is None or not fits(trained):
        raise Trouble("the model is stale: run `xiaoer train` first")
    folder = place / "models"
    folder.mkdir()
    shutil.copy(trained, folder)
    other = folder / "xiaoer-20000101T000000Z-00000000.tar.gz"
    with gzip.open(trained) as packed, gzip.GzipFile(other, "wb", compresslevel=1, mtime=0) as again:
        shutil.copyfileobj(packed, again)
    return folder, other.name

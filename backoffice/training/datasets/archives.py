"""Training data as a zip of Rasa YAML, and from one."""

import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from backoffice.kit.errors import Invalid
from backoffice.training.datasets.drafts import Verb, parsed
from backoffice.training.datasets.folders import PARTS
from backoffice.training.datasets.soundness import DOMAIN
from backoffice.training.projects.rasa_yaml import Project, is_yaml

LARGEST = 20_000_000
"""Bytes of the files of an archive, and of the archive."""
MOST_FILES = 2000
EARLIEST = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Upload:
    """The files of training data in an archive, where they belong, and those that are none."""

    files: Mapping[str, str]
    left_out: list[str]


def pack(files: Mapping[str, str]) -> bytes:
    """A zip; the same files make the same bytes."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(files):
            told = zipfile.ZipInfo(path, EARLIEST)
            told.external_attr, told.compress_type = 0o644 << 16, zipfile.ZIP_DEFLATED
            archive.writestr(told, files[path].encode())
    return packed.getvalue()


def unpack(name: str, content: bytes) -> Upload:
    """Of a zip, or of a single YAML file.

    Files that stand where the shop's do stay there; others go where Rasa is told to look, by what they hold:
    `data/nlu.yml` to `nlu_data/data/nlu.yml`. Raises `Invalid` (`archive_invalid`), `Unreadable`.
    """
    if len(content) > LARGEST:
        raise Invalid("archive_invalid", f"it is larger than {LARGEST} bytes")
    files, left_out = dict[str, str](), list[str]()
    zipped = zipfile.is_zipfile(io.BytesIO(content))
    for named, text in (unzipped(content) if zipped else {name: content}).items():
        if not is_inside(named):
            raise Invalid("archive_invalid", f"{named!r} cannot be the path of a file")
        path = str(PurePosixPath(named))
        place = belongs(path, decoded(path, text)) if is_yaml(path) and not is_hidden(path) else None
        if place is None:
            left_out.append(path)
        elif place in files:
            raise Invalid("archive_invalid", f"two files would stand at {place}")
        else:
            files[place] = decoded(path, text)
    if not files:
        raise Invalid("archive_invalid", "it holds no training data")
    return Upload(files, left_out)


def unzipped(content: bytes) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            told = [each for each in archive.infolist() if not each.is_dir()]
            if len(told) > MOST_FILES or sum(each.file_size for each in told) > LARGEST:
                raise Invalid("archive_invalid", f"it holds more than {MOST_FILES} files or {LARGEST} bytes")
            if len({each.filename for each in told}) < len(told):
                raise Invalid("archive_invalid", "two of its files have the same path")
            return {each.filename: archive.read(each) for each in told}
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, ValueError) as error:
        raise Invalid("archive_invalid", f"it cannot be unpacked: {error}") from None


def is_inside(path: str) -> bool:
    parts = PurePosixPath(path).parts
    return (
        bool(parts)
        and not path.startswith("/")
        and ".." not in parts
        and "\\" not in path
        and path.isprintable()
    )


def is_hidden(path: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) for part in PurePosixPath(path).parts)


def decoded(path: str, content: bytes) -> str:
    try:
        return content.decode("utf8")
    except UnicodeDecodeError:
        raise Invalid("archive_invalid", f"{path} is not UTF-8") from None


def belongs(path: str, text: str) -> str | None:
    """Where a file stands; None for one that holds no training data."""
    if any(PurePosixPath(path).is_relative_to(part) for part in PARTS):
        return path
    (file,) = parsed({path: text}).files.values()
    keys = set(file.data or {})
    tests = PurePosixPath(path).name.startswith("test_") or "tests" in PurePosixPath(path).parts
    if "nlu" in keys:
        return f"nlu_data/{path}"
    if "stories" in keys or "rules" in keys:
        kind = "rules" if "rules" in keys else "stories"
        return f"tests/stories/{path}" if tests and kind == "stories" else f"bot/{kind}/{path}"
    return f"bot/domain/{path}" if keys & DOMAIN else None


def importing(upload: Upload, whole: bool) -> Verb:
    """Puts the files of an upload in the place of those of their paths; `whole`: of all."""

    def verb(project: Project) -> Project:
        kept = {} if whole else project.files
        return Project({**kept, **parsed(upload.files).files})

    return verb

"""Tables as CSV: taken in line by line with a report of every bad one, written so that Excel runs nothing.

A cell that a spreadsheet would take for a formula is written with an apostrophe before it, and read without.
"""

import codecs
import csv
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from itertools import chain, islice
from tempfile import SpooledTemporaryFile
from typing import IO, Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError
from sqlalchemy.exc import IntegrityError

from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Invalid, Problem
from backoffice.kit.messages import catalogue, message

LARGEST = 32 * 1024 * 1024
"""Bytes of a file that is taken in over HTTP."""
LISTED = 1000
"""Bad lines told of one by one; all are counted."""
TOGETHER = 200
"""Lines of a dry run that see each other."""
CHUNK = 64 * 1024
IN_MEMORY = 1024 * 1024
FORMULA = re.compile(r"'*[=+\-@\t\r＝＋－＠]")
QUOTED = re.compile(r"'+[=+\-@\t\r＝＋－＠]")

Row = TypeVar("Row", bound=BaseModel)
Item = TypeVar("Item")
Mode = Literal["each", "all", "dry"]
Progress = Callable[[int, int], None]


class BadLine(BaseModel):
    """`line`: where it begins in the file, the header at 1; `column`: none when it is about all of them."""

    line: int
    column: str
    code: str
    says: str


class Report(BaseModel):
    """What became of a file: `lines` = `taken` + `unchanged` + `bad`.

    With `dry_run` nothing is kept; the same where all or nothing was asked for and a line is bad
    (`kept` is false then).
    """

    lines: int = 0
    taken: int = 0
    unchanged: int = 0
    bad: int = 0
    bad_lines: list[BadLine] = []
    dry_run: bool = False
    kept: bool = True


@dataclass(frozen=True)
class Sheet(Generic[Row]):
    """A kind of table. `put` takes one line in, given the columns that are there, and tells whether that
    changed anything; a `Problem` of it makes the line bad, in the column that `blames` names for its code.

    The room's messages have the labels of the columns under `sheets.columns` and those of problems under
    `sheets.problems`.
    """

    room: str
    row: type[Row]
    key: Callable[[Row], Hashable]
    put: Callable[[WriteSession, Row, frozenset[str]], Awaitable[bool]]
    blames: dict[str, str]

    def label(self, column: str) -> str:
        return str(catalogue(self.room)["sheets"]["columns"][column])

    def explain(self, problem: Problem) -> str:
        return str(catalogue(self.room)["sheets"]["problems"].get(problem.code, problem.detail))


async def take_in(
    database: Database,
    sheet: Sheet[Row],
    file: IO[bytes],
    mode: Mode = "each",
    progress: Progress | None = None,
) -> Report:
    """Read a table in UTF-8, with or without BOM, or GB18030: each good line in a transaction of its own,
    `all` of them in one or none, or `dry` none.

    `progress` hears how many bytes are done and how many there are. Raises `Invalid` (`encoding_unknown`,
    `sheet_empty`, `columns_missing`, `columns_unknown` or `columns_twice`, with `columns`).
    """
    size = file.seek(0, 2)
    text = TextIOWrapper(file, encoding_of(file), newline="")
    report, seen = Report(dry_run=mode == "dry"), dict[Hashable, int]()
    try:
        rows = records(text)
        columns = columns_of(sheet, rows)
        together = {"each": 0, "dry": TOGETHER - 1, "all": None}[mode]
        for first in rows:
            try:
                async with database.write() as session:
                    for line, cells in chain([first], islice(rows, together)):
                        await take(session, sheet, columns, line, cells, seen, report)
                        if progress:
                            progress(file.tell(), size)
                    if mode == "dry" or (mode == "all" and report.bad):
                        raise Undone
            except Undone:
                report.kept = False
    finally:
        text.detach()
    return report


class Undone(Exception):
    """Nothing of a transaction is kept."""


async def take(
    session: WriteSession,
    sheet: Sheet[Row],
    columns: Sequence[str],
    line: int,
    cells: list[str] | None,
    seen: dict[Hashable, int],
    report: Report,
) -> None:
    """Take a line in, or tell what is wrong with it."""
    report.lines += 1
    wrong = list[BadLine]()
    if cells is None:
        wrong = [bad(line, "", "unreadable")]
    elif len(cells) > len(columns):
        wrong = [bad(line, "", "too_many_cells")]
    else:
        told = {name: plain(cell) for name, cell in zip(columns, cells, strict=False) if cell.strip()}
        try:
            row = sheet.row.model_validate(told)
        except ValidationError as error:
            wrong = [complaint(sheet, line, each) for each in error.errors(include_url=False)]
        else:
            first = seen.setdefault(sheet.key(row), line)
            if first != line:
                wrong = [bad(line, "", "line_twice", first=first)]
            else:
                try:
                    async with session.begin_nested():
                        changed = await sheet.put(session, row, frozenset(columns))
                except Problem as problem:
                    column = sheet.blames.get(problem.code, "")
                    label, says = sheet.label(column) if column else "", sheet.explain(problem)
                    wrong = [BadLine(line=line, column=label, code=problem.code, says=says)]
                except IntegrityError:
                    wrong = [bad(line, "", "changed_meanwhile")]
                else:
                    report.taken += changed
                    report.unchanged += not changed
    report.bad += bool(wrong)
    report.bad_lines += wrong[: max(LISTED - len(report.bad_lines), 0)]


def bad(line: int, column: str, code: str, **fields: Any) -> BadLine:
    return BadLine(line=line, column=column, code=code, says=message("kit", f"sheets.{code}", **fields))


def complaint(sheet: Sheet[Any], line: int, error: ErrorDetails) -> BadLine:
    """What a rule of the model finds wrong, in words."""
    known, code = catalogue("kit")["sheets"], error["type"]
    fields = {name: value for name, value in error.get("ctx", {}).items() if name != "error"}
    says = str(known.get(code, known["not_valid"])).format(**fields)
    column = str(error["loc"][0]) if error["loc"] else ""
    return BadLine(line=line, column=sheet.label(column) if column else "", code=code, says=says)


def records(text: TextIOWrapper) -> Iterator[tuple[int, list[str] | None]]:
    """The lines that are not empty and where each begins; None for one that cannot be read."""
    reader = csv.reader(text, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader, None)
        except csv.Error:
            yield line, None
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield line, cells


def columns_of(sheet: Sheet[Any], rows: Iterator[tuple[int, list[str] | None]]) -> list[str]:
    """The fields that the header names, by their labels or their names. Raises `Invalid` as `take_in`."""
    _, header = next(rows, (1, None))
    if header is None:
        raise Invalid("sheet_empty", message("kit", "sheets.sheet_empty"))
    known = {name: name for name in sheet.row.model_fields}
    known |= {sheet.label(name): name for name in sheet.row.model_fields}
    named = [cell.strip() for cell in header]
    while named and not named[-1]:
        named.pop()
    require("columns_unknown", [each for each in named if each not in known])
    columns = [known[each] for each in named]
    require("columns_twice", [sheet.label(each) for each in known.values() if columns.count(each) > 1])
    needed = [name for name, field in sheet.row.model_fields.items() if field.is_required()]
    require("columns_missing", [sheet.label(each) for each in needed if each not in columns])
    return columns


def require(code: str, wrong: Iterable[str]) -> None:
    """Raises `Invalid` with the columns that are wrong, if any are."""
    if columns := list(dict.fromkeys(wrong)):
        listed = "、".join(columns)
        raise Invalid(code, message("kit", f"sheets.{code}", columns=listed), columns=columns)


def encoding_of(file: IO[bytes]) -> str:
    """The first encoding in which all of a file can be read. Raises `Invalid` (`encoding_unknown`)."""
    for encoding in ("utf-8-sig", "gb18030"):
        decoder = codecs.getincrementaldecoder(encoding)()
        file.seek(0)
        try:
            while chunk := file.read(CHUNK):
                decoder.decode(chunk)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            continue
        file.seek(0)
        return encoding
    raise Invalid("encoding_unknown", message("kit", "sheets.encoding_unknown"))


async def spooled(chunks: AsyncIterator[bytes]) -> IO[bytes]:
    """What is sent, in a file that goes when it is closed. Raises `Invalid` (`sheet_too_large`)."""
    file = SpooledTemporaryFile[bytes](IN_MEMORY)
    async for chunk in chunks:
        file.write(chunk)
        if file.tell() > LARGEST:
            file.close()
            most = LARGEST // IN_MEMORY
            raise Invalid("sheet_too_large", message("kit", "sheets.sheet_too_large", most=most))
    return file


async def written(header: Sequence[str], rows: AsyncIterator[Sequence[object]]) -> AsyncIterator[bytes]:
    """A table as Excel opens it (UTF-8 with BOM), a chunk at a time."""
    out = StringIO()
    writer = csv.writer(out)
    out.write("\ufeff")
    writer.writerow(map(harmless, header))
    async for row in rows:
        writer.writerow(map(harmless, row))
        if out.tell() >= CHUNK:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def harmless(cell: object) -> object:
    """Text that is no formula; numbers stay."""
    if isinstance(cell, str) and FORMULA.match(cell):
        return f"'{cell}"
    return "" if cell is None else cell


def plain(cell: str) -> str:
    """What `harmless` was given."""
    cell = cell.strip()
    return cell[1:] if QUOTED.match(cell) else cell


# Cells


def yes_no(cell: object) -> object:
    known = catalogue("kit")["sheets"]["yes_no"]
    if isinstance(cell, str):
        if cell.lower() not in known:
            raise PydanticCustomError("yes_or_no", "yes or no")
        return known[cell.lower()]
    return cell


def fen(cell: object) -> object:
    """`129.5` yuan -> 12950."""
    if isinstance(cell, str):
        found = re.fullmatch(r"(?:¥|￥)?([0-9]{1,9})(?:\.([0-9]{1,2})0*)?", cell.replace(",", ""), re.ASCII)
        if not found:
            raise PydanticCustomError("yuan", "an amount in yuan")
        return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))
    return cell


def parts(cell: object) -> object:
    """`棉服|羽绒服` -> two."""
    return [part.strip() for part in cell.split("|") if part.strip()] if isinstance(cell, str) else cell


def from_json(cell: object) -> object:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError):
        raise PydanticCustomError("json_invalid", "JSON") from None


def in_yuan(fen: int) -> str:
    """12950 -> `129.50`, as `fen` reads it."""
    return f"{fen // 100}.{fen % 100:02d}"


YesNo = Annotated[bool, BeforeValidator(yes_no)]
Fen = Annotated[int, BeforeValidator(fen)]

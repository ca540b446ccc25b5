"""Tables are read line by line, and what is written is text to every spreadsheet."""

import csv
from collections.abc import AsyncIterator, Sequence
from io import BytesIO, StringIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.catalog.schemas import PriceLine
from backoffice.kit import sheets
from backoffice.kit.database import Database, WriteSession
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.sheets import Report, Sheet, harmless, plain, spooled, take_in, written

HEADER = "SKU 编码,价格（元）,调价原因"


def sheet(taken: list[PriceLine]) -> Sheet[PriceLine]:
    async def put(session: WriteSession, line: PriceLine, columns: frozenset[str]) -> bool:
        if line.code == "BAD":
            raise Conflict("price_set")
        taken.append(line)
        return line.code != "SAME"

    return Sheet("catalog", PriceLine, lambda line: line.code, put, {"price_set": "code"})


async def read(database: Database, text: str | bytes, mode: Any = "each") -> tuple[Report, list[str]]:
    taken: list[PriceLine] = []
    content = text.encode() if isinstance(text, str) else text
    report = await take_in(database, sheet(taken), BytesIO(content), mode)
    return report, [each.code for each in taken]


async def test_good_lines_are_taken_in_and_bad_ones_told(database: Database) -> None:
    table = f"""{HEADER}
A,129.5,换季

B,,换季
C,一百元,换季
"D
",12,换季
BAD,1,换季
A,2,换季
SAME,1.00,换季
E,1,换季,多一格
F,1
G,-1,换季
"""
    report, taken = await read(database, table)
    assert taken == ["A", "D", "SAME"]
    assert (report.lines, report.taken, report.unchanged, report.bad) == (10, 2, 1, 7)
    assert [(each.line, each.column, each.says) for each in report.bad_lines] == [
        (4, "价格（元）", "必填"),
        (5, "价格（元）", "要填金额（元），最多两位小数"),
        (8, "SKU 编码", "同一时刻已定了别的价格，请再导入一次"),
        (9, "", "和第 2 行重复"),
        (11, "", "这一行的格子比列名多，内容里的逗号要放在引号里"),
        (12, "调价原因", "必填"),
        (13, "价格（元）", "要填金额（元），最多两位小数"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
async def test_encodings_are_told_apart(database: Database, encoding: str) -> None:
    report, taken = await read(database, f"{HEADER}\r\n羽绒服,1,𠮷\r\n".encode(encoding))
    assert (taken, report.bad) == (["羽绒服"], 0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "sheet_empty"),
        (b"\n\n", "sheet_empty"),
        ("SKU 编码,价格（元）".encode(), "columns_missing"),
        (f"{HEADER},备注".encode(), "columns_unknown"),
        (f"{HEADER},code".encode(), "columns_twice"),
        (b"\xff\xff\xff", "encoding_unknown"),
    ],
)
async def test_a_file_that_is_no_such_table(database: Database, content: bytes, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        await read(database, content)
    assert refused.value.code == code


async def test_a_quote_that_is_left_open_is_one_bad_line(database: Database) -> None:
    report, taken = await read(database, f'{HEADER}\nA,1,换季\n"B,1,换季\nC,1,换季\n')
    assert (taken, [(each.line, each.code) for each in report.bad_lines]) == (["A"], [(3, "unreadable")])


async def test_every_bad_line_counts_and_the_first_are_told(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheets, "LISTED", 3)
    report, _ = await read(database, f"{HEADER}\n" + "A,,换季\n" * 7)
    assert (report.bad, [each.line for each in report.bad_lines]) == (7, [2, 3, 4])


async def test_what_is_too_large_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "LARGEST", 10)

    async def chunks(sizes: Sequence[int]) -> AsyncIterator[bytes]:
        for size in sizes:
            yield b"x" * size

    with await spooled(chunks([5, 5])) as file:
        assert file.tell() == 10
    with pytest.raises(Invalid, match="sheet_too_large"):
        await spooled(chunks([5, 6]))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_no_text_is_a_formula_and_none_is_changed(text: str) -> None:
    shown = harmless(text)
    assert isinstance(shown, str)
    assert shown[:1] not in tuple("=+-@\t\r＝＋－＠")
    assert plain(f" {shown} ") == text.strip() or text != text.strip()
    assert harmless(-5) == -5


async def test_a_table_is_written_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sheets, "CHUNK", 10)

    async def rows() -> AsyncIterator[Sequence[object]]:
        for number in range(50):
            yield f"=cmd|{number}", number, "a,\nb", None

    chunks = [chunk async for chunk in written(["甲", "乙", "丙", "丁"], rows())]
    assert len(chunks) > 10
    text = b"".join(chunks).decode("utf-8-sig")
    assert b"".join(chunks).startswith(b"\xef\xbb\xbf")
    back = list(csv.reader(StringIO(text, newline="")))
    assert back[0] == ["甲", "乙", "丙", "丁"]
    assert back[1:] == [[f"'=cmd|{number}", str(number), "a,\nb", ""] for number in range(50)]

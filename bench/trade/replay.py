"""The statements of one order as the shop sends them, and the same driven by pgbench or by SQLite alone.

Ids in their data are replaced: the captured order's by those of the order that is replayed.
"""

import re
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from subprocess import run
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url

from backoffice.trade.domain import line_id
from bench.trade.shop import CUSTOMER, CUSTOMERS, SKU, SKUS, Kind, customer_of, quote_id

NUMBERS = re.compile(r"\d{9,}")
PLACEHOLDER = re.compile(r"\$(\d+)")
Row = Sequence[Any]


@dataclass(frozen=True)
class Statement:
    """As the driver got it; with several `rows` it is sent once and executed for each."""

    sql: str
    rows: tuple[Row, ...]


@contextmanager
def captured(engine: Engine) -> Iterator[list[Statement]]:
    """What an engine's connections execute during the block; BEGIN and COMMIT are not among it."""
    found: list[Statement] = []

    @event.listens_for(engine, "before_cursor_execute")
    def keep(_: Any, __: Any, sql: str, parameters: Any, ___: Any, many: bool) -> None:
        if not sql.startswith("BEGIN"):
            found.append(Statement(sql, tuple(parameters) if many else (parameters,)))

    try:
        yield found
    finally:
        event.remove(engine, "before_cursor_execute", keep)


@dataclass(frozen=True)
class Example:
    """The captured order."""

    quote: int
    order_id: int
    number: str

    def names(self, kind: Kind, values: Callable[[str], Any]) -> dict[str, Any]:
        """What stands in its data, e.g. its customer's id, to what `values` says of `customer`."""
        names = {
            quote_id(self.quote): values("quote_id"),
            str(customer_of(self.quote)): values("customer"),
            str(self.order_id): values("order_id"),
            self.number: values("number"),
        }
        for place, sku in enumerate(kind.skus(self.quote), 1):
            names[str(sku)] = values(f"sku{place}")
            names[str(line_id(self.order_id, place))] = values(f"line{place}")
        return names


def script(statements: Sequence[Statement], example: Example, kind: Kind, first: int, each: int) -> str:
    """A transaction for pgbench: clients have `each` quotes of their own from `first` on."""
    expressions = {"quote_id": "lpad(:quote::text, 32, '0')", "customer": ":customer", "number": ":number"}
    expressions |= {"order_id": ":order_id", "sku1": ":sku1", "sku2": ":sku2"}
    for place in (1, 2):
        expressions[f"line{place}"] = f"(:order_id::bigint * {line_id(1, 0)} + {place})"
    names = example.names(kind, expressions.__getitem__)
    choices = [f"\\set sku1 {SKU}"]
    if not kind.hot:
        middle = SKU + SKUS // 2
        choices = [
            f"\\set sku1 random({SKU}, {middle - 1})",
            f"\\set sku2 random({middle}, {SKU + SKUS - 1})",
        ]
    lines = [
        "\\set taken :taken + 1",
        f"\\set quote {first} + :client_id * {each} + :taken - 1",
        f"\\set customer {CUSTOMER} + :quote % {CUSTOMERS}",
        f"\\set number random({10**15}, {10**16 - 1})",
        *choices,
        "BEGIN;",
    ]
    for statement in statements:
        texts = [filled(statement.sql, row, names) for row in statement.rows]
        if gives_order_id(statement.sql):
            lines.append(f"{texts[0]} \\gset")
        elif len(texts) == 1:
            lines.append(f"{texts[0]};")
        else:
            lines += ["\\startpipeline", *(f"{text};" for text in texts), "\\endpipeline"]
    return "\n".join([*lines, "COMMIT;", ""])


def gives_order_id(sql: str) -> bool:
    return re.search(r"INSERT INTO orders .*RETURNING orders\.id|AS order_id\b", sql, re.DOTALL) is not None


def filled(sql: str, row: Row, names: Mapping[str, str]) -> str:
    """The statement with its data written out."""
    sql = re.sub(r"RETURNING orders\.id$", "RETURNING orders.id AS order_id", sql)
    return PLACEHOLDER.sub(lambda found: f"({written(row[int(found[1]) - 1], names)})", sql)


def written(value: Any, names: Mapping[str, str]) -> str:
    """A value as SQL in which the captured order's ids are pgbench's variables."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{names[str(value)]}::bigint" if str(value) in names else str(value)
    if isinstance(value, datetime):
        return quoted(value.isoformat())
    if isinstance(value, list | tuple):
        return f"ARRAY[{', '.join(written(each, names) for each in value)}]"
    parts, end = [], 0
    for found in NUMBERS.finditer(value):
        if found[0] in names:
            parts += [quoted(value[end : found.start()]), f"{names[found[0]]}::text"]
            end = found.end()
    return " || ".join([*parts, quoted(value[end:])])


def quoted(text: str) -> str:
    """A literal without a colon, which pgbench would take for a variable."""
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{escaped}'"


def pgbench_program() -> str | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/pgbench"))
    return shutil.which("pgbench") or (str(found[-1]) if found else None)


def pgbench(program: str, url: str, transaction: str, clients: int, seconds: float, folder: Path) -> int:
    """Transactions that were committed. Raises `RuntimeError` with what pgbench says when one failed."""
    server = make_url(url)
    file = folder / "order.sql"
    file.write_text(transaction, "utf8")
    place = ["-h", server.host or "", "-p", str(server.port or 5432), "-U", server.username or ""]
    how = ["-n", "-M", "prepared", "-c", str(clients), "-j", "2", "-T", f"{seconds:.0f}"]
    what = ["-D", "taken=0", "-f", str(file), server.database or ""]
    ended = run([program, *place, *how, *what], capture_output=True, text=True, check=False)
    done = re.search(r"transactions actually processed: (\d+)", ended.stdout)
    if ended.returncode or not done:
        raise RuntimeError(ended.stderr[-2000:])
    return int(done[1])


def replayed(
    path: Path, statements: Sequence[Statement], example: Example, kind: Kind, quotes: range, first_id: int
) -> float:
    """Seconds that SQLite takes for one order for each quote, in one thread and with the shop's PRAGMAs.

    The orders will have ids from `first_id` on. Their data are made before the time is taken.
    """
    orders = [
        [
            (
                each.sql,
                tuple(replaced(row, swaps(example, kind, quote, first_id + place)) for row in each.rows),
            )
            for each in statements
        ]
        for place, quote in enumerate(quotes)
    ]
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "foreign_keys=ON"):
            connection.execute(f"PRAGMA {pragma}")
        began = time.perf_counter()
        for order in orders:
            connection.execute("BEGIN IMMEDIATE")
            for sql, rows in order:
                for row in rows:
                    connection.execute(sql, row).fetchall()
            connection.execute("COMMIT")
        return time.perf_counter() - began
    finally:
        connection.close()


def swaps(example: Example, kind: Kind, quote: int, order_id: int) -> dict[str, str]:
    values = {
        "quote_id": quote_id(quote),
        "customer": str(customer_of(quote)),
        "order_id": str(order_id),
        "number": f"9{quote:015d}",
    }
    for place, sku in enumerate(kind.skus(quote), 1):
        values |= {f"sku{place}": str(sku), f"line{place}": str(line_id(order_id, place))}
    return example.names(kind, values.__getitem__)


def replaced(row: Row, names: Mapping[str, str]) -> tuple[Any, ...]:
    def swap(value: Any) -> Any:
        if isinstance(value, int) and str(value) in names:
            return int(names[str(value)])
        if isinstance(value, str):
            return NUMBERS.sub(lambda found: names.get(found[0], found[0]), value)
        return value

    return tuple(swap(value) for value in row)

"""`make bench-training`: the review with 100,000 messages in it: its pages, a decision, grouping 5,000.

On SQLite, and on PostgreSQL if there is one.
"""

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from rich.console import Console
from sqlalchemy import func, insert, select, text, update

from backoffice.conversations.models import Conversation
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.time import now, shop_date
from backoffice.migrations import upgrade
from backoffice.staff.models import StaffMember
from backoffice.training.datasets import service as datasets
from backoffice.training.projects.views import intents
from backoffice.training.review import deciding, intake, second, service
from backoffice.training.review.domain import WEIGHTS, Said, harm
from backoffice.training.review.likeness import Leaders, grouped
from backoffice.training.review.models import ReviewCandidate, ReviewDay, ReviewDecision, ReviewGroup
from backoffice.training.review.schemas import Verdict
from bench.limits import Figure, percentile, report

POSTGRES = os.environ.get("XIAOER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
PAGE_MS, GROUPING_SECONDS = 300, 20
GROUPED, TIMES, BATCH = 5000, 20, 5000
DECIDED_SHARE, CONVERSATIONS, DECISIONS, SETTLED = 0.3, 2000, 3000, 10
TAILS = ("", "呀", "呢", "吗", "，谢谢", "，急", " 在吗", "啊亲", "？", "，请问下")
ONE, OTHER = 1, 2


async def main(messages: int) -> int:
    console = Console()
    figures = []
    async for name, database in engines():
        console.print(f"{name}: {messages:,} messages")
        await fill(database, messages)
        figures += await measured(name, database)
    return report([*figures, *await grouping()])


async def engines() -> AsyncIterator[tuple[str, Database]]:
    with tempfile.TemporaryDirectory(prefix="xiaoer-bench-") as folder:
        async with opened(f"sqlite+aiosqlite:///{Path(folder) / 'bench.db'}") as database:
            yield "SQLite", database
    try:
        server = await asyncpg.connect(POSTGRES)
    except OSError:
        return
    name = f"xiaoer_bench_{uuid4().hex[:12]}"
    await server.execute(f'CREATE DATABASE "{name}"')
    try:
        url = POSTGRES.rsplit("/", 1)[0].replace("postgresql://", "postgresql+asyncpg://")
        async with opened(f"{url}/{name}") as database:
            yield "PostgreSQL", database
    finally:
        await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
        await server.close()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = Database(url)
    try:
        await upgrade(database)
        yield database
    finally:
        await database.close()


async def sentences() -> list[tuple[str, str]]:
    """What ships, with its intents."""
    files = await asyncio.to_thread(datasets.shipped)
    project = (await datasets.read(0, files)).project
    return [(each.text, name) for name, intent in intents(project).items() for each in intent.examples]


def said(chance: random.Random, known: list[tuple[str, str]]) -> Said:
    """Somebody's way to say one of the sentences; one of six is read as something else."""
    sentence, intent = chance.choice(known)
    read_as = intent if chance.random() < 5 / 6 else chance.choice(known)[1]
    return Said(sentence + chance.choice(TAILS), read_as)


async def fill(database: Database, messages: int) -> None:
    """Groups from one message to thousands, three of ten decided, over ninety days."""
    chance, known, moment = random.Random(6), await sentences(), now()
    groups = messages // 5
    people = [
        {"id": id, "login": f"admin{id}", "name": f"管理员{id}", "role": "admin", "password_hash": ""}
        for id in (ONE, OTHER)
    ]
    talks = [
        {"id": f"{n:032x}", "channel": "web", "sender": f"s{n}", "answer_channel": "web", "answer_sender": ""}
        for n in range(CONVERSATIONS)
    ]
    led = [said(chance, known) for _ in range(groups)]
    decided_at = [moment - timedelta(minutes=chance.randrange(90 * 1440)) for _ in range(DECISIONS)]
    decisions = [
        {
            "staff_id": ONE,
            "group_id": 1 + n,
            "kind": "label",
            "intent": chance.choice(known)[1],
            "count": SETTLED,
            "at": at,
            "added_at": at if n % 2 else None,
            "second": ("", "agreed", "wanted", "disagreed")[n % 40 % 4] if n % 10 == 0 else "",
        }
        for n, at in enumerate(sorted(decided_at))
    ]
    async with database.connect() as connection:
        await connection.execute(insert(StaffMember), people)
        await connection.execute(insert(Conversation), talks)
        rows = [
            {"id": 1 + n, "title": each.text[:200], "read_as": each.read_as} for n, each in enumerate(led)
        ]
        for start in range(0, groups, BATCH):
            await connection.execute(insert(ReviewGroup), rows[start : start + BATCH])
        await connection.execute(insert(ReviewDecision), decisions)
        for start in range(0, messages, BATCH):
            wanted = range(start, min(start + BATCH, messages))
            made = [candidate(n, chance, led, moment) for n in wanted]
            await connection.execute(insert(ReviewCandidate), made)
    async with database.write() as session:
        waiting = (ReviewCandidate.group_id == ReviewGroup.id) & (ReviewCandidate.state == "open")
        counted = select(func.count()).where(waiting).scalar_subquery()
        harmed = select(func.coalesce(func.sum(ReviewCandidate.harm), 0)).where(waiting).scalar_subquery()
        await session.execute(update(ReviewGroup).values(open=counted, harm=harmed))
        days = select(
            ReviewCandidate.day,
            func.count(),
            func.count().filter(ReviewCandidate.state == "open", ReviewCandidate.harm > 0),
        ).group_by(ReviewCandidate.day)
        await session.execute(insert(ReviewDay).from_select(["day", "heard", "left"], days))
        await session.execute(text("ANALYZE"))


def candidate(n: int, chance: random.Random, led: list[Said], moment: Any) -> dict[str, Any]:
    place = min(int(chance.paretovariate(0.35)) - 1, len(led) - 1)
    place = place if chance.random() < 0.5 else chance.randrange(len(led))
    signals = chance.sample([*WEIGHTS], chance.choice((0, 0, 1, 2)))
    at = moment - timedelta(minutes=chance.randrange(90 * 1440))
    settled = chance.random() < DECIDED_SHARE
    return {
        "turn_id": f"{n:032x}",
        "conversation_id": f"{n % CONVERSATIONS:032x}",
        "event": n,
        "text": led[place].text + chance.choice(TAILS),
        "intent": led[place].read_as,
        "read_as": led[place].read_as,
        "confidence": 0.5,
        "ranking": [[led[place].read_as, 0.5], ["greet", 0.2]],
        "actions": [f"action_{led[place].read_as}"],
        "signals": signals,
        "harm": harm(signals),
        "group_id": 1 + place,
        "state": "decided" if settled else "open",
        "decision_id": 1 + chance.randrange(DECISIONS) if settled else None,
        "meant": (led[place].read_as if n % 3 else "price_inquiry") if settled else "",
        "day": shop_date(at),
        "at": at,
    }


async def measured(name: str, database: Database) -> list[Figure]:
    """p95 of each page in milliseconds, and of a decision and its undoing."""
    async with database.read() as session:
        top = await service.queue(session)
        page = top
        for _ in range(100):
            page = await service.queue(session, page[-1]) or page
        biggest = await session.scalar(select(ReviewGroup.id).order_by(ReviewGroup.open.desc()).limit(1))
    moment, today = now(), shop_date(now())
    pages: dict[str, Callable[[ReadSession], Awaitable[Any]]] = {
        "queue": lambda session: service.queue(session),
        "queue, 3,000 groups down": lambda session: service.queue(session, page[-1]),
        "group, the biggest": lambda session: service.group(session, biggest or 0),
        "counts": service.counts,
        "disagreements": lambda session: second.disagreements(session),
        "second reading": lambda session: second.to_read(session, OTHER),
        "reviewed, a week": lambda session: service.decided(session, moment - service.WEEK, moment),
        "misread, 90 days": lambda session: service.misread(
            session, today - timedelta(days=90), today + timedelta(days=1)
        ),
    }
    figures = []
    for what, ask in pages.items():
        waits = []
        for _ in range(TIMES):
            began = time.perf_counter()
            async with database.read() as session:
                await ask(session)
            waits.append(1000 * (time.perf_counter() - began))
        figures.append(Figure(f"{name}: {what}, p95", percentile(waits, 0.95), "ms", PAGE_MS))
    return [*figures, *await deciding_waits(name, database, [each.id for each in top])]


async def deciding_waits(name: str, database: Database, groups: list[int]) -> list[Figure]:
    decided, undone = [], []
    for group_id in groups[:TIMES]:
        async with database.read() as session:
            ids = list((await service.group(session, group_id)).ids)[:20]
        began = time.perf_counter()
        async with database.read() as session:
            verdict = await deciding.checked(session, Verdict("label", "price_inquiry"))
        async with database.write() as session:
            await deciding.decide(session, ONE, ids, verdict)
        decided.append(1000 * (time.perf_counter() - began))
        began = time.perf_counter()
        async with database.write() as session:
            await deciding.undo_last(session, ONE)
        undone.append(1000 * (time.perf_counter() - began))
    return [
        Figure(f"{name}: a decision about 20, p95", percentile(decided[1:], 0.95), "ms", PAGE_MS),
        Figure(f"{name}: undone, p95", percentile(undone[1:], 0.95), "ms", PAGE_MS),
    ]


async def grouping() -> list[Figure]:
    """Of 5,000 messages at once, and of one more among 10,000 groups."""
    chance, known = random.Random(5), await sentences()
    messages = [said(chance, known) for _ in range(GROUPED)]
    began = time.perf_counter()
    found = len(set(grouped(messages)))
    took = time.perf_counter() - began
    leaders = Leaders([(n, said(chance, known)) for n in range(1, intake.LEADERS + 1)])
    waits = []
    for each in messages[:200]:
        began = time.perf_counter()
        leaders.nearest(each)
        waits.append(1000 * (time.perf_counter() - began))
    return [
        Figure(f"grouping {GROUPED:,} messages", took, "s", GROUPING_SECONDS),
        Figure("groups of them", found, ""),
        Figure(f"the group of one more, of {intake.LEADERS:,}, p95", percentile(waits, 0.95), "ms"),
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=100_000)
    sys.exit(asyncio.run(main(parser.parse_args().messages)))

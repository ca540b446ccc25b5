import asyncio
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest
from sqlalchemy import update

from backoffice.kit.database import Database
from backoffice.kit.paging import Page
from backoffice.kit.time import now, shop_date
from backoffice.knowledge import questions, repository, use
from backoffice.knowledge.measuring import Use, monday, stale
from backoffice.knowledge.models import ArticleVersion
from backoffice.knowledge.schemas import QuestionNote
from tests.backoffice.knowledge.conftest import Admins

TODAY = date(2026, 11, 26)


async def vote(database: Database, voter: str, helpful: bool, slug: str = "return-how") -> None:
    kind = "helpful" if helpful else "unhelpful"
    async with database.write() as session:
        await questions.note(session, QuestionNote(article=slug, kind=kind), voter)  # type: ignore[arg-type]


async def test_answers_and_votes_are_counted_by_week(database: Database, admins: Admins) -> None:
    this = monday(shop_date(now()))
    async with database.write() as session:
        await use.count_shown(session, ["return-how", "return-policy"])
        await use.count_shown(session, ["return-how"])
        await use.count_shown(session, [])
        for weeks, shown in ((1, 3), (5, 2), (20, 9)):
            for _ in range(shown):
                await repository.count_shown(session, ["return-how"], this - timedelta(weeks=weeks))
    await vote(database, "c1", True)
    await vote(database, "c2", True)
    await vote(database, "c2", False)
    listed = await admins.listed()
    found = listed["return-how"]
    assert (found["shown"], found["helpful"], found["unhelpful"]) == (5, 1, 1)
    assert [(each["shown"], each["helpful"], each["unhelpful"]) for each in found["weeks"]] == [
        (2, 0, 0),
        (3, 0, 0),
        (2, 1, 1),
    ]
    assert found["weeks"][-1]["week"] == f"{this}"
    assert list(listed)[:2] == ["return-how", "return-policy"]


async def test_rivals_count_every_answer_and_every_vote(database: Database) -> None:
    async def show(slugs: list[str]) -> None:
        async with database.write() as session:
            await use.count_shown(session, slugs)

    pairs = [["return-how", "return-policy"], ["return-policy", "return-how"]] * 6
    await asyncio.gather(*map(show, pairs))
    await asyncio.gather(*(vote(database, f"c{n % 4}", True) for n in range(12)))
    async with database.read() as session:
        found = {each.slug: each for each in await use.in_use(session)}
    assert (found["return-how"].shown, found["return-policy"].shown) == (12, 12)
    assert found["return-how"].helpful == 4


@pytest.mark.parametrize(
    ("used", "days_ago", "reasons"),
    [
        (Use(20, TODAY, 0, 0), 200, ["old"]),
        (Use(19, TODAY, 0, 0), 200, []),
        (Use(20, TODAY, 0, 0), 100, []),
        (Use(0, TODAY - timedelta(days=91), 0, 0), 300, ["unseen"]),
        (Use(0, TODAY - timedelta(days=91), 0, 0), 30, []),
        (Use(0, None, 0, 0), 91, ["unseen"]),
        (Use(0, None, 0, 0), 90, []),
        (Use(30, TODAY, 4, 6), 10, ["unhelpful"]),
        (Use(30, TODAY, 5, 5), 10, []),
        (Use(30, TODAY, 0, 9), 10, []),
        (Use(30, TODAY, 2, 8), 200, ["old", "unhelpful"]),
    ],
)
def test_which_articles_want_an_editor(used: Use, days_ago: int, reasons: list[str]) -> None:
    assert stale(used, TODAY - timedelta(days=days_ago), TODAY) == reasons


async def test_articles_are_found_and_sorted_out(
    client: httpx.AsyncClient, admins: Admins, database: Database
) -> None:
    await admins.save()
    await admins.save("return-how", 1)
    async with database.write() as session:
        await session.execute(
            update(ArticleVersion)
            .where(ArticleVersion.slug == "return-gift")
            .values(at=datetime(2020, 1, 1, tzinfo=UTC))
        )
    assert (await admins.listed(show="drafts")).keys() == {"pets", "return-how"}
    assert (await admins.listed(show="unpublished")).keys() == {"pets"}
    assert (await admins.listed(show="stale"))["return-gift"]["stale"] == ["unseen"]
    assert (await admins.listed(q="带狗")).keys() == {"pets", "return-how"}
    assert (await admins.listed(q="带狗", show="stale")) == {}
    async with database.read() as session:
        first, rest = [await use.articles(session, Page(limit=3, offset=offset)) for offset in (0, 3)]
    assert len({each.slug for each in first.articles + rest.articles}) == 6
    assert first.total == rest.total >= 50

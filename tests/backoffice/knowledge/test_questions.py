import asyncio
from random import Random

import httpx

from backoffice.kit.database import Database
from backoffice.kit.paging import Page
from backoffice.knowledge import questions
from backoffice.knowledge.domain import ALIKE, Asked, grams, group, plain
from backoffice.knowledge.schemas import QuestionNote
from tests.backoffice.knowledge.conftest import Admins, as_staff


async def test_unanswered_questions_are_counted_and_grouped(
    client: httpx.AsyncClient, database: Database, admins: Admins
) -> None:
    agent = await as_staff(client, database, "agent")
    for text, kind, article in (
        ("可以刻字吗", "missed", ""),
        ("亲，可以刻字么？", "missed", ""),
        ("能刻字不15400000001", "missed", ""),
        ("有教师优惠吗", "unhelpful", "promotion-inquiry"),
        ("？？", "missed", ""),
        ("", "unhelpful", ""),
    ):
        note = QuestionNote(text=text, kind=kind, article=article)  # type: ignore[arg-type]
        async with database.write() as session:
            noted = await questions.note(session, note, "c1")
        assert noted.noted == (text not in ("？？", ""))
    listed = (await client.get("/api/knowledge/questions", headers=agent)).json()
    counts = [(each["text"], each["count"], each["unhelpful"]) for each in listed["groups"]]
    assert counts == [("可以刻字吗", 3, 0), ("有教师优惠吗", 1, 1)]
    assert "15400000001" not in str(listed)
    assert (await client.get("/api/knowledge/questions")).status_code == 401
    for _ in range(2):
        closed = await client.delete(
            "/api/knowledge/questions", params={"text": "可以刻字吗"}, headers=admins.headers
        )
        assert closed.status_code == 204
    assert (await client.get("/api/knowledge/questions", headers=agent)).json()["total"] == 1


async def test_rivals_count_every_question(database: Database) -> None:
    async def note() -> None:
        async with database.write() as session:
            await questions.note(session, QuestionNote(text="可以刻字吗", kind="missed"), "c1")

    await asyncio.gather(*(note() for _ in range(8)))
    async with database.read() as session:
        assert (await questions.open_questions(session, Page())).groups[0].count == 8


def test_groups_are_those_that_comparing_all_finds() -> None:
    """Each joins the first group whose own question shares enough with it."""
    words, random = "退货运费怎么算谁出可以带狗吗刻字优惠券用", Random(5)
    asked = [
        Asked(
            "".join(random.choices(words, k=random.randint(2, 9))), random.randint(1, 4), random.randint(0, 2)
        )
        for _ in range(300)
    ]
    expected: list[tuple[set[str], list[str]]] = []
    for each in sorted(asked, key=lambda each: (-each.missed - each.unhelpful, each.text)):
        own = set(grams(plain(each.text)))
        near = (texts for kept, texts in expected if 200 * len(kept & own) / (len(kept) + len(own)) >= ALIKE)
        texts = next(near, None)
        if texts is None:
            expected.append((own, [each.text]))
        else:
            texts.append(each.text)
    found = group(asked)
    assert sorted([each.text, *each.others] for each in found) == sorted(texts for _, texts in expected)
    assert sum(each.missed for each in found) == sum(each.missed for each in asked)
    assert len(found) < 300

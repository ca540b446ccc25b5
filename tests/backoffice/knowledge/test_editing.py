import asyncio
from typing import Any

import httpx
import pytest

from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict
from backoffice.kit.paging import Page
from backoffice.knowledge import editing, questions
from backoffice.knowledge.schemas import Answered, ArticleEdit, Publication, QuestionNote
from backoffice.staff.schemas import StaffView
from tests.backoffice.knowledge.conftest import ARTICLES, PETS, Admins, ask

DOG = "可以带狗进去吗"


async def wonder(database: Database, *texts: str) -> None:
    """Ask in vain."""
    for text in texts:
        async with database.write() as session:
            await questions.note(session, QuestionNote(text=text, kind="missed"), "c1")


async def said(client: httpx.AsyncClient) -> str | None:
    found = (await client.get("/api/knowledge", params={"q": DOG})).json()["articles"]
    return found[0]["answer"] if found else None


async def test_a_draft_is_published_and_rolled_back(client: httpx.AsyncClient, admins: Admins) -> None:
    first = (await admins.save(why="有人问")).json()
    assert (first["number"], first["live"], first["by"]) == (1, 0, "admin")
    assert (await admins.publish("pets", 1, 0, "上线")).json()["live"] == 1
    assert (await admins.save(base=1, answer="小型犬可以。")).json()["live"] == 1
    assert await said(client) == PETS["answer"]
    await admins.publish("pets", 2, 1, "改规定")
    assert await said(client) == "小型犬可以。"
    await admins.publish("pets", 1, 2, "规定又改回来")
    assert await said(client) == PETS["answer"]
    await admins.publish("pets", 0, 1, "先撤下")
    assert await said(client) is None
    told = await admins.history("pets")
    assert [(each["number"], each["why"]) for each in told["versions"]] == [(2, ""), (1, "有人问")]
    assert [(each["number"], each["over"], each["by"], each["why"]) for each in told["publications"]] == [
        (0, 1, "admin", "先撤下"),
        (1, 2, "admin", "规定又改回来"),
        (2, 1, "admin", "改规定"),
        (1, 0, "admin", "上线"),
    ]


async def test_who_edits_what_changed_meanwhile_is_shown_both(
    client: httpx.AsyncClient, admins: Admins
) -> None:
    await admins.save()
    await admins.save(base=1, answer="快的人写的。")
    late = await admins.save(base=1, answer="慢的人写的。")
    assert (late.status_code, late.json()["code"]) == (409, "article_changed")
    assert (late.json()["theirs"]["number"], late.json()["theirs"]["answer"]) == (2, "快的人写的。")
    again = await admins.save(base=2, answer="合在一起。")
    assert again.json()["number"] == 3
    assert [each["answer"] for each in (await admins.history("pets"))["versions"]][:2] == [
        "合在一起。",
        "快的人写的。",
    ]


async def test_of_rivals_one_saves_and_one_publishes(database: Database, editor: StaffView) -> None:
    async def save(answer: str, base: int) -> int:
        async with database.write() as session:
            edit = ArticleEdit.model_validate(PETS | {"answer": answer, "base": base})
            return (await editing.save(session, editor, "pets", edit)).number

    async def publish(number: int) -> int:
        async with database.write() as session:
            wanted = Publication(number=number, over=0)
            return (await editing.publish(session, editor, "pets", wanted)).live

    def won(results: list[int | BaseException]) -> list[int]:
        assert all(isinstance(each, int | Conflict) for each in results)
        return [each for each in results if isinstance(each, int)]

    for base in (0, 1, 2):
        tried = await asyncio.gather(*(save(f"{n}", base) for n in range(6)), return_exceptions=True)
        assert won(tried) == [base + 1]
    live = won(await asyncio.gather(*map(publish, (1, 2, 3)), return_exceptions=True))
    assert len(live) == 1
    async with database.read() as session:
        assert (await editing.article(session, "pets")).live == live[0]
        assert len((await editing.history(session, "pets", Page())).publications) == 1


async def test_what_is_not_there_cannot_be_changed(client: httpx.AsyncClient, admins: Admins) -> None:
    assert (await admins.save(base=3)).json()["code"] == "article_not_found"
    assert (await admins.publish("pets", 1, 0)).json()["code"] == "article_not_found"
    await admins.save()
    assert (await admins.save()).json()["code"] == "slug_taken"
    assert (await admins.publish("pets", 9, 0)).json()["code"] == "version_not_found"
    await admins.publish("pets", 1, 0)
    late = (await admins.publish("pets", 0, 0)).json()
    assert (late["code"], late["live"]) == ("article_published_meanwhile", 1)


async def test_an_article_that_shoppers_get_is_not_removed(client: httpx.AsyncClient, admins: Admins) -> None:
    await admins.save()
    await admins.publish("pets", 1, 0)
    refused = await client.delete(f"{ARTICLES}/pets", headers=admins.headers)
    assert (refused.status_code, refused.json()["code"]) == (409, "article_live")
    await admins.publish("pets", 0, 1)
    assert (await client.delete(f"{ARTICLES}/pets", headers=admins.headers)).status_code == 204
    gone = await client.delete(f"{ARTICLES}/pets", headers=admins.headers)
    assert (gone.status_code, gone.json()["code"]) == (404, "article_not_found")
    assert (await admins.save()).json()["number"] == 1


async def previewed(client: httpx.AsyncClient, admins: Admins, **asked: Any) -> dict[str, Any]:
    tried = PETS | {"slug": "pets"} | asked
    answer = await client.post("/api/knowledge/preview", json=tried, headers=admins.headers)
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


async def test_a_preview_tells_what_a_draft_would_win(
    client: httpx.AsyncClient, admins: Admins, database: Database
) -> None:
    await wonder(database, "可以带狗进去吗", "店里可以带狗吗", "店里可以带狗吗", "可以刻字吗")
    seen = await previewed(client, admins, question="带狗可以吗")
    assert seen["answer"]["slug"] == "pets"
    won = {each["question"]: each for each in seen["shifts"] if each["count"]}
    assert won.keys() == {"可以带狗进去吗", "店里可以带狗吗"}
    assert next(iter(won)) == "店里可以带狗吗"
    assert {each["after"]["slug"] for each in won.values()} == {"pets"}
    assert (won[DOG]["before"], won["店里可以带狗吗"]["before"]["slug"]) == (None, "delivery-pickup")
    assert await said(client) is None
    assert (await previewed(client, admins, question="今天天气怎么样"))["answer"] is None


async def test_a_preview_warns_of_what_a_draft_would_take_and_lose(
    client: httpx.AsyncClient, admins: Admins
) -> None:
    theirs = ["寄回去的快递费谁付", "退货邮费谁承担", "退货邮费谁出", "退货运费谁承担"]
    draft = {
        "title": theirs[0],
        "questions": theirs,
        "answer": "。".join(theirs),
        "intents": ["return_policy"],
    }
    seen = await previewed(client, admins, **draft)
    taken = {each["question"]: each for each in seen["shifts"] if each["owner"] == "return-postage"}
    assert set(theirs[:3]) <= taken.keys()
    assert {(each["before"]["slug"], each["after"]["slug"]) for each in taken.values()} == {
        ("return-postage", "pets")
    }
    lost = await previewed(client, admins, slug="return-postage")
    shift = next(each for each in lost["shifts"] if (each["before"] or {}).get("slug") == "return-postage")
    assert (shift["after"] or {}).get("slug") != "return-postage"


async def test_what_a_preview_tells_comes_true(
    client: httpx.AsyncClient, admins: Admins, database: Database
) -> None:
    """Every question that it says is won or lost is answered so once the draft is published."""
    await wonder(database, "可以带狗进去吗", "门店能不能带宠物", "邮费谁承担啊", "可以刻字吗")
    asked = {"title": "门店能带宠物吗", "questions": ["带狗去门店可以吗", "退货邮费谁出"]}
    before = (await previewed(client, admins, **asked))["shifts"]
    assert len(before) >= 2
    await admins.save(**asked)
    await admins.publish("pets", 1, 0)
    for each in before:
        if each["count"]:
            found = await ask(client, q=each["question"], limit=1)
            assert found == ([each["after"]["slug"]] if each["after"] else [])
    assert (await previewed(client, admins, **asked))["shifts"] == []


async def test_a_new_article_takes_over_a_group(
    client: httpx.AsyncClient, admins: Admins, database: Database
) -> None:
    asked = ["手机壳上可以刻字吗", "手机壳可以刻字吗"]
    await wonder(database, *asked, "有教师优惠吗")
    edit = {"title": "能刻字吗", "questions": ["刻字要多久"], "answer": "可以。"}
    saved = (await admins.save("engraving", **edit, takes=asked[0])).json()
    assert saved["questions"] == ["刻字要多久", *asked]
    left = (await client.get("/api/knowledge/questions", headers=admins.headers)).json()
    assert [each["text"] for each in left["groups"]] == ["有教师优惠吗"]
    late = await admins.save("engraving", 1, takes=asked[1])
    assert late.json()["code"] == "question_not_found"
    assert (await admins.listed())["engraving"]["number"] == 1


async def answers(client: httpx.AsyncClient, admins: Admins, text: str, slug: str) -> httpx.Response:
    body = {"text": text, "slug": slug}
    return await client.post("/api/knowledge/questions/answered", json=body, headers=admins.headers)


async def test_this_article_answers_it(client: httpx.AsyncClient, admins: Admins, database: Database) -> None:
    """At once when shoppers get its newest version; with the draft when somebody is at work on one."""
    await wonder(database, "大鹅能放冰柜吗", "冰柜放得下鹅吗")
    seen = (await answers(client, admins, "大鹅能放冰柜吗", "return-how")).json()
    assert (seen["number"], seen["live"], seen["questions"][-1]) == (2, 2, "大鹅能放冰柜吗")
    assert await ask(client, q="大鹅能放冰柜吗", limit=1) == ["return-how"]
    await admins.save("return-how", 2, answer="正在改。")
    draft = (await answers(client, admins, "冰柜放得下鹅吗", "return-how")).json()
    assert (draft["number"], draft["live"], draft["answer"]) == (4, 2, "正在改。")
    gone = await answers(client, admins, "大鹅能放冰柜吗", "return-how")
    assert (gone.status_code, gone.json()["code"]) == (404, "question_not_found")
    assert (await answers(client, admins, "x", "no-such")).json()["code"] == "article_not_found"


async def test_a_full_article_takes_nothing_over(
    client: httpx.AsyncClient, admins: Admins, database: Database
) -> None:
    await admins.save(questions=[f"第{n}个问题" for n in range(50)])
    await wonder(database, "可以刻字吗")
    full = await answers(client, admins, "可以刻字吗", "pets")
    assert (full.status_code, full.json()["code"]) == (422, "too_many_questions")
    left = await client.get("/api/knowledge/questions", headers=admins.headers)
    assert left.json()["total"] == 1


async def test_of_rivals_one_takes_a_group_over(database: Database, editor: StaffView) -> None:
    await wonder(database, "可以刻字吗")

    async def take(slug: str) -> int:
        async with database.write() as session:
            return (await editing.answered(session, editor, Answered(text="可以刻字吗", slug=slug))).number

    slugs = ("return-how", "return-policy", "return-postage", "return-how")
    found = await asyncio.gather(*map(take, slugs), return_exceptions=True)
    assert [each for each in found if isinstance(each, int)] == [2]
    assert {getattr(each, "code", "") for each in found} == {"", "question_not_found"}


@pytest.mark.parametrize("count", [8])
async def test_rivals_answer_different_questions_with_one_article(
    database: Database, editor: StaffView, count: int
) -> None:
    texts = [f"{sign * 6}" for sign in "甲乙丙丁戊己庚辛"]
    await wonder(database, *texts)

    async def take(text: str) -> None:
        async with database.write() as session:
            await editing.answered(session, editor, Answered(text=text, slug="return-how"))

    await asyncio.gather(*map(take, texts))
    async with database.read() as session:
        found = await editing.article(session, "return-how")
    assert set(texts) <= set(found.questions)
    assert (found.number, found.live) == (1 + count, 1 + count)

from pathlib import Path

import httpx
import pytest
import yaml

from backoffice.kit.database import Database
from backoffice.knowledge import service
from backoffice.staff import service as staff

ROOT = Path(__file__).parents[3]
NEW = {
    "title": "宠物能进店吗",
    "intents": ["store_locator"],
    "questions": ["可以带狗吗"],
    "answer": "可以，请牵好。",
}


@pytest.fixture(autouse=True)
async def articles(database: Database) -> None:
    async with database.write() as session:
        assert await service.load(session) >= 50


async def as_staff(client: httpx.AsyncClient, database: Database, role: staff.Role) -> dict[str, str]:
    async with database.write() as session:
        await staff.add(session, role, "某人", role, "xiaoer")
    answer = await client.post("/api/staff/session", json={"login": role, "password": "xiaoer"})
    return {"Authorization": f"Bearer {answer.json()['token']}"}


async def ask(client: httpx.AsyncClient, **params: object) -> list[str]:
    found = (await client.get("/api/knowledge", params=params)).json()["articles"]
    assert all(0 <= each["score"] <= 100 for each in found)
    return [each["slug"] for each in found]


@pytest.mark.parametrize(
    ("q", "intent", "slug"),
    [
        ("拆了包装还能退么", "", "return-opened"),
        ("顺丰的客服电话", "", "contact-carriers"),
        ("质量问题来回运费你们承担吧", "return_policy", "return-postage"),
        ("冰箱给搬进屋里么", "delivery_options", "delivery-upstairs"),
        ("能不能收到货再给钱", "payment_issue", "payment-on-delivery"),
        ("嗯", "return_policy", "return-policy"),
        ("", "warranty_repair", "warranty-repair"),
    ],
)
async def test_the_right_answer_comes_first(
    client: httpx.AsyncClient, q: str, intent: str, slug: str
) -> None:
    assert (await ask(client, q=q, intent=intent))[0] == slug


async def test_nonsense_has_no_answer(client: httpx.AsyncClient) -> None:
    for q in ("今天天气怎么样", "讲个笑话", "", "。。。"):
        assert await ask(client, q=q) == []


async def test_an_admin_writes_and_everybody_reads(client: httpx.AsyncClient, database: Database) -> None:
    assert "pets" not in await ask(client, q="可以带狗进去吗")
    admin = await as_staff(client, database, "admin")
    written = (await client.put("/api/knowledge/articles/pets", json=NEW, headers=admin)).json()
    assert written["updated_by"] == "admin"
    assert (await ask(client, q="可以带狗进去吗"))[0] == "pets"
    listed = (await client.get("/api/knowledge/articles", params={"limit": 100}, headers=admin)).json()
    assert {"slug": "pets", "updated_by": "admin"}.items() <= next(
        each for each in listed["articles"] if each["slug"] == "pets"
    ).items()
    gone = await client.delete("/api/knowledge/articles/pets", headers=admin)
    assert gone.status_code == 204
    assert "pets" not in await ask(client, q="可以带狗进去吗")
    again = await client.delete("/api/knowledge/articles/pets", headers=admin)
    assert (again.status_code, again.json()["code"]) == (404, "article_not_found")


async def test_only_admins_write(client: httpx.AsyncClient, database: Database) -> None:
    where = "/api/knowledge/articles/pets"
    agent = await as_staff(client, database, "agent")
    assert (await client.put(where, json=NEW)).status_code == 401
    assert (await client.put(where, json=NEW, headers=agent)).json()["code"] == "role_required"
    assert (await client.delete(where, headers=agent)).status_code == 403
    assert (await client.get("/api/knowledge/articles")).status_code == 401
    assert (await client.get("/api/knowledge/articles", headers=agent)).status_code == 200


async def test_loading_again_keeps_what_an_admin_wrote(
    client: httpx.AsyncClient, database: Database, tmp_path: Path
) -> None:
    admin = await as_staff(client, database, "admin")
    text = NEW | {"answer": "现在十天内都能退。"}
    await client.put("/api/knowledge/articles/return-policy", json=text, headers=admin)
    file = tmp_path / "articles.yml"
    file.write_text("return-policy: {title: 甲, answer: 旧}\nreturn-how: {title: 乙, answer: 新的退货流程}\n")
    async with database.write() as session:
        assert await service.load(session, file) == 2
    found = (await client.get("/api/knowledge/articles", params={"limit": 100}, headers=admin)).json()
    answers = {each["slug"]: each["answer"] for each in found["articles"]}
    assert answers["return-policy"] == "现在十天内都能退。"
    assert answers["return-how"] == "新的退货流程"


def test_articles_serve_intents_that_exist() -> None:
    domain = yaml.safe_load((ROOT / "bot/domain/domain.yml").read_text(encoding="utf8"))
    known = {intent if isinstance(intent, str) else next(iter(intent)) for intent in domain["intents"]}
    served = {
        intent
        for text in yaml.safe_load(service.ARTICLES.read_text("utf8")).values()
        for intent in text["intents"]
    }
    assert served <= known


async def test_bad_articles_are_refused(client: httpx.AsyncClient, database: Database) -> None:
    admin = await as_staff(client, database, "admin")
    empty = await client.put("/api/knowledge/articles/pets", json=NEW | {"answer": ""}, headers=admin)
    assert empty.status_code == 422
    assert (await client.put("/api/knowledge/articles/..Ä", json=NEW, headers=admin)).status_code == 422

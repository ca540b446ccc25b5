from urllib.parse import quote

import httpx
import pytest

from backoffice.settings import Settings
from backoffice.training.serving import service
from tests.backoffice.training.serving.conftest import ONE, TWO, Admin

Headers = dict[str, str]


async def test_only_the_bot_gets_a_model(client: httpx.AsyncClient, admin: Admin) -> None:
    assert (await client.get("/api/models/live")).status_code == 401


async def test_the_live_model_is_sent_once(
    client: httpx.AsyncClient, admin: Admin, as_service: Headers
) -> None:
    got = await client.get("/api/models/live", headers=as_service)
    assert (got.status_code, got.content, got.headers["X-Model"]) == (200, ONE.encode(), ONE)
    etag = got.headers["ETag"]
    for shown in (etag, f'"other", {etag}'):
        again = await client.get("/api/models/live", headers=as_service | {"If-None-Match": shown})
        assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    await admin.promote(TWO)
    newer = await client.get("/api/models/live", headers=as_service | {"If-None-Match": etag})
    assert (newer.status_code, newer.content) == (200, TWO.encode())


async def test_there_is_a_candidate_only_while_one_is_on_trial(
    client: httpx.AsyncClient, admin: Admin, as_service: Headers
) -> None:
    assert (await client.get("/api/models/candidate", headers=as_service)).status_code == 404
    await admin.do(service.start_shadow, TWO)
    assert (await client.get("/api/models/candidate", headers=as_service)).content == TWO.encode()
    assert (await client.get("/api/models/other", headers=as_service)).status_code == 422


@pytest.mark.parametrize(("damage", "code"), [(b"other", "model_damaged"), (None, "model_gone")])
async def test_a_damaged_file_is_not_sent(
    client: httpx.AsyncClient,
    admin: Admin,
    as_service: Headers,
    settings: Settings,
    damage: bytes | None,
    code: str,
) -> None:
    if damage is None:
        (settings.models / ONE).unlink()
    else:
        (settings.models / ONE).write_bytes(damage)
    got = await client.get("/api/models/live", headers=as_service)
    assert (got.status_code, got.json()["code"]) == (503, code)


async def test_a_replica_says_how_it_is(client: httpx.AsyncClient, admin: Admin, as_service: Headers) -> None:
    told = {"X-Replica": "bot-2", "X-Live": ONE, "X-Candidate": "", "X-Trouble": quote("没加载：坏了")}
    await client.get("/api/models/live", headers=as_service | told)
    told["X-Trouble"] = ""
    await client.get("/api/models/candidate", headers=as_service | told | {"X-Replica": "bot"})
    async with admin.database.read() as session:
        found = await service.replicas(session)
    assert [(each.id, each.live, each.trouble) for each in found] == [
        ("bot", ONE, ""),
        ("bot-2", ONE, "没加载：坏了"),
    ]
    await client.get("/api/models/live", headers=as_service | told)
    async with admin.database.read() as session:
        assert not any(each.trouble for each in await service.replicas(session))
    strange = await client.get("/api/models/live", headers=as_service | {"X-Replica": "a b"})
    assert strange.status_code == 422

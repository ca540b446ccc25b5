"""Calls to Tencent: what they do, how each way to fail is named, and how often a token is fetched."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from redis.asyncio import Redis

from integrations.channels.wechat.api import (
    Api,
    CallFailed,
    client_of,
    image,
    menu,
    mini_program_page,
    news,
    text,
)
from integrations.channels.wechat.memory import LocalMemory, Memory, RedisMemory
from integrations.channels.wechat.outcomes import Outcome
from integrations.channels.wechat.simulator import Fault, Tencent
from integrations.channels.wechat.simulator.tencent import SEND, TOKEN
from tests.conftest import REDIS, reachable
from tests.integrations.wechat.conftest import MINI, SAFE

TYPING = "/cgi-bin/message/custom/typing"


@pytest.fixture
def api(client: httpx.AsyncClient) -> Api:
    return Api(SAFE, client, LocalMemory())


def wrote(tencent: Tencent, openid: str = "o1", app_id: str = SAFE.app_id) -> None:
    """The shopper has written something just now."""
    phone = tencent.phone(openid, app_id)
    phone.quota.open("message")
    phone.active_at = tencent.clock.now()


async def outcome(api: Api, message: dict[str, object] | None = None, openid: str = "o1") -> Outcome:
    try:
        await api.send(openid, message or text("您好"))
    except CallFailed as failed:
        return failed.outcome
    return Outcome.OK


async def test_every_kind_arrives(api: Api, tencent: Tencent) -> None:
    wrote(tencent)
    await api.send("o1", text("您好 <a> & 😀"))
    await api.send("o1", menu("好吗", [("101", "好"), ("102", "不好")], "谢谢"))
    await api.send("o1", news("标题", "说明", "http://u"))
    await api.send("o1", image("media"))
    await api.send("o1", mini_program_page("页", "wx", "p/q", "thumb"))
    seen = tencent.phone("o1").seen
    assert [(each.how, each.kind, each.text) for each in seen] == [
        ("push", "text", "您好 <a> & 😀"),
        ("push", "msgmenu", "好吗\n好\n不好\n谢谢"),
        ("push", "news", "标题\nhttp://u"),
        ("push", "image", "media"),
        ("push", "miniprogrampage", "页"),
    ]
    assert seen[1].items == [("101", "好"), ("102", "不好")]


@pytest.mark.parametrize(
    ("errcode", "expected"),
    [
        (-1, Outcome.TRY_LATER),
        (45011, Outcome.TRY_LATER),
        (45015, Outcome.WINDOW_CLOSED),
        (45047, Outcome.QUOTA_USED),
        (48001, Outcome.FORBIDDEN),
        (40003, Outcome.OTHER),
        (99999, Outcome.OTHER),
    ],
)
async def test_error_codes(api: Api, tencent: Tencent, errcode: int, expected: Outcome) -> None:
    wrote(tencent)
    tencent.fail(SEND, Fault(errcode=errcode))
    assert await outcome(api) is expected
    assert tencent.phone("o1").seen == []


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (Fault(cut=True), Outcome.UNKNOWN),
        (Fault(cut=True, done=True), Outcome.UNKNOWN),
        (Fault(status=502), Outcome.UNKNOWN),
        (Fault(status=404), Outcome.OTHER),
        (Fault(delay=0.5, done=True), Outcome.UNKNOWN),
    ],
)
async def test_what_was_cut_off_is_unknown(
    api_url: str, tencent: Tencent, fault: Fault, expected: Outcome
) -> None:
    wrote(tencent)
    async with httpx.AsyncClient(base_url=api_url, timeout=0.3, trust_env=False) as impatient:
        api = Api(SAFE, impatient, LocalMemory())
        tencent.fail(SEND, fault)
        assert await outcome(api) is expected
    assert len(tencent.faults[SEND]) == 0


async def test_what_never_left_can_be_tried_again() -> None:
    async with client_of("http://127.0.0.1:9") as nowhere:
        assert await outcome(Api(SAFE, nowhere, LocalMemory())) is Outcome.TRY_LATER


async def test_windows_and_quotas(api: Api, tencent: Tencent) -> None:
    phone = tencent.phone("o1")
    assert await outcome(api) is Outcome.WINDOW_CLOSED
    wrote(tencent)
    assert [await outcome(api) for _ in range(6)] == [Outcome.OK] * 5 + [Outcome.QUOTA_USED]
    phone.quota.open("action")
    assert [await outcome(api) for _ in range(4)] == [Outcome.OK] * 3 + [Outcome.QUOTA_USED]
    wrote(tencent)
    phone.quota.open("action")
    assert phone.quota.left() == 8
    tencent.clock.advance(timedelta(seconds=61))
    assert phone.quota.left() == 5
    tencent.clock.advance(timedelta(hours=48))
    tencent.expire_tokens()
    assert await outcome(api) is Outcome.WINDOW_CLOSED


async def test_a_mini_program_has_its_own_rules(client: httpx.AsyncClient, tencent: Tencent) -> None:
    api = Api(MINI, client, LocalMemory())
    phone = tencent.phone("o1", MINI.app_id)
    phone.quota.open("action")
    assert [await outcome(api) for _ in range(3)] == [Outcome.OK] * 2 + [Outcome.QUOTA_USED]
    wrote(tencent, app_id=MINI.app_id)
    assert await outcome(api, menu("?", [("1", "a")])) is Outcome.OTHER
    await api.typing("o1")
    assert phone.typing_until
    assert tencent.calls[-1][0] == "/cgi-bin/message/custom/business/typing"


async def test_typing_is_shown_once_until_it_is_over_or_something_is_sent(api: Api, tencent: Tencent) -> None:
    wrote(tencent)
    await api.typing("o1")
    await api.typing("o1")
    assert len(tencent.sent(TYPING)) == 1
    await api.send("o1", text("您好"))
    await api.typing("o1")
    assert len(tencent.sent(TYPING)) == 2


async def test_texts_too_long_are_refused(api: Api, tencent: Tencent) -> None:
    wrote(tencent)
    assert await outcome(api, text("一" * 682)) is Outcome.OK
    assert await outcome(api, text("一" * 683)) is Outcome.OTHER


async def test_menus(api: Api, tencent: Tencent) -> None:
    buttons = [{"type": "click", "name": "订单", "key": "orders"}]
    await api.create_menu(buttons)
    assert tencent.menus[SAFE.app_id] == buttons
    with pytest.raises(CallFailed):
        await api.create_menu(buttons * 4)


async def test_media_come_and_go(api: Api, tencent: Tencent) -> None:
    media_id = await api.upload("a.png", b"\x89PNG" * 1000, "image/png")
    media = await api.download(media_id)
    assert (media.content, media.media_type) == (b"\x89PNG" * 1000, "image/png")
    with pytest.raises(CallFailed, match="more than 3999 bytes"):
        await api.download(media_id, limit=3999)
    with pytest.raises(CallFailed, match="40007"):
        await api.download("no such")
    tencent.expire_tokens()
    assert await api.download(media_id) == media
    tencent.expire_tokens()
    assert await api.upload("a.png", b"x", "image/png") != media_id


async def test_the_secret_must_be_right(client: httpx.AsyncClient, tencent: Tencent) -> None:
    wrote(tencent)
    wrong = SAFE.model_copy(update={"secret": "guess"})
    assert await outcome(Api(wrong, client, LocalMemory())) is Outcome.FORBIDDEN


async def test_tencent_without_tokens_is_tried_later(api: Api, tencent: Tencent) -> None:
    wrote(tencent)
    for fault in (Fault(status=500), Fault(errcode=-1)):
        tencent.fail(TOKEN, fault)
        assert await outcome(api) is Outcome.TRY_LATER
    assert await outcome(api) is Outcome.OK


@pytest.mark.parametrize("done", [False, True])
async def test_a_token_whose_answer_was_cut_off_is_asked_for_once_more(
    api: Api, tencent: Tencent, done: bool
) -> None:
    wrote(tencent)
    tencent.fail(TOKEN, Fault(cut=True, done=done))
    assert await outcome(api) is Outcome.OK
    tencent.expire_tokens()
    tencent.fail(TOKEN, Fault(cut=True, done=done), Fault(cut=True, done=done))
    assert await outcome(api) is Outcome.TRY_LATER


async def test_a_forced_token_whose_answer_was_cut_off_is_not_forced_again(
    api: Api, tencent: Tencent
) -> None:
    wrote(tencent)
    assert await outcome(api) is Outcome.OK
    tencent.revoke_tokens()
    tencent.fail(TOKEN, Fault(), Fault(cut=True, done=True))
    assert await outcome(api) is Outcome.OK
    assert tokens_asked(tencent) == [False, False, True, False]


def tokens_asked(tencent: Tencent) -> list[bool]:
    """For each call for a token whether it was forced."""
    return [asked["force_refresh"] for asked in tencent.sent(TOKEN)]


STORES = ["local", *(["redis"] if reachable(REDIS) else [])]


@pytest.fixture(params=STORES)
async def stores(request: pytest.FixtureRequest) -> AsyncIterator[list[Memory]]:
    """Those of two processes, or the one of one process twice."""
    if request.param == "local":
        local = LocalMemory()
        yield [local, local]
        return
    clients = [Redis.from_url(REDIS, db=7) for _ in range(2)]
    await clients[0].flushdb()
    yield [RedisMemory(redis) for redis in clients]
    await clients[0].flushdb()
    for redis in clients:
        await redis.aclose()


@pytest.fixture
def apis(stores: list[Memory], client: httpx.AsyncClient) -> list[Api]:
    return [Api(SAFE, client, store) for store in stores]


async def send_at_once(apis: list[Api], times: int = 10) -> set[Outcome]:
    return set(await asyncio.gather(*(outcome(api, openid=f"o{n}") for n in range(times) for api in apis)))


async def test_all_processes_fetch_one_token(apis: list[Api], tencent: Tencent) -> None:
    for number in range(10):
        wrote(tencent, f"o{number}")
    assert await send_at_once(apis) == {Outcome.OK}
    assert tokens_asked(tencent) == [False]


async def test_an_expired_token_is_fetched_anew_once(apis: list[Api], tencent: Tencent) -> None:
    for number in range(10):
        wrote(tencent, f"o{number}")
    await send_at_once(apis, 2)
    tencent.expire_tokens()
    assert await send_at_once(apis, 2) == {Outcome.OK}
    assert tokens_asked(tencent) == [False, False]
    assert len(tencent.phone("o1").seen) == 4


async def test_a_refused_token_is_forced_once_and_never_in_a_loop(apis: list[Api], tencent: Tencent) -> None:
    for number in range(10):
        wrote(tencent, f"o{number}")
    assert await outcome(apis[0]) is Outcome.OK
    tencent.revoke_tokens()
    assert await send_at_once(apis, 2) == {Outcome.OK}
    assert tokens_asked(tencent) == [False, False, True]
    tencent.revoke_tokens()
    assert await send_at_once(apis, 2) == {Outcome.TOKEN}
    assert tokens_asked(tencent).count(True) == 1
    assert len(tokens_asked(tencent)) <= 3 + 4


async def test_a_token_refused_for_ever_is_asked_for_twice(api: Api, tencent: Tencent) -> None:
    wrote(tencent)
    tencent.chaos = lambda path: Fault(errcode=40001) if path == SEND else None
    assert await outcome(api) is Outcome.TOKEN
    assert tokens_asked(tencent) == [False, False, True]


@pytest.mark.skipif("redis" not in STORES, reason="no Redis")
async def test_without_redis_each_process_keeps_its_own(client: httpx.AsyncClient, tencent: Tencent) -> None:
    wrote(tencent)
    away = Redis.from_url("redis://127.0.0.1:9/0")
    api = Api(SAFE, client, RedisMemory(away))
    assert [await outcome(api) for _ in range(3)] == [Outcome.OK] * 3
    assert tokens_asked(tencent) == [False]
    tencent.revoke_tokens()
    assert await outcome(api) is Outcome.OK
    await away.aclose()


async def test_a_lock_left_behind_is_not_waited_for_for_ever(stores: list[Memory]) -> None:
    async with stores[0].lock("a"):
        waiting = asyncio.create_task(take(stores[1]))
        done, _ = await asyncio.wait({waiting}, timeout=0.2)
        assert not done
    await waiting


async def take(store: Memory) -> None:
    async with store.lock("a"):
        return


def test_secrets_are_not_shown() -> None:
    shown = repr(SAFE)
    assert "secret" not in shown
    assert SAFE.token not in shown
    assert SAFE.aes_key not in shown

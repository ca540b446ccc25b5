"""Webhooks without the network: who is told what, once, in order, until it is taken or given up."""

import asyncio
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select, update

from backoffice.events import courier as courier_module
from backoffice.events import domain, webhooks
from backoffice.events.bus import LocalBus
from backoffice.events.courier import Courier
from backoffice.events.domain import backoff, signature
from backoffice.events.models import WebhookDelivery
from backoffice.events.ports import Unreachable
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event, NewWebhook, Notice, Replay, WebhookChange
from backoffice.events.webhooks import Secrets
from backoffice.kit.database import Database, ReadSession
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.settings import Settings

URL = "https://shop.example/hook"


async def plainly(session: ReadSession, event: Event) -> Sequence[Notice]:
    return [Notice(event.topic, event.payload)]


class Backend:
    """The other side of the connection: remembers what it was posted, answers as it is told."""

    def __init__(self, answer: Callable[[str], int] = lambda id: 200) -> None:
        self.answer = answer
        self.posted: list[tuple[str, bytes, Mapping[str, str]]] = []
        self.taken: list[str] = []
        self.news = asyncio.Event()

    async def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> int:
        self.posted.append((url, body, headers))
        await asyncio.sleep(0)
        status = self.answer(headers["X-Xiaoer-Id"])
        if status == 0:
            raise Unreachable("no_connection")
        if status == 200:
            self.taken.append(headers["X-Xiaoer-Id"])
        self.news.set()
        return status

    async def until(self, done: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not done():
                self.news.clear()
                await self.news.wait()


class House:
    """One process: events come in, webhooks go out."""

    def __init__(self, database: Database, settings: Settings, backend: Backend) -> None:
        self.database, self.secrets = database, Secrets(settings)
        self.bus = LocalBus()
        self.courier = Courier(database, self.bus, self.secrets, backend)
        self.courier.subscribe(Relay(database), "stock", ["stock"], plainly)

    @asynccontextmanager
    async def running(self) -> AsyncIterator["House"]:
        tasks = [asyncio.create_task(work) for work in (self.bus.run(), self.courier.run())]
        await asyncio.sleep(0)
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def add(self, *topics: str) -> webhooks.WebhookMade:
        async with self.database.write() as session:
            return await webhooks.add(session, self.secrets, NewWebhook(url=URL, topics=list(topics)))

    async def happen(self, number: int, key: str, topic: str = "stock") -> None:
        told = frozenset([topic])
        await self.courier.note(told, plainly, Event(number, topic, key, {"key": key, "number": number}))

    async def states(self) -> dict[str, str]:
        async with self.database.read() as session:
            found = await session.execute(select(WebhookDelivery.event_id, WebhookDelivery.state))
            return {event_id: state for event_id, state in found}

    async def until_state(self, **expected: str) -> None:
        async with asyncio.timeout(20):
            while (
                not expected.items()
                <= {
                    f"e{event.partition('-')[0]}": state for event, state in (await self.states()).items()
                }.items()
            ):
                await asyncio.sleep(0.02)


@pytest.fixture
def backend() -> Backend:
    return Backend()


@pytest.fixture
def house(database: Database, settings: Settings, backend: Backend) -> House:
    return House(database, settings, backend)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are tried again at once."""
    monkeypatch.setattr(domain, "FIRST_WAIT", timedelta(milliseconds=20))
    monkeypatch.setattr(domain, "LONGEST_WAIT", timedelta(milliseconds=50))
    monkeypatch.setattr(courier_module, "POLL_SECONDS", 0.02)


def marks(header: str) -> list[str]:
    return [value for name, _, value in (part.partition("=") for part in header.split(",")) if name == "v1"]


def mark(secret: str, header: str, body: bytes) -> str:
    moment = header.split(",")[0].removeprefix("t=")
    return hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


async def test_it_is_posted_signed_to_who_asked_for_it(house: House, backend: Backend) -> None:
    async with house.running():
        wanted = await house.add("stock", "price")
        await house.add("price")
        await house.happen(1, "sku1")
        await backend.until(lambda: len(backend.taken) == 1)
        await house.until_state(e1="delivered")
    ((url, body, headers),) = backend.posted
    assert (url, headers["X-Xiaoer-Id"], headers["Content-Type"]) == (URL, "1-1", "application/json")
    told = json.loads(body)
    assert (told["id"], told["topic"], told["data"]) == ("1-1", "stock", {"key": "sku1", "number": 1})
    assert abs(datetime.fromisoformat(told["at"]) - now()) < timedelta(minutes=1)
    signed = headers["X-Xiaoer-Signature"]
    assert marks(signed) == [mark(wanted.secret, signed, body)]


async def test_an_event_told_again_is_posted_once(house: House, backend: Backend) -> None:
    async with house.running():
        await house.add("stock")
        await asyncio.gather(*(house.happen(1, "sku1") for _ in range(5)))
        await house.happen(2, "sku1")
        await backend.until(lambda: len(backend.taken) == 2)
    assert [headers["X-Xiaoer-Id"] for _, _, headers in backend.posted] == ["1-1", "2-1"]


async def test_two_couriers_keep_the_order_of_each_key_through_failures(
    database: Database, settings: Settings, impatient: None
) -> None:
    random = Random(8)
    backend = Backend(lambda id: random.choice([200, 200, 500, 0]))
    first, second = (House(database, settings, backend) for _ in range(2))
    keys = [f"sku{n}" for n in range(4)]
    async with first.running(), second.running():
        await first.add("stock")
        for number in range(40):
            await first.happen(number, keys[number % 4])
        await backend.until(lambda: len(set(backend.taken)) == 40)
    order = defaultdict(list)
    for event in backend.taken:
        number = int(event.partition("-")[0])
        order[number % 4].append(number)
    assert all(numbers == sorted(set(numbers)) for numbers in order.values())


async def test_one_that_fails_holds_back_its_key_only(
    house: House, backend: Backend, impatient: None
) -> None:
    backend.answer = lambda id: 500 if id == "1-1" and len(backend.posted) < 6 else 200
    async with house.running():
        await house.add("stock")
        for number, key in ((1, "a"), (2, "a"), (3, "b")):
            await house.happen(number, key)
        await backend.until(lambda: len(backend.taken) == 3)
    assert backend.taken.index("3-1") < backend.taken.index("1-1") < backend.taken.index("2-1")
    ids = {(headers["X-Xiaoer-Id"], body) for _, body, headers in backend.posted}
    assert len(ids) == 3


async def test_after_a_day_it_is_given_up_and_can_be_sent_again(
    house: House, backend: Backend, database: Database, impatient: None
) -> None:
    backend.answer = lambda id: 503 if id == "1-1" else 200
    async with house.running():
        webhook = await house.add("stock")
        await house.happen(1, "a")
        await house.happen(2, "a")
        await backend.until(lambda: len(backend.posted) >= 2)
        assert backend.taken == []
        async with database.write() as session:
            late = update(WebhookDelivery).where(WebhookDelivery.event_id == "1-1")
            await session.execute(late.values(give_up_at=now()))
        await house.until_state(e1="dead", e2="delivered")
        async with database.read() as session:
            (dead,) = (await webhooks.deliveries(session, webhook.id, ["dead"])).deliveries
            assert [one.dead for one in await webhooks.listed(session)] == [1]
        assert (dead.event_id, dead.status, dead.reason) == ("1-1", 503, "refused")
        backend.answer = lambda id: 200
        async with database.write() as session:
            await webhooks.replay(session, dead.id)
        await house.until_state(e1="delivered")
        assert backend.taken == ["2-1", "1-1"]
        async with database.write() as session:
            day_ago = now() - timedelta(days=1)
            assert await webhooks.replay_since(session, webhook.id, Replay(since=day_ago)) == 0
            again = Replay(since=day_ago, delivered_too=True)
            assert await webhooks.replay_since(session, webhook.id, again) == 2
            later = Replay(since=now() + timedelta(seconds=1), delivered_too=True)
            assert await webhooks.replay_since(session, webhook.id, later) == 0
        await backend.until(lambda: len(backend.taken) == 4)
    assert backend.taken[2:] == ["1-1", "2-1"]


async def test_what_was_cut_off_is_posted_again(
    house: House, backend: Backend, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(courier_module, "LEASE", timedelta(seconds=0.2))
    monkeypatch.setattr(courier_module, "POLL_SECONDS", 0.02)
    stuck = asyncio.Event()

    async def hang(url: str, body: bytes, headers: Mapping[str, str]) -> int:
        stuck.set()
        await asyncio.Event().wait()
        return 200

    killed = House(database, Settings(secret="for tests"), backend)
    killed.courier._post = hang
    async with killed.running():
        await killed.add("stock")
        await killed.happen(1, "a")
        await stuck.wait()
    assert await house.states() == {"1-1": "sending"}
    async with house.running():
        await house.until_state(e1="delivered")


async def test_both_secrets_sign_for_a_day_after_a_rotation(
    house: House, backend: Backend, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.running():
        webhook = await house.add("stock")
        async with database.write() as session:
            rotated = await webhooks.rotate(session, house.secrets, webhook.id)
            assert await webhooks.secret(session, house.secrets, webhook.id) == rotated
        assert rotated.secret != webhook.secret
        await house.happen(1, "a")
        await backend.until(lambda: len(backend.taken) == 1)
        monkeypatch.setattr(webhooks, "OLD_SECRET_LASTS", timedelta(0))
        await house.happen(2, "a")
        await backend.until(lambda: len(backend.taken) == 2)
    (_, body, headers), (_, later_body, later) = backend.posted
    signed = headers["X-Xiaoer-Signature"]
    assert marks(signed) == [mark(secret, signed, body) for secret in (rotated.secret, webhook.secret)]
    signed = later["X-Xiaoer-Signature"]
    assert marks(signed) == [mark(rotated.secret, signed, later_body)]


async def test_an_inactive_one_is_told_nothing_and_a_removed_one_is_gone(
    house: House, backend: Backend, database: Database
) -> None:
    async with house.running():
        webhook = await house.add("stock")
        other = await house.add("stock")
        async with database.write() as session:
            changed = await webhooks.change(session, webhook.id, WebhookChange(active=False))
            assert not changed.active
        await house.happen(1, "a")
        await backend.until(lambda: len(backend.taken) == 1)
        async with database.write() as session:
            await webhooks.remove(session, other.id)
        await house.happen(2, "a")
        async with database.read() as session:
            assert (await webhooks.deliveries(session)).total == 0
            assert [one.id for one in await webhooks.listed(session)] == [webhook.id]
    for verb in (webhooks.remove, webhooks.ping):
        with pytest.raises(NotFound):
            async with database.write() as session:
                await verb(session, other.id)


async def test_a_large_body_is_left_out(house: House, backend: Backend, database: Database) -> None:
    async with house.running():
        webhook = await house.add("stock")
        async with database.write() as session:
            row = await webhooks.found(session, webhook.id)
            data = {"sku": "a", "picture": "x" * 70_000, "more": {"a": 1}}
            await webhooks.tell(session, [row], "7", "a", [Notice("stock", data)])
        await backend.until(lambda: len(backend.taken) == 1)
    told = json.loads(backend.posted[0][1])
    assert (told["truncated"], told["data"]) == (True, {"sku": "a"})


async def test_old_ones_are_removed_once_they_ended(
    house: House, backend: Backend, database: Database
) -> None:
    async with house.running():
        await house.add("stock")
        for number in (1, 2):
            await house.happen(number, "a")
        await house.until_state(e1="delivered", e2="delivered")
        async with database.write() as session:
            old = update(WebhookDelivery).where(WebhookDelivery.event_id == "1-1")
            await session.execute(old.values(at=now() - timedelta(days=31)))
        await house.courier._tidy()
    assert await house.states() == {"2-1": "delivered"}


@given(attempts=st.integers(1, 500), seed=st.integers())
def test_failures_wait_longer_and_longer_up_to_an_hour(attempts: int, seed: int) -> None:
    wait = backoff(attempts, Random(seed))
    longest = min(5 * 2 ** (attempts - 1), 3600)
    assert timedelta(seconds=longest / 2) <= wait <= timedelta(seconds=longest)


@given(body=st.binary(), moment=st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_a_signature_covers_time_and_body(body: bytes, moment: datetime) -> None:
    at = moment.astimezone()
    signed = signature(["one", "two"], body, at)
    assert signed.startswith(f"t={int(at.timestamp())},v1=")
    assert marks(signed) == [mark(secret, signed, body) for secret in ("one", "two")]
    assert marks(signed) != marks(signature(["one", "two"], body + b" ", at))

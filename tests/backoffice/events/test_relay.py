import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, update

from backoffice.events import relay as relay_module
from backoffice.events import repository
from backoffice.events.bus import Bus, RedisBus
from backoffice.events.models import OutboxEvent
from backoffice.events.relay import Relay
from backoffice.events.schemas import Event
from backoffice.events.service import publish
from backoffice.events.service import tell as announce
from backoffice.kit.database import Database
from backoffice.kit.time import now
from tests.conftest import REDIS, reachable


class Collector:
    """Remembers events, and fails as often as told on a key."""

    def __init__(self, expected: int, failures: dict[str, int] | None = None) -> None:
        self.seen: list[tuple[str, int]] = []
        self.failures = failures or {}
        self.expected = expected
        self.complete = asyncio.Event()

    async def __call__(self, event: Event) -> None:
        if self.failures.get(event.key, 0) > 0:
            self.failures[event.key] -= 1
            raise RuntimeError("not now")
        self.seen.append((event.key, event.payload["n"]))
        if len(self.seen) >= self.expected:
            self.complete.set()

    def of(self, key: str) -> list[int]:
        return [n for seen, n in self.seen if seen == key]


@asynccontextmanager
async def running(*relays: Relay) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(relay.run()) for relay in relays]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def tell(database: Database, key: str, *numbers: int) -> None:
    async with database.write() as session:
        for n in numbers:
            await publish(session, "topic", key, {"n": n})


async def test_rival_relays_send_each_event_once_and_each_key_in_order(database: Database) -> None:
    collector = Collector(expected=60)
    relays = [Relay(database) for _ in range(3)]
    for relay in relays:
        relay.subscribe("topic", collector)
    async with running(*relays), asyncio.timeout(20):
        for n in range(0, 20, 2):
            await asyncio.gather(*(tell(database, key, n, n + 1) for key in "abc"))
        await collector.complete.wait()
    assert [collector.of(key) for key in "abc"] == [list(range(20))] * 3


async def test_what_was_rolled_back_is_not_sent(database: Database) -> None:
    collector = Collector(expected=1)
    relay = Relay(database)
    relay.subscribe("topic", collector)

    async def fail() -> None:
        async with database.write() as session:
            await publish(session, "topic", "a", {"n": 1})
            raise RuntimeError

    with pytest.raises(RuntimeError):
        await fail()
    await tell(database, "a", 2)
    assert await relay.pass_on() == 1
    assert collector.seen == [("a", 2)]


async def test_a_failing_subscriber_holds_up_its_own_key_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    collector = Collector(expected=4, failures={"bad": 1})
    relay = Relay(database)
    relay.subscribe("topic", collector)
    await tell(database, "bad", 1, 2)
    await tell(database, "good", 1, 2)
    async with running(relay), asyncio.timeout(10):
        await collector.complete.wait()
    assert collector.seen[:2] == [("good", 1), ("good", 2)]
    assert collector.of("bad") == [1, 2]


async def test_what_another_process_published_is_found_without_being_woken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    collector = Collector(expected=1)
    relay = Relay(database)
    relay.subscribe("topic", collector)
    async with running(relay), asyncio.timeout(10):
        await asyncio.sleep(0)
        monkeypatch.setattr("backoffice.events.service._listeners", set())
        await tell(database, "a", 1)
        await collector.complete.wait()
    assert collector.seen == [("a", 1)]


async def test_an_event_claimed_by_a_relay_that_died_is_sent_by_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await tell(database, "a", 1)
    async with database.write() as session:
        assert len(await repository.claim(session, now(), timedelta(seconds=30), 10)) == 1
    collector = Collector(expected=1)
    relay = Relay(database)
    relay.subscribe("topic", collector)
    assert await relay.pass_on() == 0
    monkeypatch.setattr(relay_module, "now", lambda: now() + timedelta(seconds=31))
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    async with running(relay), asyncio.timeout(10):
        await collector.complete.wait()
    assert collector.seen == [("a", 1)]


async def ids(database: Database) -> list[int]:
    async with database.read() as session:
        return list(await session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id)))


async def sent_ago(database: Database, age: timedelta, *events: int) -> None:
    async with database.write() as session:
        sent = update(OutboxEvent).where(OutboxEvent.id.in_(events)).values(sent_at=now() - age)
        await session.execute(sent)


async def test_events_sent_more_than_a_week_ago_are_removed_in_batches(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "BATCH", 2)
    await tell(database, "a", *range(6))
    old, unsent, young = (1, 3, 4), (2,), (5, 6)
    await sent_ago(database, timedelta(days=7, minutes=1), *old)
    await sent_ago(database, timedelta(days=6, hours=23), *young)
    relay = Relay(database)
    assert [await relay.tidy() for _ in range(3)] == [2, 1, 0]
    assert await ids(database) == [*unsent, *young]


async def test_a_removed_event_does_not_give_its_number_to_a_later_one(database: Database) -> None:
    await tell(database, "a", 1, 2, 3)
    await sent_ago(database, timedelta(days=30), 1, 2, 3)
    await Relay(database).tidy()
    await tell(database, "a", 4)
    assert await ids(database) == [3, 4]


async def test_rival_relays_tidy_beside_each_other(database: Database) -> None:
    await tell(database, "a", *range(21))
    await sent_ago(database, timedelta(days=30), *range(1, 22))
    assert sum(await asyncio.gather(*(Relay(database).tidy() for _ in range(4)))) == 20


async def test_a_running_relay_tidies(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_module, "POLL_SECONDS", 0.05)
    await tell(database, "a", 1, 2)
    await sent_ago(database, timedelta(days=8), 1)
    collector = Collector(expected=1)
    relay = Relay(database)
    relay.subscribe("topic", collector)
    async with running(relay), asyncio.timeout(10):
        await collector.complete.wait()
        while await ids(database) != [2]:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("ticks", range(8))
async def test_a_relay_ends_when_it_is_woken_and_cancelled_in_the_same_moment(
    database: Database, ticks: int
) -> None:
    relay = Relay(database)
    idle = asyncio.Event()

    async def run() -> int:
        idle.set()
        return 0

    relay.pass_on = run  # type: ignore[method-assign]
    relay.tidy = run  # type: ignore[method-assign]
    task = asyncio.create_task(relay.run())
    await idle.wait()
    for _ in range(3):
        await asyncio.sleep(0)
    announce("topic", "a", {"n": 1})
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    assert await asyncio.wait([task], timeout=5) == ({task}, set())


@pytest.mark.skipif(not reachable(REDIS), reason="no Redis")
async def test_a_signal_reaches_every_process_over_redis() -> None:
    buses: list[RedisBus] = [RedisBus(REDIS), RedisBus(REDIS)]
    key = uuid4().hex
    heard: asyncio.Queue[int] = asyncio.Queue()

    def listen(bus: Bus, number: int) -> None:
        bus.listen(lambda _, seen, __: heard.put_nowait(number) if seen == key else None)

    for number, bus in enumerate(buses):
        listen(bus, number)
    tasks = [asyncio.create_task(bus.run()) for bus in buses]
    async with asyncio.timeout(10):
        await asyncio.gather(*(bus.connected.wait() for bus in buses))
        buses[0].signal("topic", key, {})
        assert {await heard.get(), await heard.get()} == {0, 1}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_without_redis_listeners_of_the_process_are_still_called() -> None:
    bus = RedisBus("redis://127.0.0.1:1/0")
    heard: list[str] = []
    bus.listen(lambda _, key, __: heard.append(key))
    bus.signal("topic", "a", {})
    assert heard == ["a"]

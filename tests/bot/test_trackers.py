import asyncio
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from uuid import uuid4

import pytest
import sqlalchemy as sa
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    BotUttered,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker

from bot.components.trackers import KEPT_TURNS, MOST_TURNS, RecentTrackerStore, shorten

POSTGRES = os.environ.get("XIAOER_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")
DOMAIN = Domain.from_dict(
    {
        "intents": ["ask"],
        "actions": ["act"],
        "forms": {"some_form": {"required_slots": ["order_no"]}},
        "slots": {
            "order_no": {"type": "text", "mappings": [{"type": "custom"}]},
            "place": {"type": "text", "mappings": [{"type": "custom"}]},
        },
    }
)


def reachable() -> bool:
    url = sa.engine.make_url(POSTGRES)
    try:
        socket.create_connection((url.host, url.port or 5432), timeout=1).close()
    except OSError:
        return False
    return True


@pytest.fixture(
    params=[
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.skipif(not reachable(), reason="no PostgreSQL")),
    ]
)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'bot.db'}"
        return
    name = f"xiaoer_test_{uuid4().hex[:12]}"
    server = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield POSTGRES.rsplit("/", 1)[0] + "/" + name
    with server.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def turn(number: int, *between: Event) -> list[Event]:
    said = UserUttered(f"question {number}", {"name": "ask", "confidence": 1.0})
    answer = [ActionExecuted("act"), BotUttered(f"answer {number}"), ActionExecuted("action_listen")]
    return [said, *between, *answer]


def talk(turns: int, **between: Event) -> DialogueStateTracker:
    events: list[Event] = [
        ActionExecuted("action_session_start"),
        SessionStarted(),
        ActionExecuted("action_listen"),
    ]
    for number in range(turns):
        events += turn(number, *[event for key, event in between.items() if key == f"turn_{number}"])
    return DialogueStateTracker.from_events("c1", events, DOMAIN.slots, domain=DOMAIN)


def questions(tracker: DialogueStateTracker) -> list[str]:
    return [event.text for event in tracker.events if isinstance(event, UserUttered)]


def test_a_dialogue_comes_back_from_another_store(url: str) -> None:
    tracker = talk(2, turn_0=SlotSet("order_no", "123"))
    asyncio.run(RecentTrackerStore(DOMAIN, url).save(tracker))
    found = asyncio.run(RecentTrackerStore(DOMAIN, url).retrieve("c1"))
    assert found is not None
    assert list(found.events) == list(tracker.events)
    assert found.get_slot("order_no") == "123"
    assert asyncio.run(RecentTrackerStore(DOMAIN, url).retrieve("c2")) is None


def test_replicas_may_be_the_first_together(url: str) -> None:
    together = Barrier(8)

    def begin(_: int) -> list[str]:
        together.wait()
        return list(asyncio.run(RecentTrackerStore(DOMAIN, url).keys()))

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(begin, range(8))) == [[]] * 8


def test_a_replica_sees_what_the_other_has_heard(url: str) -> None:
    one, two = RecentTrackerStore(DOMAIN, url), RecentTrackerStore(DOMAIN, url)
    for number, store in enumerate([one, two, one, one, two]):
        tracker = asyncio.run(store.retrieve("c1")) or talk(0)
        assert questions(tracker) == [f"question {n}" for n in range(number)]
        for event in turn(number):
            tracker.update(event, DOMAIN)
        asyncio.run(store.save(tracker))


def test_a_turn_that_fails_half_way_is_forgotten(url: str) -> None:
    store = RecentTrackerStore(DOMAIN, url)
    asyncio.run(store.save(talk(1)))
    half = asyncio.run(store.retrieve("c1"))
    assert half is not None
    half.update(SlotSet("place", "nowhere"), DOMAIN)
    again = asyncio.run(store.retrieve("c1"))
    assert again is not None
    assert again.get_slot("place") is None


def test_a_long_dialogue_keeps_its_last_turns_and_every_slot() -> None:
    tracker = talk(MOST_TURNS + 1, turn_0=SlotSet("order_no", "123"), turn_8=SlotSet("place", "杭州"))
    short = shorten(tracker, DOMAIN)
    assert questions(short) == questions(tracker)[-KEPT_TURNS:]
    assert (short.get_slot("order_no"), short.get_slot("place")) == ("123", "杭州")
    assert short.latest_action_name == "action_listen"
    assert isinstance(short.events[1], SessionStarted)


def test_a_short_dialogue_stays_whole() -> None:
    tracker = talk(MOST_TURNS)
    assert shorten(tracker, DOMAIN) is tracker


def test_a_form_is_not_cut_through() -> None:
    cut = MOST_TURNS + 1 - KEPT_TURNS
    tracker = talk(
        MOST_TURNS + 1, **{f"turn_{cut - 1}": ActiveLoop("some_form"), f"turn_{cut + 1}": ActiveLoop(None)}
    )
    assert shorten(tracker, DOMAIN) is tracker


def test_a_dialogue_of_any_length_stays_short(url: str) -> None:
    store = RecentTrackerStore(DOMAIN, url)
    longest = 0
    for number in range(60):
        tracker = asyncio.run(store.retrieve("c1")) or talk(0)
        for event in turn(number):
            tracker.update(event, DOMAIN)
        longest = max(longest, len(tracker.events))
        asyncio.run(store.save(tracker))
    assert longest <= len(talk(MOST_TURNS + 1).events) + 2

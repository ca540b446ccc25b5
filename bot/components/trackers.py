"""Where the bot keeps what it remembers of each dialogue: one row a conversation, the recent turns only.

The transcript of record is the backoffice's. Rasa's own SQL store keeps every event for ever, reads all of
them back in every turn and sends them to the action server, so that a turn costs more the longer one talks.
"""

import json
import random
from collections import OrderedDict
from typing import Any, Dict, Iterable, List, Optional

import sqlalchemy as sa
from rasa.core.brokers.broker import EventBroker
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.constants import ACTION_LISTEN_NAME, ACTION_SESSION_START_NAME, REQUESTED_SLOT
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    ActiveLoop,
    Event,
    SessionStarted,
    SlotSet,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from sqlalchemy.schema import CreateTable

import bot.lean.patches  # noqa: F401
from bot.components.channel import saved

MOST_TURNS = 8
KEPT_TURNS = 4
CACHED = 1000
READ = """
SELECT version, CASE WHEN version = :version THEN NULL ELSE events END AS events
FROM {table} WHERE sender_id = :sender_id
"""
WRITE = """
INSERT INTO {table} (sender_id, version, events) VALUES (:sender_id, :version, :events)
ON CONFLICT (sender_id) DO UPDATE SET version = excluded.version, events = excluded.events
"""


class RecentTrackerStore(TrackerStore):
    """Trackers in a table of their own (schema `bot` on PostgreSQL), the latest ones in memory too.

    Each save writes a new random version. A tracker in memory is used only while its row has the version
    that was written here, so another replica may take a conversation over at any turn.
    """

    def __init__(self, domain: Domain, host: str, event_broker: Optional[EventBroker] = None) -> None:
        """`host` is what Rasa calls the `url` of endpoints.yml: a database URL."""
        super().__init__(domain, event_broker)
        self._engine = sa.create_engine(host, poolclass=sa.pool.QueuePool, pool_pre_ping=True)
        schema = "bot" if self._engine.dialect.name == "postgresql" else None
        self._table = sa.Table(
            "trackers",
            sa.MetaData(schema=schema),
            sa.Column("sender_id", sa.String(80), primary_key=True),
            sa.Column("version", sa.Integer, nullable=False),
            sa.Column("events", sa.Text, nullable=False),
        )
        if self._engine.dialect.name == "sqlite":
            sa.event.listen(self._engine, "connect", write_ahead)
        with self._engine.begin() as connection:
            if schema:
                connection.execute(sa.text("SELECT pg_advisory_xact_lock(8155)"))
                connection.execute(sa.text(f"CREATE SCHEMA IF NOT EXISTS {schema}"))
            connection.execute(CreateTable(self._table, if_not_exists=True))
        name = f"{schema}.trackers" if schema else "trackers"
        self._read = sa.text(READ.format(table=name))
        self._write = sa.text(WRITE.format(table=name))
        self._recent: "OrderedDict[str, tuple[int, DialogueStateTracker]]" = OrderedDict()

    def __copy__(self) -> "RecentTrackerStore":
        """The store of another model: the same table, and a memory of its own."""
        other = RecentTrackerStore.__new__(RecentTrackerStore)
        other.__dict__.update(self.__dict__, _recent=OrderedDict())
        return other

    async def keys(self) -> Iterable[str]:
        with self._engine.connect() as connection:
            return list(connection.execute(sa.select(self._table.c.sender_id)).scalars())

    async def retrieve(self, sender_id: str) -> Optional[DialogueStateTracker]:
        """The tracker of a conversation, None when it is new. It leaves the memory until it is saved, so
        that a turn which fails half way is forgotten."""
        version, tracker = self._recent.pop(sender_id, (None, None))
        with self._engine.connect() as connection:
            asked = {"sender_id": sender_id, "version": version}
            row = connection.execute(self._read, asked).one_or_none()
        if row is None:
            return None
        if tracker and row.version == version:
            return tracker
        return remembered(sender_id, json.loads(row.events), self.domain)

    async def save(self, tracker: DialogueStateTracker) -> None:
        saved.set(tracker)
        await self.stream_events(tracker)
        tracker = shorten(tracker, self.domain)
        version = random.getrandbits(31)
        events = json.dumps([event.as_dict() for event in tracker.events], ensure_ascii=False)
        with self._engine.begin() as connection:
            row = {"sender_id": tracker.sender_id, "version": version, "events": events}
            connection.execute(self._write, row)
        self._recent[tracker.sender_id] = (version, tracker)
        if len(self._recent) > CACHED:
            self._recent.popitem(last=False)


def remembered(sender_id: str, events: List[Dict[str, Any]], domain: Domain) -> DialogueStateTracker:
    """The tracker of these events as a model of this domain goes on with it.

    Another model may have led the dialogue: slots that this one does not know are left out, and a form that
    it does not know is left.
    """
    slots = {slot.name for slot in domain.slots}
    known = [each for each in events if each["event"] != SlotSet.type_name or each["name"] in slots]
    tracker = DialogueStateTracker.from_dict(sender_id, known, domain.slots)
    if tracker.active_loop_name and tracker.active_loop_name not in domain.form_names:
        tracker.update(ActiveLoop(None))
        if REQUESTED_SLOT in slots:
            tracker.update(SlotSet(REQUESTED_SLOT, None))
    return tracker


def write_ahead(connection: Any, _: Any) -> None:
    for pragma in ("journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def shorten(tracker: DialogueStateTracker, domain: Domain) -> DialogueStateTracker:
    """The tracker itself, or once it holds more than `MOST_TURNS` turns one of the last `KEPT_TURNS`, which
    begins with the slots as they were then. A form is never cut through: its turns stay together."""
    events = list(tracker.events)
    turns = [place for place, event in enumerate(events) if isinstance(event, UserUttered)]
    if len(turns) <= MOST_TURNS:
        return tracker
    cut = turns[-KEPT_TURNS]
    before = DialogueStateTracker.from_events(tracker.sender_id, events[:cut], domain.slots, domain=domain)
    if before.active_loop_name or before.latest_action_name != ACTION_LISTEN_NAME:
        return tracker
    fresh = {slot.name: slot.value for slot in domain.slots}
    known: List[Event] = [
        SlotSet(name, slot.value, timestamp=events[cut].timestamp)
        for name, slot in before.slots.items()
        if slot.value != fresh.get(name)
    ]
    opening = [ActionExecuted(ACTION_SESSION_START_NAME), SessionStarted()]
    start = [*opening, *known, ActionExecuted(ACTION_LISTEN_NAME)]
    for event in start:
        event.timestamp = events[cut].timestamp
    return DialogueStateTracker.from_events(
        tracker.sender_id, start + events[cut:], domain.slots, domain=domain
    )

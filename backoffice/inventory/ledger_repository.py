"""The only writer of the counters: a level never changes without its line in the ledger.

Whatever is asked for at once is done as a whole or not at all. On PostgreSQL it is one statement which locks
the levels in the order of their keys, looks whether all of them can, and writes what follows from the locked
rows: an UPDATE that counted from its own snapshot would meet the CHECKs with numbers of before the lock. On
SQLite, where a write session is alone, the same steps follow each other.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from sqlalchemy import CursorResult, and_, bindparam, insert, select, text, tuple_, update

from backoffice.inventory import shares_repository
from backoffice.inventory.models import StockLevel, StockMovement, StockPromise
from backoffice.inventory.schemas import Move
from backoffice.kit.database import Base, UtcDateTime, WriteSession, upsert
from backoffice.kit.errors import Conflict
from backoffice.kit.time import now

LEVELS, MOVEMENTS, PROMISES = (
    Base.metadata.tables[model.__tablename__] for model in (StockLevel, StockMovement, StockPromise)
)
COUNTERS = ("on_hand", "allocated", "reserved")
free = LEVELS.c.on_hand - LEVELS.c.allocated - LEVELS.c.reserved - LEVELS.c.safety


class Short(NamedTuple):
    """A level that could not do what was asked of it, and how many pieces were free there."""

    location_id: int
    sku_id: int
    free: int


class Promising(NamedTuple):
    """The promise that goes with a movement which takes pieces."""

    state: str
    until: datetime | None
    channel: str = ""


MOVE = """
WITH asked AS (
    SELECT * FROM unnest(
        CAST(:location_id AS bigint[]), CAST(:sku_id AS bigint[]),
        CAST(:on_hand AS int[]), CAST(:allocated AS int[]), CAST(:reserved AS int[])
    ) AS each (location_id, sku_id, on_hand, allocated, reserved)
), level AS (
    SELECT l.location_id, l.sku_id, l.on_hand - l.allocated - l.reserved - l.safety AS free,
        a.on_hand, a.allocated, a.reserved,
        l.on_hand + a.on_hand AS new_on_hand, l.allocated + a.allocated AS new_allocated,
        l.reserved + a.reserved AS new_reserved,
        l.on_hand + a.on_hand >= 0 AND l.allocated + a.allocated >= 0 AND l.reserved + a.reserved >= 0
        AND (
            a.allocated + a.reserved - a.on_hand <= 0
            OR l.on_hand - l.allocated - l.reserved - CASE WHEN :spare THEN l.safety ELSE 0 END
                >= a.allocated + a.reserved - a.on_hand
        ) AS able,
        l.shared AND a.allocated + a.reserved - a.on_hand > 0 AND NOT :within AS in_shares
    FROM asked a JOIN stock_levels l ON l.location_id = a.location_id AND l.sku_id = a.sku_id
    ORDER BY l.location_id, l.sku_id
    FOR UPDATE OF l
), moved AS (
    UPDATE stock_levels l SET on_hand = v.new_on_hand,
        allocated = v.new_allocated, reserved = v.new_reserved
    FROM level v
    WHERE l.location_id = v.location_id AND l.sku_id = v.sku_id
        AND (SELECT count(*) FROM level WHERE able AND NOT in_shares) = :asked
    RETURNING v.location_id, v.sku_id, v.on_hand, v.allocated, v.reserved
), noted AS (
    INSERT INTO stock_movements
        (location_id, sku_id, on_hand, allocated, reserved, kind, holder, reason, at)
    SELECT location_id, sku_id, on_hand, allocated, reserved, :kind, :holder, :reason, :at FROM moved
)
"""
PROMISE = """, promised AS (
    INSERT INTO stock_promises AS kept (holder, location_id, sku_id, quantity, state, until, parts, channel)
    SELECT :holder, location_id, sku_id, allocated + reserved, :state, :until, :asked, :channel FROM moved
    ON CONFLICT (holder, location_id, sku_id) DO UPDATE SET quantity = kept.quantity + excluded.quantity
        WHERE kept.state = 'allocated' AND excluded.state = 'allocated'
    RETURNING 1
)
"""
OUTCOME = "SELECT location_id, sku_id, free, able, in_shares, {promised} AS promised FROM level"
TYPES = (bindparam("at", type_=UtcDateTime()), bindparam("until", type_=UtcDateTime()))
JUST_MOVE = text(MOVE + OUTCOME.format(promised=":asked")).bindparams(TYPES[0])
MOVE_AND_PROMISE = text(
    MOVE + PROMISE + OUTCOME.format(promised="(SELECT count(*) FROM promised)")
).bindparams(*TYPES)


async def move(
    session: WriteSession,
    kind: str,
    moves: Sequence[Move],
    holder: str = "",
    reason: str = "",
    promising: Promising | None = None,
    spare: bool = True,
    channel: str = "",
) -> list[Short]:
    """Change levels, all of them or none; those that could not, none when it was done.

    `moves` come sorted by location and SKU, one for each. No counter becomes negative, and what takes free
    pieces leaves the safety stock alone if `spare`. Raises `Conflict` (`already_promised`), to be followed by
    a roll-back, when the holder was promised such pieces in another way before.
    """
    if not moves:
        return []
    shared = {"kind": kind, "holder": holder, "reason": reason, "at": now()}
    how = move_at_once if session.get_bind().dialect.name == "postgresql" else move_alone
    promising = promising and promising._replace(channel=channel)
    bounds = {"spare": spare, "within": not channel}
    short, in_shares, promised = await how(session, shared, moves, promising, bounds)
    if in_shares and not short:
        short = await beyond_shares(session, channel, [each for each in moves if each[:2] in in_shares])
        if not short:
            short, _, promised = await how(session, shared, moves, promising, bounds | {"within": True})
    if not short and promising and promised < len(moves):
        raise Conflict("already_promised", "the holder was promised such pieces before")
    return short


async def beyond_shares(session: WriteSession, channel: str, moves: Sequence[Move]) -> list[Short]:
    """What a channel may not take of levels with shares; they are locked, nobody takes more meanwhile."""
    rooms = await shares_repository.rooms(session, channel, [each[:2] for each in moves])
    return [
        Short(each.location_id, each.sku_id, rooms[each[:2]])
        for each in moves
        if each[:2] in rooms and rooms[each[:2]] < taken_by(each)
    ]


Outcome = tuple[list[Short], set[tuple[int, int]], int]
"""Levels that could not, else those where the shares are to be looked at first, and how many promises were
written: nothing has changed unless the first two are empty.
"""


async def move_at_once(
    session: WriteSession,
    shared: dict[str, Any],
    moves: Sequence[Move],
    promising: Promising | None,
    bounds: dict[str, bool],
) -> Outcome:
    arrays = {name: [getattr(each, name) for each in moves] for name in Move._fields}
    values = {**shared, **arrays, **bounds, "asked": len(moves)}
    if promising:
        rows = (await session.execute(MOVE_AND_PROMISE, values | promising._asdict())).all()
    else:
        rows = (await session.execute(JUST_MOVE, values)).all()
    levels = {(row.location_id, row.sku_id): (row.free, row.able) for row in rows}
    in_shares = {(row.location_id, row.sku_id) for row in rows if row.in_shares}
    return missing(moves, levels), in_shares, rows[0].promised if rows else 0


async def move_alone(
    session: WriteSession,
    shared: dict[str, Any],
    moves: Sequence[Move],
    promising: Promising | None,
    bounds: dict[str, bool],
) -> Outcome:
    keys = [(each.location_id, each.sku_id) for each in moves]
    found = {
        (row.location_id, row.sku_id): row
        for row in await session.execute(
            select(LEVELS, free.label("free")).where(tuple_(LEVELS.c.location_id, LEVELS.c.sku_id).in_(keys))
        )
    }

    def able(each: Move) -> bool:
        level = found.get((each.location_id, each.sku_id))
        taken = taken_by(each)
        return (
            level is not None
            and all(getattr(level, name) + getattr(each, name) >= 0 for name in COUNTERS)
            and (taken <= 0 or level.free + (0 if bounds["spare"] else level.safety) >= taken)
        )

    levels = {
        (each.location_id, each.sku_id): (found[each[:2]].free, able(each))
        for each in moves
        if each[:2] in found
    }
    short = missing(moves, levels)
    in_shares = {
        each[:2]
        for each in moves
        if each[:2] in found and found[each[:2]].shared and taken_by(each) > 0 and not bounds["within"]
    }
    if short or in_shares:
        return short, in_shares, 0
    await session.execute(
        CHANGE, [{f"of_{name}": getattr(each, name) for name in Move._fields} for each in moves]
    )
    await session.execute(insert(MOVEMENTS), [each._asdict() | shared for each in moves])
    return [], set(), await promise(session, shared["holder"], moves, promising) if promising else 0


def taken_by(move: Move) -> int:
    """How many free pieces it takes; negative: it makes some free."""
    return move.allocated + move.reserved - move.on_hand


def missing(moves: Sequence[Move], levels: Mapping[tuple[int, int], tuple[int, bool]]) -> list[Short]:
    """The levels which are not there or not able."""
    states = [(each, *levels.get((each.location_id, each.sku_id), (0, False))) for each in moves]
    return [Short(each.location_id, each.sku_id, max(free, 0)) for each, free, able in states if not able]


CHANGE = (
    update(LEVELS)
    .where(LEVELS.c.location_id == bindparam("of_location_id"), LEVELS.c.sku_id == bindparam("of_sku_id"))
    .values({name: LEVELS.c[name] + bindparam(f"of_{name}") for name in COUNTERS})
)


async def promise(session: WriteSession, holder: str, moves: Sequence[Move], promising: Promising) -> int:
    """Write down what was promised; how many rows."""
    adding = upsert(session, StockPromise)
    written = 0
    for each in moves:
        result = await session.execute(
            adding.values(
                holder=holder,
                location_id=each.location_id,
                sku_id=each.sku_id,
                quantity=each.allocated + each.reserved,
                parts=len(moves),
                **promising._asdict(),
            ).on_conflict_do_update(
                index_elements=["holder", "location_id", "sku_id"],
                set_={"quantity": PROMISES.c.quantity + adding.excluded.quantity},
                where=and_(PROMISES.c.state == "allocated", adding.excluded.state == "allocated"),
            )
        )
        written += cast(CursorResult[Any], result).rowcount
    return written


async def unpromised(session: WriteSession, keys: Sequence[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """What of these levels nobody was promised, safety stock too; they stay so until this commits."""
    rest = LEVELS.c.on_hand - LEVELS.c.allocated - LEVELS.c.reserved
    found = (
        select(LEVELS.c.location_id, LEVELS.c.sku_id, rest)
        .where(tuple_(LEVELS.c.location_id, LEVELS.c.sku_id).in_(keys))
        .order_by(LEVELS.c.location_id, LEVELS.c.sku_id)
        .with_for_update()
    )
    return {(location_id, sku_id): pieces for location_id, sku_id, pieces in await session.execute(found)}


async def open_levels(session: WriteSession, keys: Sequence[tuple[int, int]]) -> None:
    """Make sure that levels exist, empty where they are new."""
    empty = dict.fromkeys((*COUNTERS, "safety"), 0)
    rows = [{"location_id": location_id, "sku_id": sku_id, **empty} for location_id, sku_id in keys]
    if rows:
        await session.execute(upsert(session, StockLevel).on_conflict_do_nothing(), rows)


async def lock_level(session: WriteSession, key: tuple[int, int]) -> tuple[int, int]:
    """How many pieces are on hand at a level and how many of them are promised; nobody changes it before
    this commits.
    """
    which = (LEVELS.c.location_id == key[0]) & (LEVELS.c.sku_id == key[1])
    promised = (LEVELS.c.allocated + LEVELS.c.reserved).label("promised")
    found = await session.execute(select(LEVELS.c.on_hand, promised).where(which).with_for_update())
    on_hand, pieces = found.one()
    return on_hand, pieces


async def lock_levels(session: WriteSession, sku_ids: Collection[int]) -> None:
    """Keep the levels of SKUs at all locations, in the order in which all who change several take them."""
    which = select(LEVELS.c.sku_id).where(LEVELS.c.sku_id.in_(sku_ids))
    await session.execute(which.order_by(LEVELS.c.location_id, LEVELS.c.sku_id).with_for_update())


async def set_terms(
    session: WriteSession, keys: Sequence[tuple[int, int]], reason: str, **terms: int | bool
) -> int:
    """Set `safety` or `shared` of levels, which stay locked; how many there are. No counter changes, but the
    ledger says that what is free did.
    """
    which = tuple_(LEVELS.c.location_id, LEVELS.c.sku_id).in_(keys)
    order = LEVELS.c.location_id, LEVELS.c.sku_id
    found = await session.execute(select(*order).where(which).order_by(*order).with_for_update())
    rows = [{"location_id": location_id, "sku_id": sku_id} for location_id, sku_id in found]
    if rows:
        await session.execute(update(LEVELS).where(which).values(**terms))
        nothing = dict.fromkeys(COUNTERS, 0)
        noted = {"kind": "set", "holder": "", "reason": reason, "at": now(), **nothing}
        await session.execute(insert(MOVEMENTS), [row | noted for row in rows])
    return len(rows)

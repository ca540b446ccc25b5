"""The feed of changes over HTTP, for channels: asked for, or followed as server-sent events."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from starlette.requests import HTTPConnection

from backoffice.inventory import feed
from backoffice.inventory.feed import Feed
from backoffice.inventory.stock_schemas import FeedPage
from backoffice.kit.database import Database, Reading, database_of
from backoffice.users.identity import service_for

allowed = service_for("till", "marketplace")
router = APIRouter(prefix="/inventory/feed", tags=["inventory"], dependencies=[Depends(allowed)])
Position = Annotated[int, Query(ge=0, lt=2**63)]
AT_ONCE = 200
LOOK_SECONDS = 0.5
RETRY_MILLISECONDS = 1000


async def feed_of(connection: HTTPConnection) -> Feed:
    found: Feed = connection.app.state.stock_feed
    return found


@router.get("")
async def changes(
    session: Reading, after: Position = 0, limit: Annotated[int, Query(ge=1, le=AT_ONCE)] = AT_ONCE
) -> FeedPage:
    """Each level that changed after a position, once, with what every channel may sell of it now.

    Go on after `last`; nothing more: `changes` is empty. From 0 on these are all levels.
    """
    return await feed.page(session, after, limit)


@router.get("/stream", response_class=EventSourceResponse)
async def stream(
    database: Annotated[Database, Depends(database_of)],
    news: Annotated[Feed, Depends(feed_of)],
    after: Position = 0,
    last_event_id: Annotated[int | None, Header(ge=0, lt=2**63)] = None,
) -> AsyncIterator[ServerSentEvent]:
    """The same as events `stock`, without end, after `Last-Event-ID` (else `after`); a change comes within a
    second. An `id` is the position.
    """
    seen = after if last_event_id is None else last_event_id
    yield ServerSentEvent(comment="open", retry=RETRY_MILLISECONDS)
    with news.listen() as heard:
        while True:
            heard.clear()
            async with database.read() as session:
                found = await feed.page(session, seen, AT_ONCE)
            for change in found.changes:
                written = change.model_dump_json()
                yield ServerSentEvent(event="stock", id=str(change.position), raw_data=written)
            seen = found.last
            if len(found.changes) < AT_ONCE:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_SECONDS):
                        await heard.wait()

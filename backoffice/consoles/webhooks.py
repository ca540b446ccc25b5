"""Webhooks for admins: how each does, what it could not be told, and telling it again."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from nicegui import ui

from backoffice.consoles.following import follow
from backoffice.consoles.inbox import clock
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, span, tag
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.events import webhooks
from backoffice.events.schemas import Replay, WebhookDeliveryView, WebhookView
from backoffice.kit.time import now

PLACE = Place("/webhooks", "webhooks", ("admin",))
TOPICS = (webhooks.TOPIC,)
PAGE_SIZE = 50
FAR_BACK = timedelta(days=90)


async def build(visit: Visit) -> None:
    style("supervising.css")
    await Replays(visit).build()


class Replays:
    """One admin's page; `chosen` is the webhook whose failures are shown, none: of all."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._chosen: str | None = None
        self._shown = PAGE_SIZE
        self._do: dict[str, Callable[[str], Awaitable[None]]] = {
            "choose": self._choose,
            "more": self._more,
            "ping": self._ping,
            "replay": self._replay,
            "replay_all": self._replay_all,
        }

    async def build(self) -> None:
        words = self._words
        with ui.element("main").classes("reports"):
            ui.html(tag("h1", "page-title", words("webhooks.title")), sanitize=False)
            self._webhooks = Rows(ui.element("div").classes("webhook-list"))
            ui.html(tag("h2", "panel-title", words("webhooks.dead")), sanitize=False)
            self._dead = Rows(ui.element("div").classes("panel dead-list"))
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self.refresh()
        follow(self._visit, TOPICS, self.refresh)

    async def _handle(self, said: dict[str, Any]) -> None:
        deed = self._do.get(str(said.get("what", "")))
        if deed is not None:
            await deed(str(said.get("value", ""))[:40])
            await self.refresh()

    async def _choose(self, webhook_id: str) -> None:
        self._chosen = None if webhook_id == self._chosen else webhook_id or None
        self._shown = PAGE_SIZE

    async def _more(self, _: str) -> None:
        self._shown += PAGE_SIZE

    async def _ping(self, webhook_id: str) -> None:
        async with self._visit.database.write() as session:
            await webhooks.ping(session, webhook_id)
        ui.notify(self._words("webhooks.pinged"), type="positive", position="top")

    async def _replay(self, delivery_id: str) -> None:
        if delivery_id.isascii() and delivery_id.isdigit() and len(delivery_id) < 19:
            async with self._visit.database.write() as session:
                await webhooks.replay(session, int(delivery_id))

    async def _replay_all(self, webhook_id: str) -> None:
        async with self._visit.database.write() as session:
            count = await webhooks.replay_since(session, webhook_id, Replay(since=now() - FAR_BACK))
        ui.notify(self._words("webhooks.replayed", count=count), type="positive", position="top")

    async def refresh(self) -> None:
        words, moment = self._words, now()
        async with self._visit.database.read() as session:
            found = await webhooks.listed(session)
            dead = await webhooks.deliveries(session, self._chosen, ["dead"], self._shown)
        urls = {each.id: each.url for each in found}
        rows = {each.id: webhook(words, each, each.id == self._chosen) for each in found}
        self._webhooks.show(rows or {"none": div("empty", words("webhooks.none"))})
        lost = {str(each.id): given_up(words, each, urls, moment) for each in dead.deliveries}
        if dead.total > len(dead.deliveries):
            more = words("more", left=dead.total - len(dead.deliveries))
            lost["more"] = button("more", more, kind="button wide")
        self._dead.show(lost or {"none": div("none", words("webhooks.none_dead"))})


def webhook(words: Words, each: WebhookView, chosen: bool) -> Markup:
    state = "agent" if each.active else "queue"
    again = words("webhooks.replay_all", count=each.dead)
    return div(
        "panel webhook chosen" if chosen else "panel webhook",
        div(
            "agent-top",
            span(f"dot {state}", words("webhooks.active" if each.active else "webhooks.paused")),
            span("name clip", each.url),
        ),
        div("agent-skills", *(span("chip", topic) for topic in each.topics)),
        div(
            "agent-top",
            span("quiet-text", words("webhooks.waiting", count=each.waiting)),
            button(
                "choose",
                words("webhooks.given_up", count=each.dead),
                kind=f"wait {'over' if each.dead else 'good'} as-button",
                value=each.id,
                aria_pressed="true" if chosen else "false",
            ),
            span("grow"),
            button("ping", words("webhooks.ping"), kind="button small", value=each.id),
            button("replay_all", again, kind="button small primary", value=each.id) if each.dead else NOTHING,
        ),
    )


def given_up(words: Words, each: WebhookDeliveryView, urls: dict[str, str], moment: datetime) -> Markup:
    answer = words("webhooks.status", status=each.status) if each.status else words("webhooks.no_answer")
    reason = f"{answer} · {each.reason}" if each.reason else answer
    return div(
        "dead-row",
        div(
            "dead-what",
            div("agent-top", span("name", each.topic), span("quiet-text", clock(each.at, moment))),
            div("quiet-text clip", urls.get(each.webhook_id, each.webhook_id)),
            div("why", f"{reason} · {words('webhooks.attempts', count=each.attempts)}"),
        ),
        button("replay", words("webhooks.replay"), kind="button small", value=each.id),
    )

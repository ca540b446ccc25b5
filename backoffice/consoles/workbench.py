"""The inbox page: three panes side by side, drawn anew whenever something happens to what they show."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from nicegui import ui

from backoffice.consoles import composing, errands, verbs
from backoffice.consoles.customer import Customer, unmask
from backoffice.consoles.dialogs import ask, text
from backoffice.consoles.following import every, follow
from backoffice.consoles.help import show_help
from backoffice.consoles.inbox import VIEWS, Inbox, names
from backoffice.consoles.markup import NOTHING, Markup, join, span
from backoffice.consoles.plans import show_plan
from backoffice.consoles.session import HOME
from backoffice.consoles.talk import KEYS, Talk, possible
from backoffice.consoles.visit import Visit
from backoffice.conversations.desk import inbox
from backoffice.conversations.schemas import Summary
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now

TYPING_LASTS = timedelta(seconds=6)
LOOKING_LASTS = timedelta(seconds=25)
LOOK_AGAIN_SECONDS = 10.0
TYPING, LOOKING = "typing", "looking"
LIST_QUIET_SECONDS = 1.0


@dataclass
class Onlooker:
    """A colleague before the same conversation."""

    name: str
    seen_at: datetime
    types_at: datetime | None = None


class Workbench:
    """One person's page. `id` of the open conversation is `talk.id`."""

    def __init__(self, visit: Visit, metered: frozenset[str]) -> None:
        self.visit, self.words = visit, visit.words
        self.inbox, self.talk, self.customer = Inbox(visit), Talk(visit, metered), Customer(visit)
        self._client = ui.context.client
        self._visible = True
        self._drawing = asyncio.Lock()
        self._others: dict[int, Onlooker] = {}
        self._shopper_types_at: datetime | None = None
        self._said: dict[str, str] = {}
        self._do: dict[str, Callable[[dict[str, Any]], Awaitable[None]]] = {
            "open": lambda said: self.open(str(said.get("value", ""))[:32]),
            "back": lambda _: self.show_pane("list"),
            "talk": lambda _: self.show_pane("talk"),
            "customer": lambda _: self.show_pane("customer"),
            "view": lambda said: self._choose(view=str(said.get("value", ""))),
            "filter": lambda said: self._choose(
                **{key: str(said.get(key, "")) for key in ("channel", "tag", "text")}
            ),
            "more": self._more,
            "earlier": self._earlier,
            "orders": self._orders,
            "verb": lambda said: self.verb(str(said.get("value", ""))),
            "key": lambda said: self._key(str(said.get("value", ""))),
            "errand": self._errand,
            "plan": self._plan,
            "unmask": self._unmask,
            "send": lambda said: composing.send(self, said),
            "canned": lambda said: composing.canned(self, said),
            "suggest": lambda _: composing.suggest(self),
            "again": lambda said: composing.again(self, said),
            "typing": self._typing,
            "visible": self._seen_by_eyes,
            "help": lambda _: show_help(self.words),
        }

    async def build(self, conversation_id: str | None) -> None:
        self._panes = ui.element("main").classes("panes").props('data-pane="list"')
        with self._panes:
            self.inbox.build()
            self.talk.build()
            self.customer.build()
        handle = self.visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        leave = self.visit.live.listen(self._hear)

        def end() -> None:
            leave()
            self._look(False)

        self._client.on_delete(end)
        every(self.visit, LOOK_AGAIN_SECONDS, self._look_again)
        if conversation_id:
            await self.visit.guarded(self.open)(conversation_id, False)
        else:
            await self.refresh()
        await composing.prepare(self)
        follow(self.visit, ("conversation", "presence"), self.refresh_list, quiet=LIST_QUIET_SECONDS)
        follow(self.visit, ("conversation",), self.refresh_open, lambda key: key == self.talk.id)

    async def _handle(self, said: dict[str, Any]) -> None:
        verb = self._do.get(str(said.get("what", "")))
        if verb is not None:
            await verb(said)

    # What happens elsewhere

    def _hear(self, topic: str, key: str, payload: dict[str, Any]) -> None:
        mine = key == self.talk.id
        if topic == TYPING and mine:
            self._hear_typing(payload)
        elif topic == LOOKING and mine and payload.get("staff_id") != self.visit.who.id:
            self._hear_looking(payload)

    def _hear_typing(self, payload: dict[str, Any]) -> None:
        at = now() if payload.get("on") else None
        if payload.get("who") == "shopper":
            self._shopper_types_at = at
        elif (colleague := self._others.get(payload.get("staff_id") or 0)) is not None:
            colleague.types_at = at
        self._draw_around()

    def _hear_looking(self, payload: dict[str, Any]) -> None:
        staff_id = int(payload.get("staff_id") or 0)
        if not payload.get("on"):
            self._others.pop(staff_id, None)
        else:
            before = self._others.get(staff_id)
            self._others[staff_id] = Onlooker(
                str(payload.get("name", "")), now(), before.types_at if before else None
            )
            if before is None:
                self._look(True)
        self._draw_around()

    def _look(self, on: bool) -> None:
        """Tell colleagues before the same conversation that this person is there."""
        if self.talk.id and (self._visible or not on):
            who = self.visit.who
            told = {"staff_id": who.id, "name": who.name, "on": on}
            self.visit.live.signal(LOOKING, self.talk.id, told)

    async def _look_again(self) -> None:
        self._look(True)
        self._draw_around()

    def _draw_around(self) -> None:
        moment, words = now(), self.words
        parts: list[Markup] = []
        if self._shopper_types_at and moment - self._shopper_types_at < TYPING_LASTS:
            parts.append(span("types shopper-types", words("types.shopper"), span("dots", "•••")))
        for other in self._others.values():
            if moment - other.seen_at > LOOKING_LASTS:
                continue
            types = other.types_at is not None and moment - other.types_at < TYPING_LASTS
            said = words("types.agent" if types else "looks", name=other.name)
            parts.append(span("types agent-types" if types else "looks", said))
        self.talk.around(join(parts) if parts else NOTHING)

    # Drawing

    async def refresh(self) -> None:
        await self._draw_list()
        await self._draw_open()
        self._tell_script()

    async def refresh_list(self) -> None:
        await self._draw_list()
        self._tell_script()

    async def refresh_open(self) -> None:
        """What nobody looks at is drawn when somebody looks again."""
        if self._visible:
            await self._draw_open()
            self._tell_script()

    async def _draw_list(self) -> None:
        async with self._drawing:
            await self.inbox.refresh()

    async def _draw_open(self) -> None:
        async with self._drawing:
            customer, summary = await self._named()
            await self.talk.refresh(customer, summary)
            if self._client.has_socket_connection:
                self._tell_script()
            await self.customer.refresh(self.talk.found)
            self._draw_around()
            if self._visible:
                await self.talk.mark_seen()

    def _tell_script(self) -> None:
        self._tell("composer", self.talk.composer_state())
        waiting = self.inbox.counts.get("unassigned", 0)
        self._tell("title", {"count": waiting, "title": self.words("title")})

    async def _named(self) -> tuple[str, Summary | None]:
        if self.talk.id is None:
            return "", None
        async with self.visit.database.read() as session:
            try:
                summary = await inbox.find(session, self.talk.id)
            except NotFound:
                self.talk.open(None)
                raise
            return (await names(self.visit, session, [summary]))[0].customer, summary

    def _tell(self, what: str, value: dict[str, Any] | list[Any]) -> None:
        """Say something to the page's script, when it is not what was said last."""
        said = json.dumps(value)
        if self._said.get(what) != said:
            self._said[what] = said
            ui.run_javascript(f"window.desk.{what}({said})")

    def order(self, what: str, value: Any) -> None:
        """Have the page's script do something once."""
        ui.run_javascript(f"window.desk.{what}({json.dumps(value)})")

    # What the person does

    async def open(self, conversation_id: str, in_history: bool = True) -> None:
        if conversation_id != self.talk.id:
            self._look(False)
            self._others.clear()
            self._shopper_types_at = None
            self.talk.open(conversation_id)
            self.customer.close()
            self.inbox.chosen = conversation_id
            self._look(True)
        await self.show_pane("talk")
        await self.refresh()
        if in_history:
            ui.run_javascript(f"window.desk.at({json.dumps(f'{HOME}/conversations/{conversation_id}')})")

    async def show_pane(self, name: str) -> None:
        """Which pane a narrow screen shows."""
        self._panes.props(f'data-pane="{name}"')

    async def _choose(self, **wanted: str) -> None:
        kept = self.inbox.wanted
        self.inbox.filter(**{"channel": kept.channel, "tag": kept.tag, "text": kept.text, **wanted})
        await self.refresh()

    async def _more(self, _: dict[str, Any]) -> None:
        self.inbox.more()
        await self.refresh()

    async def _earlier(self, _: dict[str, Any]) -> None:
        self.talk.earlier()
        await self.refresh()

    async def _orders(self, _: dict[str, Any]) -> None:
        self.customer.more_orders()
        await self.refresh()

    async def verb(self, name: str) -> None:
        found = self.talk.found
        if found is None or name not in possible(found, self.visit.who.id):
            return
        await verbs.VERBS[name](self.visit, found)
        await self.refresh()

    async def _key(self, key: str) -> None:
        if key in ("j", "k"):
            await self._step(1 if key == "j" else -1)
        elif key.isdigit() and 1 <= int(key) <= len(VIEWS):
            await self._choose(view=VIEWS[int(key) - 1])
        elif self.talk.found is not None:
            can = possible(self.talk.found, self.visit.who.id)
            wanted = next((verb for verb in can if KEYS[verb].lower() == key), None)
            if wanted:
                await self.verb(wanted)

    async def _step(self, by: int) -> None:
        ids = self.inbox.ids
        if not ids:
            return
        here = ids.index(self.talk.id) if self.talk.id in ids else (-1 if by > 0 else len(ids))
        await self.open(ids[min(max(here + by, 0), len(ids) - 1)])

    async def _errand(self, said: dict[str, Any]) -> None:
        name, _, number = str(said.get("value", "")).partition(":")
        found = self.talk.found
        if found is None or name not in errands.FORMS:
            return
        if await errands.FORMS[name](self.visit, found, number):
            ui.notify(self.words("done"), type="positive", position="top")
        await self.refresh()

    async def _plan(self, said: dict[str, Any]) -> None:
        order_id = self.customer.dossier.planned.get(str(said.get("value", "")))
        if order_id is not None:
            await show_plan(self.visit, order_id)

    async def _unmask(self, _: dict[str, Any]) -> None:
        found, words = self.talk.found, self.words
        if found is None or found.customer_id is None:
            return
        why = await ask(
            words,
            words("unmask"),
            lambda: (lambda field: lambda: str(field.value or ""))(text(words("why"), maxlength=200)),  # type: ignore[attr-defined]
            words("unmask"),
            hint=words("unmask_hint"),
        )
        if why is None:
            return
        await self.visit.member()
        await unmask(self.visit, found.customer_id, why)
        self.customer.open_masks(found.customer_id)
        await self.refresh()

    async def _typing(self, said: dict[str, Any]) -> None:
        found = self.talk.found
        if found and not found.merged_into:
            told = {"who": "agent", "on": bool(said.get("on")), "staff_id": self.visit.who.id}
            self.visit.live.signal(TYPING, found.id, told)

    async def _seen_by_eyes(self, said: dict[str, Any]) -> None:
        self._visible = bool(said.get("on"))
        if self._visible:
            await self.refresh()

"""The supervisor's live board: who waits, who works; watch a conversation, whisper to its agent, step in."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from nicegui import ui

from backoffice.consoles.following import follow
from backoffice.consoles.inbox import Named, names, row, span_of, urgency
from backoffice.consoles.layout import Place, style
from backoffice.consoles.lines import staff_in, thread_rows
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, span, tag
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.conversations.desk import inbox, thread
from backoffice.conversations.desk import service as desk
from backoffice.conversations.desk.schemas import AgentLoad, Board, Filter
from backoffice.kit.errors import NotFound
from backoffice.kit.time import now
from backoffice.staff import service as staff

PLACE = Place("/board", "board", ("supervisor", "admin"))
TOPICS = ("conversation", "presence")
MOST_LISTED = 100
STATES = ("online", "away", "offline")
SECTIONS = ("queue", "over", "busy")


async def build(visit: Visit) -> None:
    style("supervising.css")
    await LiveBoard(visit).build()


class LiveBoard:
    """One supervisor's page."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._watch = Watch(visit)
        self._do: dict[str, Callable[[str], Awaitable[None]]] = {
            "open": self._open,
            "leave": lambda _: self._open(""),
            "whisper": lambda _: self._watch.whisper(),
            "step_in": lambda _: self._watch.step_in(),
        }

    async def build(self) -> None:
        words = self._words
        with ui.element("main").classes("board"):
            self._tiles = ui.html("", sanitize=False).classes("tiles")
            with ui.element("div").classes("board-columns"):
                with ui.element("section").classes("panel").props(f'aria-label="{words("board.people")}"'):
                    heading(words("board.people"))
                    self._agents = ui.html("", sanitize=False)
                with ui.element("section").classes("panel").props(f'aria-label="{words("board.talks")}"'):
                    self._talks = Rows(ui.element("div").classes("board-talks"))
                self._watch.build()
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self.refresh()
        follow(self._visit, TOPICS, self.refresh)

    async def _handle(self, said: dict[str, Any]) -> None:
        deed = self._do.get(str(said.get("what", "")))
        if deed is not None:
            await deed(str(said.get("value", ""))[:32])
            await self.refresh()

    async def _open(self, conversation_id: str) -> None:
        self._watch.open(conversation_id or None)

    async def refresh(self) -> None:
        visit, words, moment = self._visit, self._words, now()
        limit = visit.settings.queue_wait_limit
        async with visit.database.read() as session:
            board = await inbox.board(session, limit)
            listed, _ = await inbox.listed(session, Filter(view="all"), MOST_LISTED, 0)
            late = {each.id for each in board.over}
            groups = {
                "queue": board.queue,
                "over": [each for each in board.over if each.owner != "queue"],
                "busy": [each for each in listed if each.owner == "agent" and each.id not in late],
            }
            named = {name: await names(visit, session, found) for name, found in groups.items()}
        self._tiles.content = tiles(words, board, limit)
        self._agents.content = agents(words, board.agents)
        self._talks.show(self._rows(named, moment, limit))
        await self._watch.refresh()

    def _rows(self, named: dict[str, list[Named]], moment: datetime, limit: float) -> dict[str, Markup]:
        words, rows = self._words, {}
        for name in SECTIONS:
            found = named[name]
            late = "late" if found and name == "over" else ""
            count = span(f"count {late}".strip(), str(len(found)))
            rows[name] = tag("h2", "panel-title", words(f"board.{name}"), count)
            if not found:
                rows[f"{name}-none"] = div("none", words(f"board.no_{name}"))
            for each in found:
                chosen = each.summary.id == self._watch.id
                rows[f"{name}-{each.summary.id}"] = row(words, each, moment, limit, chosen)
        return rows


class Watch:
    """The conversation that is watched: read only, but for a whisper and for stepping in."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self.id: str | None = None
        self._agent_id: int | None = None

    def build(self) -> None:
        words = self._words
        self._pane = (
            ui.element("section").classes("panel watch").props(f'aria-label="{words("board.watch")}"')
        )
        with self._pane:
            self._head = ui.html("", sanitize=False)
            with (
                ui.element("div")
                .classes("lines")
                .props('role="log" aria-live="polite" tabindex="0"') as lines
            ):
                self._lines = Rows(lines)
            with ui.element("form").classes("whisper") as self._form:
                self._text = ui.input(label=words("board.whisper")).props("outlined dense maxlength=500")
                self._text.classes("grow")
                ui.button(words("board.whisper_send")).props('unelevated no-caps type="submit"')
            whisper = self._visit.guarded(self._whispered)
            self._form.on("submit.prevent", lambda: whisper())

    def open(self, conversation_id: str | None) -> None:
        self.id = conversation_id
        self._text.value = ""

    async def _whispered(self) -> None:
        await self.whisper()
        await self.refresh()

    async def refresh(self) -> None:
        visit, words, moment = self._visit, self._words, now()
        self._pane.classes(add="open" if self.id else "", remove="" if self.id else "open")
        self._form.set_visibility(self.id is not None)
        if self.id is None:
            self._head.content = ""
            empty = div("empty", div("empty-mark", "👁", aria_hidden="true"), div("", words("board.choose")))
            self._lines.show({"none": empty})
            return
        async with visit.database.read() as session:
            try:
                summary = await inbox.find(session, self.id)
            except NotFound:
                self.id = None
                raise
            found = await thread.read(session, self.id, frozenset())
            people = await staff.members(session, staff_in(found))
            [named] = await names(visit, session, [summary])
        self._agent_id = summary.agent_id if summary.owner == "agent" else None
        self._head.content = watch_head(words, named)
        self._lines.show(thread_rows(words, found, people, moment))

    async def whisper(self) -> None:
        """A private note that its agent is told of at once."""
        said = str(self._text.value or "").strip()
        if not said or self.id is None:
            return
        mentions = [self._agent_id] if self._agent_id else []
        async with self._visit.database.write() as session:
            await inbox.note(session, self.id, self._visit.who.id, said, mentions)
        self._text.value = ""

    async def step_in(self) -> None:
        if self.id is None:
            return
        async with self._visit.database.write() as session:
            await desk.take_over(session, self.id, self._visit.who.id)
        ui.navigate.to(f"/conversations/{self.id}")


def heading(text: str) -> None:
    ui.html(tag("h2", "panel-title", text), sanitize=False)


def tiles(words: Words, board: Board, limit: float) -> Markup:
    here = [each for each in board.agents if each.state == "online"]
    load, capacity = sum(each.load for each in here), sum(each.capacity for each in here)
    waited = timedelta(seconds=board.longest_wait)
    longest = span_of(words, waited) if board.waiting else "–"
    return div(
        "tile-row",
        tile(words("board.waiting"), str(board.waiting)),
        tile(words("board.longest"), longest, urgency(waited, limit) if board.waiting else ""),
        tile(words("board.late"), str(len(board.over)), "over" if board.over else "good"),
        tile(words("board.present"), f"{len(here)} / {len(board.agents)}"),
        tile(words("board.load"), f"{load} / {capacity}", "over" if capacity and load >= capacity else ""),
    )


def tile(name: str, value: str, kind: str = "", note: str = "") -> Markup:
    below = span("tile-note", note) if note else NOTHING
    return div(f"tile {kind}".strip(), span("tile-name", name), span("tile-value", value), below)


def agents(words: Words, found: list[AgentLoad]) -> Markup:
    shown = sorted(found, key=lambda each: (STATES.index(each.state), -each.load, each.name))
    return div("agents", *(agent(words, each) for each in shown))


def agent(words: Words, each: AgentLoad) -> Markup:
    share = min(100, round(100 * each.load / each.capacity)) if each.capacity else 0
    skills = [span("chip", words(f"skill.{skill}")) for skill in each.skills]
    full = "full" if each.load >= each.capacity else ""
    return div(
        f"agent-row {each.state}",
        div(
            "agent-top",
            span("presence-dot", title=words(f"presence.{each.state}")),
            span("name", each.name),
            span("quiet-text", words(f"presence.{each.state}")),
            span("grow"),
            span("load-count", f"{each.load} / {each.capacity}"),
        ),
        div(f"load {full}".strip(), div("load-bar", style=f"width:{share}%"), aria_hidden="true"),
        div("agent-skills", *skills) if skills else NOTHING,
    )


def watch_head(words: Words, named: Named) -> Markup:
    summary = named.summary
    who = named.agent if summary.owner == "agent" and named.agent else words(f"owner.{summary.owner}")
    return div(
        "watch-head",
        button("leave", "←", kind="quiet watch-back", aria_label=words("close")),
        div(
            "watch-who",
            tag("h2", "name", named.customer),
            div(
                "agent-top",
                span(f"dot {summary.owner}", who),
                span("chip", words.known("channel", summary.channel)),
            ),
        ),
        span("grow"),
        button("step_in", words("board.step_in"), kind="button primary"),
    )

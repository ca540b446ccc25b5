"""The review for admins: what the bot read, the harmful first, and what it meant."""

import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Any

from nicegui import ui

from backoffice.consoles import review_views as views
from backoffice.consoles.dialogs import ask, text
from backoffice.consoles.following import follow
from backoffice.consoles.layout import Place, asset, style
from backoffice.consoles.lines import staff_in, thread_rows
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, join, tag
from backoffice.consoles.review_views import Choice
from backoffice.consoles.visit import Visit
from backoffice.conversations.desk import thread
from backoffice.kit.database import ReadSession
from backoffice.kit.errors import Conflict, NotFound
from backoffice.kit.masking import mask_free_text
from backoffice.kit.time import now
from backoffice.reviewing import story_around
from backoffice.staff import service as staff
from backoffice.training.datasets import service as datasets
from backoffice.training.datasets.domain import Editor
from backoffice.training.projects.markup import Span
from backoffice.training.projects.views import domain, intent_names
from backoffice.training.review import deciding, second, service
from backoffice.training.review.domain import OUTSIDE
from backoffice.training.review.models import ReviewCandidate, ReviewGroup
from backoffice.training.review.schemas import Kind, Verdict

PLACE = Place("/review", "review", ("admin",))
TABS = ("queue", "second", "disputes")
SHARE = 0.1
LINES_BEFORE, LINES_AFTER = 8, 8
BIGGEST = 2**63 - 1


async def build(visit: Visit) -> None:
    style("review.css")
    ui.add_head_html(f'<script src="{asset("review.js")}" defer></script>')
    await Review(visit).build()


def number(value: object) -> int:
    """Of what the browser said; 0 for nonsense."""
    said = str(value)
    return int(said) if said.isascii() and said.isdigit() and len(said) < 19 else 0


class Review:
    """One admin's page: the chosen group or decision, which of its messages is in focus, and the choice."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._tab = "queue"
        self._groups: list[ReviewGroup] = []
        self._more = False
        self._chosen: int | None = None
        self._members: Sequence[ReviewCandidate] = ()
        self._ids: Sequence[int] = ()
        self._label = ""
        self._focus = 0
        self._choice = Choice()
        self._intents: list[str] = []
        self._entities: list[str] = []
        self._do: dict[str, Callable[[Any], Awaitable[None]]] = {
            "tab": self._go,
            "group": self._choose,
            "more": self._load_more,
            "next": lambda _: self._step(1),
            "previous": lambda _: self._step(-1),
            "next_member": lambda _: self._step_member(1),
            "previous_member": lambda _: self._step_member(-1),
            "focus": self._focus_on,
            "toggle": self._toggle,
            "label": self._labelled,
            "outside": lambda _: self._decide("outside"),
            "skip": lambda _: self._decide("skip"),
            "two": self._two,
            "undo": self._undo,
            "ask_second": self._ask_second,
            "select": self._select,
            "entity": self._mark,
            "unmark": self._unmark,
            "draw": self._draw,
            "add": self._add,
            "keep": lambda value: self._end(value, False),
            "other": lambda value: self._end(value, True),
            "story": self._story,
        }

    # Drawing

    async def build(self) -> None:
        words = self._words
        with ui.element("main").classes("review"):
            self._head = ui.html("", sanitize=False)
            with ui.element("div").classes("review-columns"):
                queue = (
                    ui.element("div")
                    .classes("review-queue")
                    .props(f'aria-label="{words("review.tab.queue")}"')
                )
                self._queue = Rows(queue)
                with ui.element("div").classes("review-work"):
                    self._facts = ui.html("", sanitize=False)
                    self._shown = ui.html("", sanitize=False)
                    self._bar = ui.html("", sanitize=False)
                    search = tag(
                        "input",
                        "review-search",
                        type="search",
                        data_filter="intent",
                        placeholder=words("review.search"),
                        aria_label=words("review.search"),
                    )
                    self._search = ui.html(search, sanitize=False)
                    self._choices = ui.html("", sanitize=False)
                with ui.element("div").classes("review-talk"):
                    self._around = ui.html("", sanitize=False)
                    with ui.element("div").classes("lines").props('role="log" tabindex="0"') as lines:
                        self._lines = Rows(lines)
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self.refresh()
        learn = self._visit.guarded(self._learn)
        ui.context.client.on_connect(lambda: learn())
        follow(self._visit, (), self.refresh)

    async def _learn(self) -> None:
        """What messages can mean; the page does not wait for it: to read the training data takes a while."""
        async with self._visit.database.read() as session:
            project = (await datasets.head(session)).project
        self._intents = [each for each in intent_names(project) if each != OUTSIDE]
        self._entities = [each.name for each in domain(project).entities]
        self._draw_work()

    async def refresh(self) -> None:
        async with self._visit.database.read() as session:
            counts = await service.counts(session)
            await self._load(session)
            self._head.content = views.head(self._words, counts, self._tab)
            await self._draw_list(session)
            await self._draw_talk(session)
        self._draw_work()

    async def _load(self, session: ReadSession) -> None:
        """What is chosen, as it stands now; the first of the queue when nothing is."""
        self._members, self._ids, self._label = (), (), ""
        if self._tab == "queue":
            limit = max(service.AT_ONCE, len(self._groups))
            found = list(await service.queue(session, limit=limit + 1))
            self._groups, self._more = found[:limit], len(found) > limit
            if self._chosen is None and self._groups:
                self._chosen = self._groups[0].id
            if self._chosen is not None:
                with suppress(NotFound):
                    group = await service.group(session, self._chosen)
                    self._members, self._ids, self._label = group.members, group.ids, group.row.label
        elif self._tab == "second":
            reading = await second.to_read(session, self._visit.who.id)
            self._chosen = reading.decision.id if reading else None
            if reading:
                self._members, self._ids = reading.members, [each.id for each in reading.members]
        self._focus = min(self._focus, max(len(self._members) - 1, 0))

    async def _draw_list(self, session: ReadSession) -> None:
        words, rows = self._words, dict[str, Markup]()
        if self._tab == "queue":
            rows = {
                str(each.id): views.group_row(words, each, each.id == self._chosen) for each in self._groups
            }
            if self._more:
                rows["more"] = button("more", words("review.more"), kind="button wide")
        elif self._tab == "disputes":
            found = await second.disagreements(session)
            ids = {each.decision.staff_id for each in found} | {
                each.decision.second_staff_id for each in found
            }
            people = await staff.members(session, [id for id in ids if id])
            names = {id: each.name for id, each in people.items()}
            rows = {str(each.decision.id): views.dispute(words, each, names) for each in found}
        elif self._members:
            rows = {"ask": div("none", words("review.read_again"))}
        self._queue.show(rows or {"none": div("empty", words(f"review.none.{self._tab}"))})

    def _draw_work(self) -> None:
        words, choice = self._words, self._choice
        self._search.set_visibility(bool(self._members))
        if not self._members:
            self._facts.content = self._shown.content = self._bar.content = self._choices.content = ""
            return
        self._facts.content = views.understood(words, self._members[self._focus])
        rows = [
            views.member(words, each, place == self._focus, choice, alone=self._tab == "second")
            for place, each in enumerate(self._members)
        ]
        hidden = len(self._ids) - len(self._members)
        rest = div("none", words("review.hidden", count=hidden)) if hidden > 0 else NOTHING
        self._shown.content = div("review-members", *rows, rest)
        self._bar.content = views.stretch_bar(words, self._entities) if choice.stretch else ""
        likely = views.likeliest(self._members, self._label, self._intents)
        settled = len(set(self._ids) - choice.left_out)
        self._choices.content = views.choices(words, likely, self._intents, choice, settled)

    async def _draw_talk(self, session: ReadSession) -> None:
        """The dialogue around the message in focus, masked, and how it ended."""
        words = self._words
        if not self._members:
            self._around.content = ""
            self._lines.show({})
            return
        each = self._members[self._focus]
        before, limit = each.event + LINES_AFTER, LINES_BEFORE + LINES_AFTER
        found = await thread.read(session, each.conversation_id, (), limit, before)
        for line in found.lines:
            line.text = mask_free_text(line.text)
        found.more = False
        people = await staff.members(session, staff_in(found))
        keep = button("story", words("review.story"), kind="button small", value=each.id)
        state = tag("span", f"dot {found.owner}", words(f"owner.{found.owner}"))
        self._around.content = join([div("panel-title", words("review.around"), state, keep)])
        self._lines.show(thread_rows(words, found, people, now()))

    # What the person does

    async def _handle(self, said: dict[str, Any]) -> None:
        if said.get("what") == "filter":
            self._choice.wanted = str(said.get("intent", "")).strip()[:40]
            self._draw_work()
            return
        deed = self._do.get(str(said.get("what", "")))
        if deed is not None:
            try:
                await deed(said.get("value"))
            except Conflict as problem:
                by = problem.extra.get("by")
                if not by:
                    raise
                ui.notify(self._words("review.decided_by", by=by), type="warning", position="top")
            await self.refresh()

    def _begin(self) -> None:
        """Another group: nothing is chosen of it yet."""
        self._choice, self._focus = Choice(second=self._choice.second), 0
        ui.run_javascript("window.review.begin()")

    async def _go(self, tab: Any) -> None:
        if tab in TABS:
            self._tab, self._chosen = tab, None
            self._begin()

    async def _choose(self, group_id: Any) -> None:
        self._chosen = number(group_id) or None
        self._begin()

    async def _load_more(self, _: Any) -> None:
        async with self._visit.database.read() as session:
            self._groups += await service.queue(session, self._groups[-1])

    async def _step(self, by: int) -> None:
        ids = [each.id for each in self._groups]
        if self._tab == "queue" and ids:
            here = ids.index(self._chosen) if self._chosen in ids else (-1 if by > 0 else len(ids))
            self._chosen = ids[min(max(here + by, 0), len(ids) - 1)]
            self._begin()

    async def _step_member(self, by: int) -> None:
        self._focus = min(max(self._focus + by, 0), max(len(self._members) - 1, 0))
        self._choice.stretch = None

    async def _focus_on(self, candidate_id: Any) -> None:
        ids = [each.id for each in self._members]
        if number(candidate_id) in ids:
            self._focus = ids.index(number(candidate_id))
            self._choice.stretch = None

    async def _toggle(self, candidate_id: Any) -> None:
        self._choice.left_out ^= {number(candidate_id)} & set(self._ids)

    async def _two(self, _: Any) -> None:
        self._choice.pair = [] if self._choice.pair is None else None

    async def _ask_second(self, _: Any) -> None:
        self._choice.second = not self._choice.second

    async def _labelled(self, intent: Any) -> None:
        pair = self._choice.pair
        if pair is None:
            await self._decide("label", str(intent))
        elif str(intent) not in pair:
            pair.append(str(intent))
            self._choice.wanted = ""
            ui.run_javascript("window.review.begin()")
            if len(pair) == 2:
                await self._decide("two", *pair)

    async def _decide(self, kind: Kind, intent: str = "", also: str = "") -> None:
        if self._chosen is None or not self._members:
            return
        me, choice = self._visit.who.id, self._choice
        async with self._visit.database.read() as session:
            verdict = await deciding.checked(session, Verdict(kind, intent, also))
        if self._tab == "second":
            async with self._visit.database.write() as session:
                await second.read(session, me, self._chosen, verdict)
        else:
            ids = [each for each in self._ids if each not in choice.left_out]
            spans = {each: spans for each, spans in choice.spans.items() if each in ids}
            async with self._visit.database.write() as session:
                await deciding.decide(session, me, ids, verdict, spans=spans, second=choice.second)
        after = [each.id for each in self._groups]
        place = after.index(self._chosen) + 1 if self._chosen in after else 0
        if not choice.left_out:
            self._chosen = after[place] if place < len(after) else None
        self._begin()

    async def _undo(self, _: Any) -> None:
        async with self._visit.database.write() as session:
            self._chosen = await deciding.undo_last(session, self._visit.who.id)
        self._tab = "queue"
        self._begin()

    async def _select(self, said: Any) -> None:
        candidate_id, start, end = (number(each) for each in (*str(said).split(":"), "", "")[:3])
        shown = {each.id: each for each in self._members}
        if candidate_id in shown and start < end <= len(shown[candidate_id].text):
            self._choice.stretch = candidate_id, start, end

    async def _mark(self, entity: Any) -> None:
        if self._choice.stretch and entity in self._entities:
            candidate_id, start, end = self._choice.stretch
            others = [
                each
                for each in self._choice.spans.get(candidate_id, [])
                if each.end <= start or each.start >= end
            ]
            self._choice.spans[candidate_id] = [*others, Span(start, end, entity)]
        self._choice.stretch = None

    async def _unmark(self, _: Any) -> None:
        if self._choice.stretch:
            self._choice.spans.pop(self._choice.stretch[0], None)
        self._choice.stretch = None

    async def _draw(self, _: Any) -> None:
        async with self._visit.database.write() as session:
            count = await second.draw(session, now() - service.WEEK, SHARE, random.SystemRandom())
        ui.notify(self._words("review.drawn", count=count), type="positive", position="top")

    async def _why(self, title: str) -> str | None:
        words = self._words

        def fields() -> Callable[[], str]:
            why = text(words("why"), maxlength=200)
            return lambda: str(why.value or "").strip()  # type: ignore[attr-defined]

        said = await ask(words, title, fields, words("save"))
        return None if said is None else str(said)

    async def _add(self, _: Any) -> None:
        why = await self._why(self._words("review.add_title"))
        if why is None:
            return
        member = await self._visit.member()
        async with self._visit.database.read() as session:
            await datasets.head(session)
        async with self._visit.database.write() as session:
            brought = await deciding.add_to_training(session, member.id, why)
        said = self._words("review.added", count=brought.examples)
        if brought.elsewhere:
            said += self._words("review.elsewhere", count=brought.elsewhere)
        ui.notify(said, type="warning" if brought.elsewhere else "positive", position="top")

    async def _end(self, decision_id: Any, as_second: bool) -> None:
        async with self._visit.database.write() as session:
            await second.end(session, self._visit.who.id, number(decision_id), as_second)

    async def _story(self, candidate_id: Any) -> None:
        each = next((each for each in self._members if each.id == number(candidate_id)), None)
        if each is None:
            return
        editor = Editor(self._visit.who.id, self._words("review.story_why"))
        async with self._visit.database.write() as session:
            story = await story_around(session, each.conversation_id, each.turn_id)
            await datasets.add_story(session, editor, story)
        ui.notify(self._words("review.story_kept"), type="positive", position="top")

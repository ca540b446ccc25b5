"""Training data for admins: to search, to edit, to look back at, to carry out and in."""

from collections.abc import Awaitable, Callable
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from nicegui import ui

from backoffice.consoles import data_rows as rows
from backoffice.consoles.data_editing import Editing, explain
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, span, tag
from backoffice.consoles.session import signed_in
from backoffice.consoles.visit import Visit
from backoffice.kit.database import Database, database_of
from backoffice.kit.errors import Problem
from backoffice.kit.fields import EventNumber
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.staff import service as staff
from backoffice.staff.schemas import Role
from backoffice.training.datasets import service
from backoffice.training.datasets.archives import pack
from backoffice.training.datasets.domain import Dataset, Labelled
from backoffice.training.datasets.naming import places_in_code
from backoffice.training.projects.rasa_yaml import sections
from backoffice.training.projects.views import Example, Intent, Terms, Variation, domain, intents, terms

ROLES: tuple[Role, ...] = ("admin",)
PLACE = Place("/training-data", "training_data", ROLES)
TABS = ("sentences", "answers", "words", "history")
PAGE_SIZE = 50
LONGEST_QUERY = 100
router = APIRouter(include_in_schema=False)


@router.get(rows.EXPORT)
async def export(
    request: Request,
    database: Annotated[Database, Depends(database_of)],
    number: EventNumber | None = None,
) -> Response:
    """The files of a revision, of the newest if none is named."""
    await signed_in(request, database, *ROLES)
    async with database.read() as session:
        dataset = await (service.head(session) if number is None else service.at(session, number))
    name = f"xiaoer-data-{dataset.number}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(pack(dataset.files), media_type="application/zip", headers=headers)


async def build(visit: Visit) -> None:
    style("supervising.css")
    style("data.css")
    DataPage(visit).build()


class DataPage:
    """One admin's page: `_intent` is the one that is looked at, `_examples` the sentences that are shown."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._edit = Editing(visit)
        self._tab, self._query, self._shown = TABS[0], "", PAGE_SIZE
        self._intent: str | None = visit.request.query_params.get("intent", "")[:80] or None
        self._intents = dict[str, Intent]()
        self._examples = list[tuple[str, Example]]()
        self._terms = list[Terms]()
        self._look: dict[str, Callable[[str], None]] = {
            "tab": self._choose_tab,
            "intent": self._choose_intent,
            "more": self._show_more,
        }
        self._deeds: dict[str, Callable[[str], Awaitable[bool]]] = {
            "add_intent": lambda _: self._edit.add_intent(),
            "add": self._edit.add_sentences,
            "rename": self._edit.rename,
            "merge": lambda name: self._edit.merge(name, self._names()),
            "retire": self._edit.retire,
            "change": lambda value: self._with(value, lambda name, each: self._edit.change(each, name)),
            "move": lambda value: self._with(value, lambda _, each: self._edit.move(each, self._names())),
            "remove": lambda value: self._with(value, lambda _, each: self._edit.remove(each)),
            "answer": self._answer,
            "words": self._words_of,
            "add_words": lambda _: self._edit.add_words(),
            "restore": lambda value: self._edit.restore(int(value)),
            "changes": self._changes,
            "import": lambda _: self._edit.take_in(),
        }

    def build(self) -> None:
        """The page at once; the data follow, as to read them for the first time takes seconds."""
        words = self._words
        with ui.element("main").classes("reports data"):
            self._top = ui.html("", sanitize=False)
            search = tag(
                "input",
                "data-search",
                type="search",
                data_filter="q",
                maxlength=LONGEST_QUERY,
                placeholder=words("data.search"),
                aria_label=words("data.search"),
            )
            ui.html(search, sanitize=False)
            with ui.element("div").classes("data-columns") as self._columns:
                self._side = Rows(
                    ui.element("nav")
                    .classes("panel data-side")
                    .props(f'aria-label="{words("data.intents")}"')
                )
                self._main = Rows(ui.element("section").classes("panel data-main"))
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        self._main.show({"none": div("none", words("data.reading"))})
        ui.timer(0, self._visit.guarded(self.refresh), once=True)

    async def _handle(self, said: dict[str, Any]) -> None:
        what, value = str(said.get("what", "")), str(said.get("value", ""))[:80]
        if what == "filter":
            self._query, self._shown = str(said.get("q", "")).strip()[:LONGEST_QUERY], PAGE_SIZE
        elif what in self._look:
            self._look[what](value)
        elif what in self._deeds:
            try:
                await self._deeds[what](value)
            except Problem as problem:
                told = explain(self._words, problem)
                if told is None:
                    raise
                ui.notify(
                    told, type="warning", position="top", multi_line=True, timeout=12000, close_button="✕"
                )
        else:
            return
        await self.refresh()

    def _choose_tab(self, tab: str) -> None:
        self._tab, self._shown = tab if tab in TABS else TABS[0], PAGE_SIZE

    def _choose_intent(self, name: str) -> None:
        self._intent = None if name == self._intent and self._tab == TABS[0] and not self._query else name
        self._tab, self._shown = TABS[0], PAGE_SIZE

    def _show_more(self, _: str) -> None:
        self._shown += PAGE_SIZE

    def _names(self) -> dict[str, str]:
        return {name: rows.intent_label(self._words, name) for name in self._intents}

    async def _with(self, value: str, deed: Callable[[str, Example], Awaitable[bool]]) -> bool:
        """With the sentence that a button names."""
        if not value.isascii() or not value.isdigit() or int(value) >= len(self._examples):
            return False
        return await deed(*self._examples[int(value)])

    async def _answer(self, name: str) -> bool:
        async with self._visit.database.read() as session:
            project = (await service.head(session)).project
        ways = [each for each in domain(project).responses if each.response == name]
        raw = [way for _, told in sections(project, "responses") for way in told.get(name) or []]
        return bool(ways) and await self._edit.answer(name, ways, raw)

    async def _words_of(self, value: str) -> bool:
        if not value.isascii() or not value.isdigit() or int(value) >= len(self._terms):
            return False
        return await self._edit.words_of(self._terms[int(value)])

    async def _changes(self, value: str) -> bool:
        async with self._visit.database.read() as session:
            difference = await service.changed(session, int(value))
        with ui.dialog(value=True) as dialog, ui.card().classes("form-card"):
            ui.label(self._words("data.revision", number=value)).classes("form-title")
            ui.html(rows.preview(self._words, difference), sanitize=False)
            ui.button(self._words("data.close"), on_click=dialog.close).props("flat no-caps")
        dialog.on("hide", dialog.delete)
        return False

    async def refresh(self) -> None:
        async with self._visit.database.read() as session:
            head = await service.head(session)
        self._intents = intents(head.project)
        if self._intent not in self._intents:
            self._intent = None
        self._top.content = self._head(head)
        self._side.show(self._listed())
        self._columns.classes(add="alone" if self._tab != TABS[0] else "", remove="alone")
        main = {
            "sentences": self._sentences,
            "answers": self._answers,
            "words": self._word_lists,
        }
        shown = await self._history(head) if self._tab == "history" else main[self._tab](head)
        self._main.show(shown or {"none": div("none", self._words("data.none"))})

    def _head(self, head: Dataset) -> Markup:
        words = self._words
        state = words(
            "data.state", number=head.number, intents=len(self._intents), sentences=len(head.sentences)
        )
        tabs = [
            button(
                "tab",
                words(f"data.tab.{tab}"),
                kind="tab active" if tab == self._tab else "tab",
                value=tab,
                aria_pressed="true" if tab == self._tab else "false",
            )
            for tab in TABS
        ]
        return div(
            "data-top",
            div(
                "data-line",
                tag("h1", "page-title", words("data.title")),
                span("quiet-text", state),
                span("grow"),
                button("add_intent", words("data.add_intent"), kind="button primary"),
                button("import", words("data.import")),
                tag("a", "button", words("data.export"), href=rows.EXPORT, download=True),
            ),
            div("data-tabs", *tabs),
        )

    def _listed(self) -> dict[str, Markup]:
        """The intents that a search means, or all, and the chosen one."""
        return {
            name: rows.intent_row(self._words, name, len(intent.examples), name == self._intent)
            for name, intent in self._intents.items()
            if name == self._intent
            or self._query.lower() in f"{name} {rows.intent_label(self._words, name)}".lower()
        }

    def _sentences(self, head: Dataset) -> dict[str, Markup]:
        """Those of the chosen intent, of all when there is none, that have what is searched for."""
        chosen = [self._intents[self._intent]] if self._intent else list(self._intents.values())
        found = [
            (intent.name, example)
            for intent in chosen
            for example in intent.examples
            if self._query.lower() in example.marked.lower()
        ]
        self._examples = found[: self._shown]
        shown = {"head": self._intent_head(head, self._intent)} if self._intent else {}
        shown["found"] = div("data-head", self._words("data.found", count=len(found)))
        for number, (name, example) in enumerate(self._examples):
            shown[f"{number}"] = rows.sentence(
                self._words, number, Labelled(name, example.marked), not self._intent
            )
        return shown | self._rest(len(found))

    def _intent_head(self, head: Dataset, name: str) -> Markup:
        words, places = self._words, places_in_code(head.project, name)
        label = rows.intent_label(words, name)
        verbs = ("add",) if places else ("add", "rename", "merge", "retire")
        told = words("data.in_code", intent=name, places="、".join(places[:3])) if places else ""
        return div(
            "data-intent-head",
            div(
                "data-line",
                tag("h2", "page-title", label),
                span("quiet-text", name) if label != name else NOTHING,
                span("grow"),
                *(button(verb, words(f"data.{verb}"), kind="button small", value=name) for verb in verbs),
            ),
            div("quiet-text", told) if told else NOTHING,
        )

    def _answers(self, head: Dataset) -> dict[str, Markup]:
        ways = dict[str, list[Variation]]()
        for each in domain(head.project).responses:
            ways.setdefault(each.response, []).append(each)
        wanted = self._query.lower()
        found = {
            name: told
            for name, told in ways.items()
            if wanted in name or any(wanted in (way.text or "").lower() for way in told)
        }
        shown = {
            name: rows.answer(self._words, name, told) for name, told in islice(found.items(), self._shown)
        }
        return shown | self._rest(len(found))

    def _word_lists(self, head: Dataset) -> dict[str, Markup]:
        wanted = self._query.lower()
        self._terms = [
            each
            for each in terms(head.project)
            if wanted in each.name.lower() or any(wanted in value.lower() for value in each.values)
        ]
        shown = {"head": div("data-head", span("grow"), button("add_words", self._words("data.add_words")))}
        for number, each in enumerate(self._terms[: self._shown]):
            shown[str(number)] = rows.word_list(self._words, number, each)
        return shown | self._rest(len(self._terms))

    async def _history(self, head: Dataset) -> dict[str, Markup]:
        async with self._visit.database.read() as session:
            found = await service.history(session, Page(limit=100))
            names = {each.id: each.name for each in await staff.accounts(session)}
        moment = now()
        return {
            str(each.number): rows.revision(self._words, each, names, moment, each.number == head.number)
            for each in found
        }

    def _rest(self, total: int) -> dict[str, Markup]:
        left = total - self._shown
        return (
            {"more": button("more", self._words("more", left=left), kind="button wide")} if left > 0 else {}
        )

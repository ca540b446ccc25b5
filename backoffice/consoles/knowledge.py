"""The answers of the help centre: how each does, an editor, and beside them what nothing answers yet."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, get_args

from nicegui import ui

from backoffice.consoles.article_editor import ArticleEditor
from backoffice.consoles.dialogs import Read, ask, choice
from backoffice.consoles.inbox import clock
from backoffice.consoles.layout import Place, style
from backoffice.consoles.markup import NOTHING, Markup, Rows, button, div, span, tag
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.kit.paging import Page
from backoffice.kit.time import now
from backoffice.knowledge import editing, questions, use
from backoffice.knowledge.schemas import Answered, ArticleInUse, QuestionGroup, QuestionGroups, Show

PLACE = Place("/knowledge", "knowledge", ("admin",))
PAGE_SIZE = 30
SHOWS: tuple[Show, ...] = get_args(Show)
MOST_SHOWN = 100


async def build(visit: Visit) -> None:
    style("supervising.css")
    style("knowledge.css")
    await Knowledge(visit).build()


class Knowledge:
    """One admin's page."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self._q, self._limit, self._questions_limit = "", PAGE_SIZE, PAGE_SIZE
        self._show: Show = "all"
        self._editor = ArticleEditor(visit)
        self._do: dict[str, Callable[[str], Awaitable[None]]] = {
            "more": self._more,
            "more_questions": self._more_questions,
            "answers": self._answers,
            "close_question": self._close_question,
            **self._editor.verbs,
        }

    async def build(self) -> None:
        words = self._words
        with ui.element("main").classes("reports knowledge"):
            with ui.element("section").classes("panel articles"):
                ui.html(self._head(), sanitize=False)
                self._articles = Rows(ui.element("div").classes("article-list"))
            with ui.element("div").classes("beside"):
                self._editor.build()
                with ui.element("section").classes("panel open-questions"):
                    title = tag("h2", "panel-title", words("knowledge.questions"))
                    ui.html(title, sanitize=False)
                    self._questions = Rows(ui.element("div"))
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self.refresh()

    def _head(self) -> Markup:
        words = self._words
        search = words("knowledge.search")
        shows = [tag("option", "", words(f"knowledge.show.{each}"), value=each) for each in SHOWS]
        return div(
            "knowledge-head",
            tag("h1", "page-title", words("knowledge.title")),
            span("grow"),
            button("write", words("knowledge.write"), kind="button primary"),
            tag(
                "input",
                "search",
                type="search",
                placeholder=search,
                aria_label=search,
                maxlength=100,
                data_filter="q",
            ),
            tag("select", "", *shows, aria_label=words("knowledge.which"), data_filter="show"),
        )

    async def _handle(self, said: dict[str, Any]) -> None:
        what = str(said.get("what", ""))
        if what == "filter":
            self._q, self._limit = str(said.get("q", ""))[:100], PAGE_SIZE
            self._show = next((each for each in SHOWS if each == said.get("show")), "all")
        elif deed := self._do.get(what):
            await deed(str(said.get("value", ""))[:200])
        else:
            return
        await self.refresh()

    async def refresh(self) -> None:
        words, moment = self._words, now()
        async with self._visit.database.read() as session:
            found = await use.articles(session, Page(limit=self._limit), self._q, self._show)
            opened = await questions.open_questions(session, Page(limit=self._questions_limit))
        rows = {each.slug: article(words, each, moment, self._editor.slug) for each in found.articles}
        if found.total > len(rows):
            rows["/more"] = button("more", words("more", left=found.total - len(rows)), kind="button wide")
        self._articles.show(rows or {"none": div("none", words("knowledge.none"))})
        self._questions.show(question_rows(words, opened))

    async def _more(self, _: str) -> None:
        self._limit = min(self._limit + PAGE_SIZE, MOST_SHOWN)

    async def _more_questions(self, _: str) -> None:
        self._questions_limit = min(self._questions_limit + PAGE_SIZE, MOST_SHOWN)

    async def _answers(self, text: str) -> None:
        """An article takes an open question over, with those that are like it."""
        visit, words = self._visit, self._words
        async with visit.database.read() as session:
            known = {each.slug: each.title for each in await use.in_use(session)}
            opened = await questions.open_questions(session, Page(limit=MOST_SHOWN))
        group = next((each for each in opened.groups if each.text == text), None)
        nearest = group.nearest.slug if group and group.nearest else None

        def build() -> Read:
            chosen = choice(words("knowledge.article"), known, nearest)
            chosen.props("use-input autofocus")
            return lambda: chosen.value

        hint = words("knowledge.answers_hint", text=text)
        slug = await ask(words, words("knowledge.answers"), build, words("knowledge.take"), hint=hint)
        if slug:
            member = await visit.member()
            async with visit.database.write() as session:
                saved = await editing.answered(session, member, Answered(text=text, slug=slug))
            done = "taken" if saved.live == saved.number else "taken_by_draft"
            ui.notify(words(f"knowledge.{done}", title=saved.title), type="positive", position="top")
            await self._editor.follow(slug)

    async def _close_question(self, text: str) -> None:
        async with self._visit.database.write() as session:
            await questions.close(session, text)


def article(words: Words, each: ArticleInUse, moment: datetime, opened: str) -> Markup:
    chips = [span("chip urgent", words(f"knowledge.stale.{why}")) for why in each.stale]
    if not each.live:
        chips.insert(0, span("chip", words("knowledge.unpublished")))
    elif each.number != each.live:
        chips.insert(0, span("chip tag", words("knowledge.draft", number=each.number)))
    figures = words("knowledge.used", shown=each.shown, helpful=each.helpful, unhelpful=each.unhelpful)
    return div(
        "article-row chosen" if each.slug == opened else "article-row",
        button("edit", each.title, kind="article-title", value=each.slug),
        div("agent-skills", *chips) if chips else NOTHING,
        div(
            "agent-top",
            span("quiet-text", figures),
            span("grow"),
            span("quiet-text", clock(each.at, moment), title=each.by or words("knowledge.shipped")),
        ),
    )


def question_rows(words: Words, opened: QuestionGroups) -> dict[str, Markup]:
    rows = {each.text: question(words, each) for each in opened.groups}
    if opened.total > len(rows):
        left = words("more", left=opened.total - len(rows))
        rows["/more"] = button("more_questions", left, kind="button wide")
    return rows or {"/none": div("none", words("knowledge.no_questions"))}


def question(words: Words, each: QuestionGroup) -> Markup:
    told = [words("knowledge.missed", count=each.missed)] if each.missed else []
    told += [words("knowledge.not_helped", count=each.unhelpful)] if each.unhelpful else []
    near = words("knowledge.nearest", title=each.nearest.title) if each.nearest else ""
    return div(
        "question-row",
        div(
            "agent-top", span("name", each.text), span("count late", str(each.count), title=" · ".join(told))
        ),
        div("quiet-text clip", words("knowledge.others", text=" · ".join(each.others)))
        if each.others
        else NOTHING,
        div("quiet-text", near) if near else NOTHING,
        div(
            "agent-skills",
            button("write", words("knowledge.write_for"), kind="button small", value=each.text),
            button("answers", words("knowledge.answers"), kind="button small", value=each.text),
            button("close_question", words("knowledge.close"), kind="quiet small", value=each.text),
        ),
    )

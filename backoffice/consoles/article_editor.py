"""The editor of one article: draft, preview as a chat, publishing, going back to an older version."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui
from pydantic import ValidationError

from backoffice.consoles import article_views as views
from backoffice.consoles.dialogs import Read, ask, choice, text
from backoffice.consoles.visit import Visit
from backoffice.kit.errors import Conflict, Invalid
from backoffice.kit.ids import secret_id
from backoffice.kit.messages import catalogue
from backoffice.kit.paging import Page
from backoffice.knowledge import editing, use
from backoffice.knowledge.schemas import ArticleEdit, ArticleView, PreviewOf, Publication

NOTHING_WRITTEN: dict[str, Any] = {"title": "", "answer": "", "intents": [], "questions": []}
MOST_VERSIONS = 50


class ArticleEditor:
    """`slug` is the open article, empty when none is."""

    def __init__(self, visit: Visit) -> None:
        self._visit, self._words = visit, visit.words
        self.slug, self._base, self._live, self._takes = "", 0, 0, ""
        self._saved = NOTHING_WRITTEN
        self._history: ui.dialog | None = None
        self.verbs: dict[str, Callable[[str], Awaitable[None]]] = {
            "edit": self.open,
            "write": self._begin,
            "preview": self._preview,
            "save": self._save,
            "publish": self._publish,
            "unpublish": self._unpublish,
            "remove": self._remove,
            "history": self._show_history,
            "load": self._load,
            "go_back": self._go_back,
            "leave": self._leave,
        }

    def build(self) -> None:
        words = self._words
        labels = catalogue("consoles", words.language)["intent"]
        with ui.element("section").classes("panel editor hidden") as self._panel:
            self._head = ui.html("", sanitize=False)
            self._theirs = ui.html("", sanitize=False)
            with ui.element("div").classes("form"):
                self._title = text(words("knowledge.text.title"), maxlength=120)
                self._answer = text(words("knowledge.text.answer"), long=True, maxlength=4000)
                self._questions = text(words("knowledge.text.questions"), long=True)
                self._intents = choice(words("knowledge.text.intents"), labels, [], several=True)
                self._why = text(words("knowledge.text.why"), maxlength=200)
            self._buttons = ui.html("", sanitize=False)
            with ui.element("form").classes("try") as trying:
                self._question = text(words("knowledge.text.try"), maxlength=2000)
                ui.button(words("knowledge.preview")).props('outline no-caps type="submit"')
            trying.on("submit.prevent", self._visit.guarded(self._preview))
            self._seen = ui.html("", sanitize=False)
            self._weeks = ui.html("", sanitize=False)

    async def open(self, slug: str) -> None:
        async with self._visit.database.read() as session:
            found = await editing.article(session, slug)
            used = next((each for each in await use.in_use(session) if each.slug == slug), None)
        self._draw(found.slug, found.number, found.live, found.model_dump())
        self._weeks.content = views.weeks(self._words, used.weeks if used else [])

    async def follow(self, slug: str) -> None:
        """Show what was done to an article elsewhere, if it is the open one and nothing is being written."""
        if slug == self.slug and self._written() == self._saved:
            await self.open(slug)

    async def _begin(self, asked: str) -> None:
        """A new article, for an open question or for nothing yet."""
        about = {"title": asked[:120], "questions": [asked]} if asked else {}
        self._draw(f"a-{secret_id()[:10]}", 0, 0, NOTHING_WRITTEN | about, takes=asked)

    def _draw(self, slug: str, base: int, live: int, written: dict[str, Any], takes: str = "") -> None:
        self.slug, self._takes = slug, takes
        self._fill(written)
        self._question.value = next(iter(written["questions"]), written["title"])  # type: ignore[attr-defined]
        self._seen.content = self._weeks.content = ""
        self._stand(base, live)
        self._panel.classes(remove="hidden")
        ui.run_javascript("document.querySelector('.editor').scrollIntoView({block: 'nearest'})")

    def _stand(self, base: int, live: int) -> None:
        """What is written came of version `base`, and shoppers get version `live`."""
        self._base, self._live = base, live
        self._saved = self._written() if base else NOTHING_WRITTEN
        self._why.value = ""  # type: ignore[attr-defined]
        self._theirs.content = ""
        self._head.content = views.standing(self._words, base, live)
        self._buttons.content = views.verbs(self._words, base, live)

    def _fill(self, written: dict[str, Any]) -> None:
        self._title.value = written["title"]  # type: ignore[attr-defined]
        self._answer.value = written["answer"]  # type: ignore[attr-defined]
        self._questions.value = "\n".join(written["questions"])  # type: ignore[attr-defined]
        self._intents.value = list(written["intents"])

    def _written(self) -> dict[str, Any]:
        said: str = self._questions.value or ""  # type: ignore[attr-defined]
        return {
            "title": (self._title.value or "").strip(),  # type: ignore[attr-defined]
            "answer": (self._answer.value or "").strip(),  # type: ignore[attr-defined]
            "intents": list(self._intents.value or []),
            "questions": [line.strip() for line in said.splitlines() if line.strip()],
        }

    @property
    def _reason(self) -> str:
        return str(self._why.value or "").strip()[:200]  # type: ignore[attr-defined]

    async def _preview(self, _: str = "") -> None:
        try:
            tried = PreviewOf(slug=self.slug, question=self._question.value or "", **self._written())  # type: ignore[attr-defined]
        except ValidationError as error:
            raise Invalid("bad_article") from error
        async with self._visit.database.read() as session:
            seen = await editing.preview(session, tried)
        self._seen.content = views.preview(self._words, tried, seen)

    async def _save(self, _: str) -> None:
        await self._keep(publish=False)

    async def _publish(self, _: str) -> None:
        await self._keep(publish=True)

    async def _keep(self, publish: bool) -> None:
        """Save what is written, if it is anything new, and have shoppers get it when they are to.

        When somebody was faster, both texts are there: this one goes on top of theirs when it is saved again.
        """
        member, why = await self._visit.member(), self._reason
        written, takes = self._written(), self._takes
        try:
            edit = ArticleEdit(base=self._base, why=why, takes=takes, **written)
        except ValidationError as error:
            raise Invalid("bad_article") from error
        number, live = self._base, self._live
        try:
            async with self._visit.database.write() as session:
                saved: ArticleView | None = None
                if written != self._saved:
                    saved = await editing.save(session, member, self.slug, edit)
                    number = saved.number
                if publish:
                    wanted = Publication(number=number, over=live, why=why)
                    live = (await editing.publish(session, member, self.slug, wanted)).live
        except Conflict as conflict:
            if conflict.code != "article_changed":
                raise
            theirs = ArticleView.model_validate(conflict.extra["theirs"])
            self._base, self._live = theirs.number, theirs.live
            self._theirs.content = views.theirs(self._words, theirs)
            return
        if saved:
            self._takes = ""
            self._fill(saved.model_dump())
        self._stand(number, live)
        done = "published" if publish else "saved"
        ui.notify(self._words(f"knowledge.done.{done}", number=number), type="positive", position="top")

    async def _switch(self, number: int, title: str) -> None:
        """Have shoppers get an older version, or none, after a reason was given."""
        words = self._words

        def build() -> Read:
            why = text(words("knowledge.text.why"), maxlength=200)
            why.props("autofocus")
            return lambda: why.value or ""  # type: ignore[attr-defined]

        why = await ask(words, title, build, words("knowledge.sure"), danger=True)
        if why is None:
            return
        member = await self._visit.member()
        async with self._visit.database.write() as session:
            wanted = Publication(number=number, over=self._live, why=why.strip())
            self._live = (await editing.publish(session, member, self.slug, wanted)).live
        self._head.content = views.standing(words, self._base, self._live)
        self._buttons.content = views.verbs(words, self._base, self._live)
        done = "went_back" if number else "unpublished"
        ui.notify(words(f"knowledge.done.{done}", number=number), type="positive", position="top")

    async def _unpublish(self, _: str) -> None:
        await self._switch(0, self._words("knowledge.unpublish"))

    async def _go_back(self, number: str) -> None:
        self._close_history()
        if number.isascii() and number.isdigit():
            await self._switch(int(number), self._words("knowledge.go_back_to", number=number))

    async def _remove(self, _: str) -> None:
        words = self._words
        if await ask(words, words("knowledge.remove"), lambda: lambda: True, words("delete"), danger=True):
            member = await self._visit.member()
            async with self._visit.database.write() as session:
                await editing.remove(session, member, self.slug)
            await self._leave("")

    async def _show_history(self, _: str) -> None:
        async with self._visit.database.read() as session:
            told = await editing.history(session, self.slug, Page(limit=MOST_VERSIONS))
        with ui.dialog() as self._history, ui.card().classes("form-card history"):
            ui.label(self._words("knowledge.history")).classes("form-title")
            ui.html(views.history(self._words, told, self._live), sanitize=False)
        self._history.on("hide", self._close_history)
        self._history.open()

    def _close_history(self) -> None:
        if self._history:
            self._history.delete()
            self._history = None

    async def _load(self, number: str) -> None:
        """Go on writing from an older version; it is saved as the newest."""
        self._close_history()
        async with self._visit.database.read() as session:
            told = await editing.history(session, self.slug, Page(limit=MOST_VERSIONS))
        if chosen := next((each for each in told.versions if str(each.number) == number), None):
            self._fill(chosen.model_dump())

    async def _leave(self, _: str) -> None:
        self.slug = ""
        self._panel.classes(add="hidden")

"""Canned replies and macros: everybody's own, and those that supervisors write for all."""

from typing import Any

from nicegui import ui
from pydantic import ValidationError

from backoffice.consoles.dialogs import Read, ask, choice, text
from backoffice.consoles.layout import Place
from backoffice.consoles.markup import Markup, Rows, button, div, span, tag
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import Words
from backoffice.kit.errors import Invalid
from backoffice.kit.paging import Page
from backoffice.staff import replies
from backoffice.staff.schemas import CannedReplyView, NewCannedReply

PLACE = Place("/replies", "replies")
MOST_SHOWN = 100


async def build(visit: Visit) -> None:
    await Replies(visit).build()


def action_label(words: Words, action: str) -> str:
    """What an action of a macro does, e.g. `tag:paid`."""
    verb, _, value = action.partition(":")
    return words(f"macro.{verb}", value=value)


def row(words: Words, reply: CannedReplyView, may_change: bool) -> Markup:
    change = button("change", words("change_reply"), kind="button small", value=reply.id)
    remove = button("delete", words("delete"), kind="button small", value=reply.id)
    return div(
        "slab reply",
        div(
            "head-top",
            span("shortcut", f"/{reply.shortcut}"),
            span("option-title", reply.title),
            span("chip", words("shared" if reply.shared else "own")),
            *(span("chip tag", action_label(words, action)) for action in reply.actions),
            span("grow"),
            *((change, remove) if may_change else ()),
        ),
        div("text quiet-text", reply.text),
    )


class Replies:
    def __init__(self, visit: Visit) -> None:
        self._visit = visit
        self._found: list[CannedReplyView] = []

    async def build(self) -> None:
        words = self._visit.words
        with ui.element("main").classes("sheet"):
            top = div(
                "head-top",
                tag("h1", "sheet-title", words("place.replies")),
                span("grow"),
                button("add", words("add_reply"), kind="button primary"),
            )
            ui.html(top, sanitize=False)
            ui.label(words("replies_hint")).classes("quiet-text")
            self._rows = Rows(ui.element("div").classes("sheet-rows"))
        handle = self._visit.guarded(self._handle)
        ui.on("desk", lambda event: handle(event.args))
        await self.refresh()

    async def refresh(self) -> None:
        visit, words = self._visit, self._visit.words
        async with visit.database.read() as session:
            found = await replies.listed(session, visit.who, "", Page(limit=MOST_SHOWN))
        self._found = found.replies
        may_share = replies.may_share(visit.who)
        rows = {str(each.id): row(words, each, may_share or not each.shared) for each in self._found}
        self._rows.show(rows or {"none": div("empty", words("no_replies"))})

    async def _handle(self, said: dict[str, Any]) -> None:
        chosen = next((each for each in self._found if str(each.id) == str(said.get("value"))), None)
        if said.get("what") == "add":
            await self._write(None)
        elif said.get("what") == "change" and chosen:
            await self._write(chosen)
        elif said.get("what") == "delete" and chosen:
            await self._delete(chosen)
        await self.refresh()

    async def _write(self, before: CannedReplyView | None) -> None:
        visit, words = self._visit, self._visit.words

        def build() -> Read:
            shortcut = text(words("reply.shortcut"), before.shortcut if before else "", maxlength=40)
            title = text(words("reply.title"), before.title if before else "", maxlength=80)
            said = text(words("reply.text"), before.text if before else "", long=True, maxlength=2000)
            kept = before.actions if before else []
            known = {each: action_label(words, each) for each in [*kept, "resolve", "give_back"]}
            actions = choice(words("reply.actions"), known, list(kept), several=True)
            tags = text(words("reply.tag"), maxlength=20)
            shared = None
            if replies.may_share(visit.who):
                shared = ui.checkbox(words("reply.shared"), value=before.shared if before else True)
            return lambda: {
                "shortcut": str(shortcut.value or "").strip().removeprefix("/"),  # type: ignore[attr-defined]
                "title": title.value or "",  # type: ignore[attr-defined]
                "text": said.value or "",  # type: ignore[attr-defined]
                "actions": [*([f"tag:{tags.value.strip()}"] if tags.value else []), *actions.value],  # type: ignore[attr-defined]
                "shared": bool(shared and shared.value),
            }

        heading = words("change_reply") if before else words("add_reply")
        given = await ask(words, heading, build, words("save"), hint=words("reply.hint"))
        if given is None:
            return
        try:
            new = NewCannedReply.model_validate(given)
        except ValidationError as error:
            raise Invalid("bad_reply") from error
        member = await visit.member()
        async with visit.database.write() as session:
            if before:
                await replies.change(session, member, before.id, new)
            else:
                await replies.add(session, member, new)

    async def _delete(self, chosen: CannedReplyView) -> None:
        visit, words = self._visit, self._visit.words
        hint = f"/{chosen.shortcut} · {chosen.title}"
        if await ask(words, words("delete"), lambda: lambda: True, words("delete"), hint, danger=True):
            member = await visit.member()
            async with visit.database.write() as session:
                await replies.delete(session, member, chosen.id)

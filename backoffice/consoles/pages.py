"""The pages: the list of conversations with the queue first, a transcript with a box to answer."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import ui

from backoffice.consoles import session as door
from backoffice.consoles.session import HOME
from backoffice.conversations import desk, service
from backoffice.conversations.desk_schemas import Filter
from backoffice.conversations.schemas import EventView, Summary
from backoffice.kit.database import Database
from backoffice.kit.errors import Conflict, Invalid, NotFound, Unauthenticated
from backoffice.kit.masking import mask_name, mask_phone, mask_phones
from backoffice.kit.messages import message
from backoffice.kit.time import SHOP_ZONE, now
from backoffice.staff.schemas import StaffView
from backoffice.users import service as users

PAGE_SIZE = 50
LAST_PAGE = 100_000
REFRESH_SECONDS = 2.0
LOOK_SECONDS = 1.0
OWNER_COLOURS = {"queue": "orange", "agent": "green", "bot": "grey"}


def label(key: str, **fields: Any) -> str:
    return message("consoles", key, **fields)


def label_or(key: str, otherwise: str) -> str:
    try:
        return label(key)
    except KeyError:
        return otherwise


def waiting(summary: Summary, moment: datetime) -> str:
    """How long somebody has been in the queue."""
    if summary.owner != "queue" or summary.queued_at is None:
        return ""
    minutes = int((moment - summary.queued_at).total_seconds() // 60)
    if minutes < 1:
        return label("waiting.seconds")
    if minutes < 60:
        return label("waiting.minutes", minutes=minutes)
    return label("waiting.hours", hours=minutes // 60, minutes=minutes % 60)


def mount(app: FastAPI) -> None:
    """Serve the pages. NiceGUI is one per process, so this is for one app per process."""
    console = Console(app)
    ui.page("/")(console.conversations)
    ui.page("/conversations/{conversation_id}")(console.transcript)
    ui.run_with(
        app,
        mount_path=HOME,
        title=label("title"),
        favicon="🏮",
        language="zh-CN",
        dark=None,
        show_welcome_message=False,
    )


class Console:
    def __init__(self, app: FastAPI) -> None:
        self._app = app

    @property
    def _database(self) -> Database:
        database: Database = self._app.state.database
        return database

    async def _who(self, request: Request) -> StaffView:
        return await door.signed_in(request, self._database)

    async def conversations(self, request: Request, page: int = 1) -> Response | None:
        try:
            who = await self._who(request)
        except Unauthenticated:
            return RedirectResponse(f"{HOME}/sign-in")
        page = min(max(page, 1), LAST_PAGE)
        self._header(who, label("conversations"))
        with ui.column().classes("w-full max-w-6xl mx-auto p-2 sm:p-4"):
            counted = ui.label().classes("text-grey")
            listed = ui.column().classes("w-full gap-2")
            with ui.row():
                newer = ui.link(label("newer"), f"/?page={page - 1}")
                older = ui.link(label("older"), f"/?page={page + 1}")

        drawn: list[dict[str, str]] | None = None

        async def refresh() -> None:
            nonlocal drawn
            await self._who(request)
            rows, total = await self._page((page - 1) * PAGE_SIZE)
            if rows != drawn:
                drawn = rows
                listed.clear()
                with listed:
                    for row in rows:
                        line(row)
            counted.text = label("counted", total=total) if total else label("empty")
            newer.set_visibility(page > 1)
            older.set_visibility(page * PAGE_SIZE < total)

        await refresh()
        ui.timer(REFRESH_SECONDS, signed_in_only(refresh), immediate=False)
        return None

    async def transcript(self, request: Request, conversation_id: str) -> Response | None:
        try:
            who = await self._who(request)
        except Unauthenticated:
            return RedirectResponse(f"{HOME}/sign-in")
        try:
            async with self._database.read() as session:
                summary = await desk.find(session, conversation_id)
        except NotFound:
            self._header(who, label("conversations"))
            ui.label(label("not_found")).classes("mx-auto mt-12")
            return None
        self._header(who, (await self._rows([summary]))[0]["customer"])
        with ui.column().classes("w-full max-w-3xl mx-auto p-2 sm:p-4 gap-2 pb-40"):
            ui.link(label("back"), "/")
            badge = ui.badge()
            lines = ui.column().classes("w-full gap-1").props('role="log" aria-live="polite"')
        with (
            ui.footer().classes("bg-white dark:bg-grey-10 text-black dark:text-white border-t"),
            ui.column().classes("w-full max-w-3xl mx-auto gap-1"),
        ):
            with ui.row().classes("w-full items-end no-wrap"):
                box = ui.textarea(placeholder=label("answer.hint")).props("autogrow outlined dense rows=1")
                box.classes("grow")
                send = ui.button(label("answer.send"))
            ui.label(label("answer.takes")).classes("text-xs text-grey")
        shown = 0

        async def look() -> None:
            nonlocal shown
            await self._who(request)
            async with self._database.read() as session:
                seen = await service.look(session, conversation_id, shown)
            badge.text = label(f"owner.{seen.owner}")
            badge.props(f"color={OWNER_COLOURS[seen.owner]}")
            with lines:
                for event in seen.events:
                    if event.id > shown:
                        bubble(event)
                        shown = event.id
            if seen.events:
                ui.run_javascript("window.scrollTo(0, document.body.scrollHeight)")

        async def answer() -> None:
            await self._who(request)
            text, box.value = box.value or "", ""
            try:
                async with self._database.write() as session:
                    await desk.answer(session, conversation_id, who.id, text)
            except (Conflict, Invalid) as problem:
                ui.notify(message("conversations", f"error.{problem.code}"), type="negative")
                return
            await look()

        send.on_click(signed_in_only(answer))
        await look()
        ui.timer(LOOK_SECONDS, signed_in_only(look), immediate=False)
        return None

    def _header(self, who: StaffView, title: str) -> None:
        with ui.header().classes("items-center justify-between no-wrap"):
            ui.label(title).classes("text-lg ellipsis")
            with ui.row().classes("items-center no-wrap"):
                ui.label(who.name)
                with ui.element("form").props(f'method="post" action="{HOME}/session/end"'):
                    ui.button(label("sign_out")).props('type="submit" flat color="white" dense')

    async def _page(self, offset: int) -> tuple[list[dict[str, str]], int]:
        async with self._database.read() as session:
            summaries, total = await desk.listed(session, Filter(), PAGE_SIZE, offset)
        return await self._rows(summaries), total

    async def _rows(self, summaries: list[Summary]) -> list[dict[str, str]]:
        """What a list shows of each conversation, masked."""
        ids = [summary.customer_id for summary in summaries if summary.customer_id is not None]
        async with self._database.read() as session:
            known = await users.customers(session, ids)
        moment = now()

        def customer(summary: Summary) -> str:
            found = known.get(summary.customer_id) if summary.customer_id is not None else None
            return f"{mask_name(found.name)} {mask_phone(found.phone)}" if found else label("visitor")

        return [
            {
                "id": summary.id,
                "href": f"/conversations/{summary.id}",
                "owner": label(f"owner.{summary.owner}"),
                "colour": OWNER_COLOURS[summary.owner],
                "customer": customer(summary),
                "channel": label_or(f"channel.{summary.channel}", summary.channel),
                "reason": label_or(f"reason.{summary.reason}", summary.reason),
                "waiting": waiting(summary, moment),
                "last_line": mask_phones(summary.last_line)[:80],
            }
            for summary in summaries
        ]


def bubble(event: EventView) -> None:
    texts = [mask_phones(event.text)] if event.text else []
    if event.card:
        texts.append(label("card", kind=event.card.get("type", "")))
    texts += [label("button", label=button.label) for button in event.buttons]
    at = event.at.astimezone(SHOP_ZONE)
    ui.chat_message(
        texts,
        name=label(f"author.{event.author}"),
        stamp=f"{at:%m-%d %H:%M:%S}",
        sent=event.author != "shopper",
    ).classes("w-full")


def line(row: dict[str, str]) -> None:
    """A conversation in the list; the whole of it is the link."""
    with (
        ui.link(target=row["href"]).classes("w-full no-underline text-inherit"),
        ui.card().classes("w-full p-3 gap-1 hover:shadow-lg"),
    ):
        with ui.row().classes("w-full items-center gap-x-3 gap-y-1"):
            ui.badge(row["owner"], color=row["colour"])
            ui.label(row["customer"]).classes("font-medium")
            ui.label(row["channel"]).classes("text-grey")
            ui.label(row["reason"]).classes("text-grey")
            ui.label(row["waiting"]).classes("ml-auto text-orange-9")
        ui.label(row["last_line"] or "…").classes("w-full ellipsis")


def signed_in_only(handler: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
    """Whoever's session ended meanwhile is sent to sign in."""

    async def guarded() -> None:
        try:
            await handler()
        except Unauthenticated:
            ui.navigate.to("/sign-in")

    return guarded

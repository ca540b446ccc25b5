"""The pages of the console, each behind the door."""

from collections.abc import Awaitable, Callable

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import ui

from backoffice.consoles import (
    board,
    data,
    insights,
    knowledge,
    models,
    replies,
    reports,
    review,
    undelivered,
    webhooks,
)
from backoffice.consoles.layout import PLACES, Place, frame, serve_assets
from backoffice.consoles.session import HOME
from backoffice.consoles.visit import Visit, visit
from backoffice.consoles.words import Words
from backoffice.consoles.workbench import Workbench

Build = Callable[[Visit], Awaitable[None]]
PAGES: tuple[tuple[Place, Build], ...] = (
    (replies.PLACE, replies.build),
    (board.PLACE, board.build),
    (reports.PLACE, reports.build),
    (undelivered.PLACE, undelivered.build),
    (review.PLACE, review.build),
    (data.PLACE, data.build),
    (models.PLACE, models.build),
    (knowledge.PLACE, knowledge.build),
    (insights.PLACE, insights.build),
    (webhooks.PLACE, webhooks.build),
)
PATIENCE = 30.0
"""Seconds until a page that counts a lot is given up."""
PLACES += [place for place, _ in PAGES]


def mount(app: FastAPI) -> None:
    """Serve the pages. NiceGUI is one per process, so this is for one app per process."""

    async def inbox(request: Request, conversation_id: str | None = None) -> Response | None:
        visiting = await visit(app, request)
        if not isinstance(visiting, Visit):
            return visiting
        frame(visiting, "inbox")
        await Workbench(visiting, app.state.metered).build(conversation_id)
        return None

    async def conversation(request: Request, conversation_id: str) -> Response | None:
        return await inbox(request, conversation_id[:32])

    def page_of(place: Place, build: Build) -> Callable[[Request], Awaitable[Response | None]]:
        async def page(request: Request) -> Response | None:
            visiting = await visit(app, request, *place.roles)
            if not isinstance(visiting, Visit):
                return visiting
            frame(visiting, place.name)
            await build(visiting)
            return None

        return page

    ui.page("/")(inbox)
    ui.page("/conversations/{conversation_id}")(conversation)
    for place, build in PAGES:
        ui.page(place.path, response_timeout=PATIENCE)(page_of(place, build))
    app.include_router(reports.router)
    app.include_router(data.router)
    app.include_router(insights.router)
    serve_assets()
    ui.run_with(
        app,
        mount_path=HOME,
        title=Words()("title"),
        favicon="🏮",
        language="zh-CN",
        dark=None,
        show_welcome_message=False,
    )

"""The pages of the console, each behind the door."""

from fastapi import FastAPI, Request
from fastapi.responses import Response
from nicegui import ui

from backoffice.consoles.layout import frame, serve_assets
from backoffice.consoles.session import HOME
from backoffice.consoles.visit import Visit, visit
from backoffice.consoles.words import Words
from backoffice.consoles.workbench import Workbench


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

    ui.page("/")(inbox)
    ui.page("/conversations/{conversation_id}")(conversation)
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

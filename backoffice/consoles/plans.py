"""How an order was planned, as pictures over the page, what was planned last on top."""

from nicegui import ui

from backoffice.consoles.markup import Markup
from backoffice.consoles.visit import Visit
from backoffice.fulfillment.planning import service as planning


async def show_plan(visit: Visit, order_id: int) -> None:
    async with visit.database.read() as session:
        pictures = [
            await planning.drawn(session, each) for each in await planning.decisions(session, order_id)
        ]
    if not pictures:
        return
    words = visit.words
    with ui.dialog() as dialog, ui.card().classes("form-card plan-card"):
        for svg in pictures:
            ui.html(Markup(svg), sanitize=False).classes("w-full")
        ui.button(words("close"), on_click=dialog.close).props("flat no-caps autofocus").classes("self-end")
    await dialog
    dialog.delete()

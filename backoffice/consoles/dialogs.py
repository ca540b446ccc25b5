"""Small forms over the page: Enter confirms, Escape leaves."""

from collections.abc import Callable, Mapping
from typing import Any

from nicegui import ui
from nicegui.element import Element

from backoffice.consoles.words import Words

Read = Callable[[], Any]


async def ask(
    words: Words, title: str, build: Callable[[], Read], confirm: str, hint: str = "", danger: bool = False
) -> Any | None:
    """What the fields that `build` makes say once confirmed; None when the person left."""
    with ui.dialog() as dialog, ui.card().classes("form-card"):
        ui.label(title).classes("form-title")
        if hint:
            ui.label(hint).classes("form-hint")
        with ui.element("form").classes("form") as form:
            read = build()
            with ui.element("div").classes("form-buttons"):
                ui.button(words("cancel"), on_click=dialog.close).props('flat no-caps type="button"')
                submit = ui.button(confirm).props('unelevated no-caps type="submit"')
                if danger:
                    submit.props("color=negative")
        form.on("submit.prevent", lambda: dialog.submit(True))
    try:
        return read() if await dialog else None
    finally:
        dialog.delete()


def text(label: str, value: str = "", long: bool = False, **props: str | int) -> Element:
    made = ui.textarea(label, value=value) if long else ui.input(label, value=value)
    for name, given in props.items():
        made.props(f'{name}="{given}"')
    return made.props("outlined dense" + (" autogrow" if long else "")).classes("w-full")


def choice(label: str, options: Mapping[Any, str], value: Any = None, several: bool = False) -> ui.select:
    return (
        ui.select(dict(options), label=label, value=value, multiple=several)
        .props("outlined dense options-dense" + (" use-chips" if several else ""))
        .classes("w-full")
    )

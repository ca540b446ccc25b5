"""The sheet of keys."""

from nicegui import ui

from backoffice.consoles.markup import div, join, tag
from backoffice.consoles.words import Words

SHEET = {
    "move": ("J", "K"),
    "views": ("1 … 5",),
    "search": ("F",),
    "claim": ("C",),
    "reply": ("R",),
    "note": ("N",),
    "canned": ("/",),
    "suggest": ("S",),
    "send": ("Ctrl + ⏎",),
    "leave": ("Esc",),
    "transfer": ("T",),
    "give_back": ("B",),
    "snooze": ("Z",),
    "resolve": ("E",),
    "reopen": ("O",),
    "tags": ("G",),
    "priority": ("P",),
    "merge": ("M",),
    "help": ("?",),
}


async def show_help(words: Words) -> None:
    rows = join(
        div("key-row", div("keys", *(tag("kbd", "", key) for key in keys)), div("", words(f"help.{name}")))
        for name, keys in SHEET.items()
    )
    with ui.dialog() as dialog, ui.card().classes("form-card help-card"):
        ui.label(words("help.title")).classes("form-title")
        ui.html(div("key-sheet", rows), sanitize=False)
        ui.button(words("close"), on_click=dialog.close).props("flat no-caps autofocus").classes("self-end")
    await dialog
    dialog.delete()

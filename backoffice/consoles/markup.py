"""HTML that cannot be broken into: whatever is not markup already is escaped."""

from collections.abc import Iterable
from html import escape

from nicegui import ui
from nicegui.element import Element


class Markup(str):
    """HTML that is fit to be shown."""


NOTHING = Markup("")
VOID = ("input", "img")


def join(parts: Iterable[str], between: str = "") -> Markup:
    """The parts one after another; those that are text are escaped."""
    return Markup(between.join(part if isinstance(part, Markup) else escape(part) for part in parts))


def tag(name: str, kind: str = "", /, *children: str, **attributes: str | int | bool | None) -> Markup:
    """An element of CSS classes `kind`; `data_value=…` becomes `data-value`, None and False are left out."""
    written = [f' class="{escape(kind)}"'] if kind else []
    for key, value in attributes.items():
        key = key.strip("_").replace("_", "-")
        if value is True:
            written.append(f" {key}")
        elif value is not None and value is not False:
            written.append(f' {key}="{escape(str(value))}"')
    closing = "" if name in VOID else f"{join(children)}</{name}>"
    return Markup(f"<{name}{''.join(written)}>{closing}")


def div(kind: str, *children: str, **attributes: str | int | bool | None) -> Markup:
    return tag("div", kind, *children, **attributes)


def span(kind: str, *children: str, **attributes: str | int | bool | None) -> Markup:
    return tag("span", kind, *children, **attributes)


def button(
    do: str, *children: str, kind: str = "button", value: str | int | None = None, **attributes: str | None
) -> Markup:
    """Pressed, it tells the page `do` with its `value`."""
    return tag("button", kind, *children, type="button", data_do=do, data_value=value, **attributes)


class Rows:
    """Pieces of markup one below the other, each under a key; only what changed is sent to the browser."""

    def __init__(self, container: Element, kind: str = "piece") -> None:
        self._container, self._kind = container, kind
        self._shown: dict[str, ui.html] = {}
        self._order: list[str] = []

    def show(self, wanted: dict[str, Markup]) -> None:
        for key in [key for key in self._order if key not in wanted]:
            self._shown.pop(key).delete()
            self._order.remove(key)
        for place, (key, markup) in enumerate(wanted.items()):
            if key in self._shown:
                self._shown[key].content = markup
            else:
                with self._container:
                    self._shown[key] = ui.html(markup, sanitize=False).classes(self._kind)
                self._order.append(key)
            if self._order[place] != key:
                self._order.remove(key)
                self._order.insert(place, key)
                self._shown[key].move(target_index=place)

"""What every page has around it: styles, the way to the others, presence, language, signing out."""

from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

from nicegui import app as nicegui
from nicegui import ui

from backoffice.consoles.following import every
from backoffice.consoles.markup import Markup, join, tag
from backoffice.consoles.session import HOME
from backoffice.consoles.visit import Visit
from backoffice.consoles.words import LANGUAGES
from backoffice.kit.time import now
from backoffice.staff import presence
from backoffice.staff.schemas import PresenceState, Role

ASSETS = Path(__file__).with_name("assets")
AT = "/assets"


@dataclass(frozen=True)
class Place:
    """A page in the header: where it is, what it is called in the catalogue, and for whom."""

    path: str
    name: str
    roles: tuple[Role, ...] = ()


PLACES = [Place("/", "inbox")]
"""Pages add themselves here."""


def serve_assets() -> None:
    nicegui.add_static_files(AT, ASSETS)


def asset(name: str) -> str:
    """Where a file of ours is; the address changes with its content."""
    return f"{HOME}{AT}/{name}?{crc32((ASSETS / name).read_bytes()):08x}"


def style(name: str) -> None:
    ui.add_head_html(f'<link rel="stylesheet" href="{asset(name)}">')


def frame(visit: Visit, active: str) -> None:
    """Everything of a page but its own content."""
    words = visit.words
    ui.page_title(f"{words(f'place.{active}')} · {words('title')}")
    ui.add_head_html(f'<script>document.documentElement.lang = "{words.language}"</script>')
    style("console.css")
    ui.add_head_html(f'<script src="{asset("console.js")}" defer></script>')
    ui.colors(primary="#a5331f", positive="#2e7d4f", negative="#b3261e", warning="#9a6206", info="#5b6b7a")
    with ui.header().classes("top"), ui.element("div").classes("top-line"):
        ui.html(places(visit, active), sanitize=False, tag="nav").classes("places").props(
            f'aria-label="{words("places")}"'
        )
        ui.element("div").classes("grow")
        presence_switch(visit)
        ui.html(person(visit), sanitize=False).classes("person")


def places(visit: Visit, active: str) -> Markup:
    shown = [place for place in PLACES if not place.roles or visit.who.role in place.roles]
    links = [
        tag(
            "a",
            "place active" if place.name == active else "place",
            visit.words(f"place.{place.name}"),
            href=HOME + place.path,
            aria_current="page" if place.name == active else None,
        )
        for place in shown
    ]
    return join([tag("span", "brand", "🏮", aria_hidden="true"), *links])


def person(visit: Visit) -> Markup:
    words = visit.words
    others = [(code, name) for code, name in LANGUAGES.items() if code != words.language]
    languages = [
        tag("button", "quiet", name, type="button", data_language=code, lang=code) for code, name in others
    ]
    leave = tag("button", "quiet", words("sign_out"), type="submit")
    return join(
        [
            *languages,
            tag("span", "who", visit.who.name, title=words(f"role.{visit.who.role}")),
            tag("form", "", leave, method="post", action=f"{HOME}/session/end"),
        ]
    )


def presence_switch(visit: Visit) -> None:
    """Online or away; an open page is the heartbeat."""
    words = visit.words
    states: list[PresenceState] = ["online", "away", "offline"]
    known: PresenceState = "offline"
    choosing = 0

    def show(state: PresenceState) -> None:
        nonlocal known
        known = shown.value = state
        shown.classes(add=f"is-{state}", remove=" ".join(f"is-{each}" for each in states if each != state))

    async def choose(state: PresenceState) -> None:
        async with visit.database.write() as session:
            await presence.set_state(session, visit.who.id, state)

    async def keep_choice(state: PresenceState) -> None:
        nonlocal choosing
        choosing += 1
        try:
            await visit.guarded(choose)(state)
        finally:
            choosing -= 1

    async def changed() -> None:
        """By the person, when it is not what was shown; the keys are the page's again."""
        if shown.value != known:
            show(shown.value)
            ui.run_javascript("document.activeElement?.blur()")
            await keep_choice(shown.value)

    async def beat() -> None:
        before = known
        async with visit.database.write() as session:
            await presence.heartbeat(session, visit.who.id)
        async with visit.database.read() as session:
            everybody = await presence.everybody(session, now())
        if known == before and not choosing:
            show(next((each.state for each in everybody if each.staff_id == visit.who.id), "offline"))

    shown = (
        ui.select({state: words(f"presence.{state}") for state in states}, value="offline", on_change=changed)
        .props(f'dense borderless options-dense hide-bottom-space aria-label="{words("presence.label")}"')
        .classes("presence")
    )
    every(visit, presence.HEARTBEAT_SECONDS, beat)

"""Stores near a place, with opening hours."""

from typing import Any

from rasa_sdk.events import EventType

from actions import wording
from actions.base import Errand, begin_form
from actions.forms import Form, Submission
from actions.shapes import Store
from actions.shipping import destination
from actions.turn import Turn, human


def card(stores: list[Store]) -> dict[str, Any]:
    """The store card of the chat; coordinates in WGS-84."""
    fields = {"name", "address", "hours", "phone", "distance_km", "latitude", "longitude"}
    return {"type": "stores", "stores": [store.model_dump(include=fields) for store in stores]}


async def tell(turn: Turn, place: str) -> bool:
    """Say the stores near `place`; False when the place is not known."""
    found = await turn.shop.stores(place)
    if not found.stores:
        return False
    where = found.understood_place or place
    rows = wording.lines(
        wording.piece(
            "store",
            name=store.name,
            address=store.address,
            hours=store.hours,
            open=wording.piece("open" if store.open_now else "closed"),
            distance=wording.distance(store.distance_km, where),
            phone=store.phone,
        )
        for store in found.stores
    )
    turn.say("stores", (), card(found.stores), place=where, stores=rows)
    return True


class StoreLocator(Errand):
    title = "store_locator"

    async def answer(self, turn: Turn) -> list[EventType]:
        general = turn.pressed or wording.says("store_hours", turn.text)
        place = turn.place or (None if general else turn.text)
        if place and await tell(turn, place):
            return []
        home = None if turn.place else await destination(turn)
        if home and await tell(turn, home):
            return []
        return begin_form(turn, "store_form", {})


class StoreForm(Form):
    form = "store_form"
    slots = ("store_place",)
    own = frozenset({"store_locator"})

    async def hear(self, turn: Turn, asked: str) -> dict[str, Any]:
        place = turn.place
        if not place and wording.says("store_hours", turn.text):
            return {}
        if place or not (turn.pressed or self.asks_else(turn) or turn.yes() or turn.no()):
            return {"store_place": place or turn.text}
        return {}


class StoreSubmit(Submission):
    form = "store_form"
    title = "store_told"

    async def submit(self, turn: Turn) -> list[EventType]:
        if not await tell(turn, turn.slot("store_place")):
            turn.say("no_stores", [human()], place=turn.slot("store_place"))
        return []

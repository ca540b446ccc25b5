"""A backoffice that answers as a test says, and messages as the bot hands them to an action."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from rasa_sdk.executor import CollectingDispatcher
from rasa_sdk.interfaces import Action, Tracker

from actions import client
from actions.settings import get_settings

Answer = tuple[int, Any]


@dataclass
class Backoffice:
    """Answers by method and path; what was asked is kept in `asked`."""

    answers: dict[str, Answer] = field(default_factory=dict)
    asked: list[httpx.Request] = field(default_factory=list)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        status, body = self.answers[f"{request.method} {request.url.path}"]
        return httpx.Response(status, json=body)

    def refuse(self, what: str, status: int, code: str, **extra: Any) -> None:
        self.answers[what] = (status, {"code": code, "status": status, **extra})


@pytest.fixture
def backoffice(monkeypatch: pytest.MonkeyPatch) -> Iterator[Backoffice]:
    monkeypatch.setenv("XIAOER_SERVICE_TOKEN", "service")
    get_settings.cache_clear()
    desk = Backoffice()
    http = httpx.AsyncClient(transport=httpx.MockTransport(desk.handle), base_url="http://backoffice")
    monkeypatch.setattr(client, "connection", lambda: http)
    yield desk
    get_settings.cache_clear()


def message(text: str, intent: str, **slots: Any) -> Tracker:
    """A tracker that has just heard `text`; `entities`, `also_asked` and `form` are no slots."""
    entities = [{"entity": name, "value": value} for name, value in slots.pop("entities", {}).items()]
    latest = {
        "text": text,
        "intent": {"name": intent, "confidence": 0.9},
        "entities": entities,
        "also_asked": slots.pop("also_asked", []),
        "metadata": {"turn": "signed", "turn_id": "t1", "channel": "web", "signed_in": True},
    }
    form = slots.pop("form", None)
    done = ["action_listen", *([form] if form else [])]
    events = [{"event": "action", "name": name} for name in done]
    return Tracker("c1", slots, latest, events, False, None, {"name": form} if form else {}, done[-1])


@dataclass
class Result:
    """What an action said, as names of responses and labels of buttons, and what it wants remembered."""

    said: list[str]
    buttons: list[dict[str, Any]]
    slots: dict[str, Any]
    follows: str | None
    spoken: list[dict[str, Any]]


async def run(action: Action, tracker: Tracker) -> Result:
    dispatcher = CollectingDispatcher()
    events = await action.run(dispatcher, tracker, {})
    return Result(
        [each["response"].removeprefix("utter_") for each in dispatcher.messages],
        [each for message in dispatcher.messages for each in message["buttons"]],
        {event["name"]: event["value"] for event in events if event["event"] == "slot"},
        next((event["name"] for event in events if event["event"] == "followup"), None),
        dispatcher.messages,
    )


@pytest.fixture
def order() -> Callable[..., dict[str, Any]]:
    """Makes an order as the API shows it."""
    now = datetime.now(UTC)

    def make(number: str = "2611200000000001", state: str = "paid", **fields: Any) -> dict[str, Any]:
        line = {
            "id": 1,
            "product_id": 1,
            "name": "轻羽绒服",
            "variant": "黑色 / L",
            "quantity": 1,
            "price_fen": 39900,
            "paid_fen": 39900,
        }
        return {
            "number": number,
            "state": state,
            "state_label": {"paid": "待发货", "shipped": "运输中", "delivered": "已签收"}.get(state, state),
            "placed_at": (now - timedelta(days=1)).isoformat(),
            "ship_by": (now + timedelta(days=1)).isoformat(),
            "total_fen": 39900,
            "lines": [line],
            "can": {"cancel": state in ("unpaid", "paid"), "urge": state == "paid"},
            **fields,
        }

    return make

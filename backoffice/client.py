"""Speaks with a running shop as a shopper does: for the command line, the tests and the measurements."""

import json
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from backoffice.settings import Settings
from backoffice.supervisor import Trouble


class Away(Trouble):
    """There is no shop at its address."""


Event = dict[str, Any]
"""An event as on the wire: id, at, from, text, buttons, card."""


@dataclass
class Conversation:
    """An open conversation: its id, the credential for it and the last event seen."""

    id: str
    token: str
    seen: int = 0


class Shop:
    """A client of the app at `url`; `service_token` lets it sign in as any customer."""

    def __init__(self, url: str, service_token: str) -> None:
        self.url = url
        self.service_token = service_token
        self.http = httpx.Client(base_url=url, timeout=30, trust_env=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self.http.close()

    def open(self, channel: str = "web", customer: str | None = None) -> Conversation:
        """A conversation on a channel, signed in as the customer with that phone. Raises `Trouble`."""
        session = None
        if customer:
            session = self.request("POST", "/api/service/session", self.service_token, {"phone": customer})[
                "token"
            ]
        opened = self.request("POST", "/chat/conversations", session, {"channel": channel})
        return Conversation(opened["conversation"], opened["token"])

    def send(self, conversation: Conversation, text: str) -> int:
        """Sends a text; the event id of it."""
        return self._post(conversation, {"text": text})

    def press(self, conversation: Conversation, button: dict[str, str]) -> int:
        """Presses a button of an event; the event id of it."""
        return self._post(conversation, {"payload": button["payload"], "label": button["label"]})

    def _post(self, conversation: Conversation, content: dict[str, str]) -> int:
        path = f"/chat/conversations/{conversation.id}/messages"
        sent: int = self.request("POST", path, conversation.token, {"id": str(uuid4()), **content})["event"]
        return sent

    def answer(self, conversation: Conversation, asked: int, timeout: float = 20) -> list[Event]:
        """The replies to the event `asked`, complete when the turn is over.

        Raises `Trouble` when none came within `timeout` seconds or the conversation is with people.
        """
        deadline = time.monotonic() + timeout
        replies: list[Event] = []
        conversation.seen = max(conversation.seen, asked)
        while (left := deadline - time.monotonic()) > 0:
            news = self.news(conversation, min(left, 5))
            replies += [event for event in news["events"] if event["from"] != "shopper"]
            if not news["typing"] and replies:
                return replies
            if not news["typing"] and news["owner"] != "bot":
                raise Trouble(f"No answer from the bot: the conversation is with people ({news['owner']}).")
        if replies:
            return replies
        raise Trouble(f"No answer within {timeout:g} seconds: `xiaoer doctor` tells what is wrong.")

    def ask(self, text: str, customer: str | None = None, channel: str = "web") -> list[Event]:
        """Opens a conversation, says one thing and returns the replies."""
        conversation = self.open(channel, customer)
        return self.answer(conversation, self.send(conversation, text))

    def news(self, conversation: Conversation, wait: float = 0) -> dict[str, Any]:
        """`{"events", "owner", "typing"}` since the last event seen; waits for some up to `wait` seconds."""
        query = f"after={conversation.seen}&wait={wait:g}"
        news: dict[str, Any] = self.request(
            "GET", f"/chat/conversations/{conversation.id}/events?{query}", conversation.token
        )
        conversation.seen = max([conversation.seen, *(event["id"] for event in news["events"])])
        return news

    def sign_ins(self) -> list[dict[str, str]]:
        """The demo customers: name, phone, password and the situation each of them is in."""
        people: list[dict[str, str]] = self.request("GET", "/api/demo/sign-ins")["sign_ins"]
        return people

    def request(self, method: str, path: str, token: str | None = None, body: object = None) -> Any:
        """The JSON answer; raises `Trouble` when the shop is not there or refuses."""
        return self.exchange(method, path, token, json=body).json()

    def exchange(self, method: str, path: str, token: str | None = None, **sent: Any) -> httpx.Response:
        """The answer whatever it is; raises as `request`."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            response = self.http.request(method, path, headers=headers, **sent)
        except httpx.HTTPError as error:
            raise Away(
                f"The shop does not answer at {self.url} ({error}): start it with `make run`."
            ) from None
        if response.is_error:
            try:
                problem = response.json()
                reason = problem.get("detail") or problem.get("title")
            except (ValueError, AttributeError):
                reason = response.reason_phrase
            raise Trouble(
                f"The shop refused {method} {path.partition('?')[0]}: {reason} ({response.status_code})."
            )
        return response


def address() -> str:
    """Where the shop is: as the settings say, or else where `xiaoer up` said that it started."""
    settings = Settings()
    started = settings.state / "up.json"
    if (
        settings.app_url != f"http://127.0.0.1:{Settings.model_fields['port'].default}"
        or not started.exists()
    ):
        return settings.app_url
    url: str = json.loads(started.read_text())["url"]
    return url

"""Conversations as data, held with the real three processes.

Each file of `conversations/` is a list of conversations:

    - name: what it shows
      as: visitor, or the phone of a demo sign-in, who goes on with the conversation of that channel
      channel: app                # web when it is left out
      turns:
      - say: what is typed        # or `press`: a regular expression over the label of a button shown before
        expect: [regular expressions, each found in the replies]
        never: [regular expressions, none found in the replies]
        card: order               # the kind of a card that must be among the replies

`{order}` in a text is the number of the newest order of the demo customer `order_of`, `{tail}` the last four
digits of its phone.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backoffice.client import Conversation, Event, Shop
from tests.live import LiveShop

HERE = Path(__file__).parent
STRANGERS = ("visitor", "15400000010")
SECRETS = r"牛仔裤|毛衣|¥|\d月\d|确认|可以申请"
"""What an answer about that order would contain."""
FILES = sorted((HERE / "conversations").glob("*.yml"))


def conversations() -> Iterator[Any]:
    for path in FILES:
        for conversation in yaml.safe_load(path.read_text(encoding="utf8")):
            yield pytest.param(conversation, id=f"{path.stem}: {conversation['name']}")


class Talk:
    """One conversation, going on."""

    def __init__(self, shop: Shop, who: str, facts: dict[str, str], channel: str = "web") -> None:
        self._shop, self._facts = shop, facts
        self._conversation: Conversation = shop.open(channel, None if who == "visitor" else who)
        shop.news(self._conversation)
        self._buttons: list[dict[str, str]] = []

    def turn(self, step: dict[str, Any]) -> list[Event]:
        if "press" in step:
            label = self._filled(step["press"])
            shown = [each for each in reversed(self._buttons) if re.search(label, each["label"])]
            assert shown, f"no button {label!r} among {[each['label'] for each in self._buttons]}"
            asked = self._shop.press(self._conversation, shown[0])
        else:
            asked = self._shop.send(self._conversation, self._filled(step["say"]))
        replies = self._shop.answer(self._conversation, asked)
        self._buttons += [each for reply in replies for each in reply["buttons"]]
        return replies

    def _filled(self, text: str) -> str:
        for name, value in self._facts.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def facts_of(shop: Shop, phone: str) -> dict[str, str]:
    """What a visitor must know of a customer's newest order to prove it."""
    session = shop.request("POST", "/api/service/session", shop.service_token, {"phone": phone})["token"]
    order = shop.request("GET", "/api/orders?limit=1", session)["orders"][0]
    return {"order": order["number"], "tail": phone[-4:]}


@pytest.mark.parametrize("conversation", list(conversations()))
def test_conversation(live_shop: LiveShop, conversation: dict[str, Any]) -> None:
    shop = live_shop.client
    facts = facts_of(shop, conversation["order_of"]) if "order_of" in conversation else {}
    talk = Talk(shop, str(conversation["as"]), facts, conversation.get("channel", "web"))
    for step in conversation["turns"]:
        replies = talk.turn(step)
        said = "\n".join(
            [*(r["text"] for r in replies), *(b["label"] for r in replies for b in r["buttons"])]
        )
        assert not re.search(r"\{\w+\}|None", said), f"{step}: a field was not filled in:\n{said}"
        for expected in step.get("expect", ()):
            assert re.search(expected, said), f"{step}: no {expected!r} in:\n{said}"
        for forbidden in step.get("never", ()):
            assert not re.search(forbidden, said), f"{step}: {forbidden!r} in:\n{said}"
        if "card" in step:
            assert step["card"] in [r["card"]["type"] for r in replies if r["card"]], f"{step}: {replies}"


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("errand", yaml.safe_load((HERE / "errands.yml").read_text(encoding="utf8")).items())
def test_nobody_reaches_anothers_order(live_shop: LiveShop, who: str, errand: tuple[str, str]) -> None:
    shop = live_shop.client
    facts = facts_of(shop, "15400000003")
    said = "\n".join(reply["text"] for reply in Talk(shop, who, facts, "app").turn({"say": errand[1]}))
    assert not re.search(SECRETS, said), said

"""Conversations as data, held with the real three processes, several at a time.

Each file of `conversations/` is a list of conversations:

    - name: what it shows
      as: visitor, or the situation of a demo sign-in (`backoffice/demo/situations.py`); each conversation
        has a customer and orders of its own
      order_of: in_transit        # a customer in that situation, whose newest order can be spoken of
      channel: app                # web when it is left out
      turns:
      - say: what is typed        # or `press`: a regular expression over the label of a button shown before,
        expect: [regular expressions, each found in the replies]
        never: [regular expressions, none found in the replies]
        card: order               # the kind of a card that must be among the replies
        person: true              # whether people own the conversation afterwards; false when left out
      - after: 70                 # or so many minutes go by

`{order}` in a text is the number of the newest order of the customer (of `order_of`, if given), `{tail}` the
last four digits of the phone.
"""

import json
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import create_engine, text

from backoffice.client import Conversation, Event, Shop
from backoffice.demo.situations import SIGN_INS, SignIn
from tests.live import LiveShop

HERE = Path(__file__).parent
AT_ONCE = 4
PATIENCE = 60
STRANGERS = ("visitor", "15400000010")
SECRETS = r"牛仔裤|毛衣|¥|\d月\d|确认|可以申请"
"""What an answer about that order would contain."""
CONVERSATIONS: dict[str, dict[str, Any]] = {
    f"{path.stem}: {conversation['name']}": conversation
    for path in sorted((HERE / "conversations").glob("*.yml"))
    for conversation in yaml.safe_load(path.read_text(encoding="utf8"))
}


def customer_of(place: int, situation: str) -> SignIn:
    """The customer who holds conversation number `place`, or whose order is spoken of in it."""
    model = next(sign_in for sign_in in SIGN_INS if sign_in.key == situation)
    phone = f"1540009{place:04}"
    return SignIn(situation, model.name, phone, model.password, model.city, model.situation)


CUSTOMERS = {
    name: customer_of(place, situation)
    for place, (name, conversation) in enumerate(CONVERSATIONS.items())
    if (situation := conversation.get("order_of") or conversation["as"]) != "visitor"
}


@pytest.fixture(scope="module")
def crowded_shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveShop]:
    with LiveShop(tmp_path_factory.mktemp("crowded"), more=tuple(CUSTOMERS.values())) as shop:
        yield shop


@pytest.fixture(scope="module")
def held(crowded_shop: LiveShop, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """Every conversation that was asked for, under way: their results by name."""
    wanted = [item.callspec.params.get("name") for item in request.session.items if hasattr(item, "callspec")]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        yield {name: pool.submit(hold, crowded_shop, name) for name in wanted if name in CONVERSATIONS}


class Talk:
    """One conversation, going on; everything said in it is in `transcript`."""

    def __init__(self, live: LiveShop, who: str | None, facts: dict[str, str], channel: str = "web") -> None:
        self._live, self._shop, self._facts = live, live.client, facts
        self._conversation: Conversation = self._shop.open(channel, who)
        self._shop.news(self._conversation)
        self._buttons: list[dict[str, str]] = []
        self.transcript: list[str] = []

    def turn(self, step: dict[str, Any]) -> list[Event]:
        """What is answered. Raises `AssertionError` without such a button, `Trouble` without an answer."""
        if "press" in step:
            label = self._filled(step["press"])
            shown = [each for each in reversed(self._buttons) if re.search(label, each["label"])]
            assert shown, f"no button {label!r} among {[each['label'] for each in self._buttons]}"
            self.transcript.append(f"> [{shown[0]['label']}]")
            asked = self._shop.press(self._conversation, shown[0])
        else:
            self.transcript.append(f"> {self._filled(step['say'])}")
            asked = self._shop.send(self._conversation, self._filled(step["say"]))
        replies = self._shop.answer(self._conversation, asked, PATIENCE)
        self._buttons += [each for reply in replies for each in reply["buttons"]]
        self.transcript += [
            f"  {reply['text']} {[button['label'] for button in reply['buttons']] or ''}" for reply in replies
        ]
        return replies

    def with_people(self) -> bool:
        return bool(self._shop.news(self._conversation)["owner"] != "bot")

    def let_pass(self, minutes: int) -> None:
        """Make all that the bot remembers older, as if another replica had written it so long ago."""
        self.transcript.append(f"({minutes} minutes later)")
        engine = create_engine(self._live.settings.tracker_url)
        mine = {"sender": self._conversation.id}
        with engine.begin() as connection:
            row = text("SELECT events FROM trackers WHERE sender_id = :sender")
            events = json.loads(connection.execute(row, mine).scalar_one())
            for event in events:
                event["timestamp"] -= minutes * 60
            older = text(
                "UPDATE trackers SET events = :events, version = version + 1 WHERE sender_id = :sender"
            )
            connection.execute(older, mine | {"events": json.dumps(events, ensure_ascii=False)})
        engine.dispose()

    def _filled(self, text: str) -> str:
        for name, value in self._facts.items():
            text = text.replace(f"{{{name}}}", value)
        return text


def facts_of(shop: Shop, phone: str) -> dict[str, str]:
    """What a visitor must know of a customer's newest order to prove it."""
    session = shop.request("POST", "/api/service/session", shop.service_token, {"phone": phone})["token"]
    orders = shop.request("GET", "/api/orders?limit=1", session)["orders"]
    return {"order": orders[0]["number"] if orders else "", "tail": phone[-4:]}


def hold(live: LiveShop, name: str) -> None:
    """Hold a conversation. Raises `AssertionError` with all that was said when a turn is not as expected."""
    conversation, customer = CONVERSATIONS[name], CUSTOMERS.get(name)
    facts = facts_of(live.client, customer.phone) if customer else {}
    who = None if conversation["as"] == "visitor" or not customer else customer.phone
    talk = Talk(live, who, facts, conversation.get("channel", "web"))
    for step in conversation["turns"]:
        if "after" in step:
            talk.let_pass(step["after"])
            continue
        replies = talk.turn(step)
        wrong = list(faults(step, replies))
        if talk.with_people() != step.get("person", False):
            wrong.append("a person was expected" if step.get("person") else "no person was expected")
        assert not wrong, "\n".join([*talk.transcript, "", *wrong])


def faults(step: dict[str, Any], replies: list[Event]) -> Iterator[str]:
    said = "\n".join([*(r["text"] for r in replies), *(b["label"] for r in replies for b in r["buttons"])])
    if re.search(r"\{\w+\}|None", said):
        yield "a field was not filled in"
    yield from (f"no {each!r}" for each in step.get("expect", ()) if not re.search(each, said))
    yield from (f"{each!r}, which must not be" for each in step.get("never", ()) if re.search(each, said))
    if "card" in step and step["card"] not in [reply["card"]["type"] for reply in replies if reply["card"]]:
        yield f"no card {step['card']!r}"


@pytest.mark.parametrize("name", CONVERSATIONS)
def test_conversation(held: dict[str, Future[None]], name: str) -> None:
    held[name].result()


@pytest.mark.parametrize("who", STRANGERS)
@pytest.mark.parametrize("errand", yaml.safe_load((HERE / "errands.yml").read_text(encoding="utf8")).items())
def test_nobody_reaches_anothers_order(crowded_shop: LiveShop, who: str, errand: tuple[str, str]) -> None:
    facts = facts_of(crowded_shop.client, "15400000003")
    talk = Talk(crowded_shop, None if who == "visitor" else who, facts, "app")
    said = "\n".join(reply["text"] for reply in talk.turn({"say": errand[1]}))
    assert not re.search(SECRETS, said), said

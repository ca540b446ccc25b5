import socket

import pytest
import yaml

from backoffice.conversations.ports import (
    BotAnswer,
    BotBroken,
    BotButton,
    BotDown,
    BotReply,
    Heard,
    Reading,
    Shadow,
    Utterance,
)
from backoffice.trainer import ROOT
from integrations.bot import LEFT_OPEN, RasaBot, RasaMessage, bubbles, by_preference, told
from tests.integrations.conftest import BotServer, Served

UTTERANCE = Utterance("c1", "你好", {"turn": "t", "turn_id": "1"})


async def test_a_turn_carries_conversation_text_and_metadata(bot: BotServer) -> None:
    rasa = RasaBot(bot.url, "token")
    assert await rasa.reply(UTTERANCE) == BotAnswer([BotReply("heard 你好")])
    assert bot.heard == [{"sender": "c1", "message": "你好", "metadata": {"turn": "t", "turn_id": "1"}}]
    assert await rasa.ready()
    await rasa.close()


async def test_nobody_listening_is_not_an_answer_gone_wrong(bot: BotServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = RasaBot(f"http://127.0.0.1:{free.getsockname()[1]}", "token")
    with pytest.raises(BotDown):
        await nowhere.reply(UTTERANCE)
    with pytest.raises(BotDown):
        await nowhere.tell("c1", [])
    assert not await nowhere.ready()
    await nowhere.close()
    elsewhere = RasaBot(f"{bot.url}/elsewhere", "token")
    with pytest.raises(BotBroken):
        await elsewhere.reply(UTTERANCE)
    with pytest.raises(BotBroken):
        await elsewhere.tell("c1", [])
    await elsewhere.close()


@pytest.mark.parametrize("junk", [[{"text": 7}], [{"buttons": "no"}], ["no"], [{"reading": {}}]])
async def test_junk_is_a_broken_bot(bot: BotServer, junk: list[object]) -> None:
    bot.answer = lambda _: junk  # type: ignore[assignment, return-value]
    rasa = RasaBot(bot.url, "token")
    with pytest.raises(BotBroken):
        await rasa.reply(UTTERANCE)
    await rasa.close()


async def test_an_answer_says_how_the_message_was_read(bot: BotServer) -> None:
    read = {"intent": "greet", "confidence": 0.9, "ranking": [["greet", 0.9]], "actions": ["action_greet"]}
    bot.answer = lambda _: [{"text": "您好"}, {"recipient_id": "c1", "reading": read}]
    rasa = RasaBot(bot.url, "token")
    answer = await rasa.reply(UTTERANCE)
    await rasa.close()
    assert answer == BotAnswer([BotReply("您好")], Reading("greet", 0.9, [("greet", 0.9)], ["action_greet"]))


async def test_an_answer_says_which_model_gave_it_and_what_another_would_have_read(bot: BotServer) -> None:
    shadow = {"model": "b", "intent": "track", "confidence": 0.5}
    read = {
        "intent": "greet",
        "confidence": 0.9,
        "ranking": [],
        "actions": [],
        "model": "a",
        "shadow": shadow,
    }
    bot.answer = lambda _: [{"recipient_id": "c1", "reading": read}]
    rasa = RasaBot(bot.url, "token")
    answer = await rasa.reply(UTTERANCE)
    await rasa.close()
    assert answer.reading == Reading("greet", 0.9, [], [], "a", Shadow("b", "track", 0.5))


def test_a_replica_that_comes_or_goes_moves_its_own_conversations_only() -> None:
    urls = [f"http://bot-{number}" for number in range(4)]
    ids = [f"c{number}" for number in range(1000)]
    before = {each: by_preference(urls, each)[0] for each in ids}
    assert all(200 < list(before.values()).count(url) < 300 for url in urls)
    after = {each: by_preference(urls[:-1], each)[0] for each in ids}
    assert all(after[each] == before[each] for each in ids if before[each] != urls[-1])


async def test_a_conversation_stays_with_a_replica_and_goes_to_the_next_while_that_is_down() -> None:
    one, other = BotServer(), BotServer()
    async with Served(one.app) as first, Served(other.app) as second:
        urls = [first.url, second.url]
        rasa = RasaBot(urls, "token")
        for _ in range(3):
            await rasa.reply(UTTERANCE)
        await rasa.tell("c1", [Heard("agent", "在的")])
        assert await rasa.ready()
        heard = [(len(each.heard), len(each.told)) for each in (one, other)]
        assert sorted(heard) == [(0, 0), (3, 1)]
        await rasa.close()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        down = f"http://127.0.0.1:{free.getsockname()[1]}"
    async with Served(one.app) as left:
        rasa = RasaBot([down, left.url], "token")
        for number in range(20):
            utterance = Utterance(f"c{number}", "你好", {})
            assert await rasa.reply(utterance) == BotAnswer([BotReply("heard 你好")])
        assert await rasa.ready()
        await rasa.close()
    nobody = RasaBot([down], "token")
    with pytest.raises(BotDown):
        await nobody.reply(UTTERANCE)
    await nobody.close()


async def test_what_was_said_meanwhile_is_told_without_a_turn(bot: BotServer) -> None:
    rasa = RasaBot(bot.url, "token")
    await rasa.tell("c1", [Heard("shopper", "在吗"), Heard("agent", "在的")])
    await rasa.close()
    ((conversation, query, events),) = bot.told
    assert conversation == "c1"
    assert query["token"] == "token"
    said = [(event["event"], event["text"]) for event in events if "text" in event]
    assert said == [("user", "在吗"), ("bot", "在的")]
    assert bot.heard == []


@pytest.mark.parametrize(
    ("lines", "number"),
    [
        (["你好"], None),
        (["1000 2345 6789 0123 这个", "好的，订单2000345678901234已为您催促"], "2000345678901234"),
        (["订单2000345678901234", "电话13812345678"], "2000345678901234"),
        (["20003456789012345"], None),
    ],
)
def test_the_order_named_last_is_the_one_talked_about(lines: list[str], number: str | None) -> None:
    events = told([Heard("agent", line) for line in lines])
    named = [event["value"] for event in events if event.get("name") == "order_no"]
    assert named == ([number] if number else [])


def test_the_slots_of_open_questions_are_slots_of_the_bot() -> None:
    forms = yaml.safe_load((ROOT / "bot/domain/forms.yml").read_text(encoding="utf8"))
    assert {*LEFT_OPEN, "order_no"} <= {*forms["slots"], "requested_slot"}


def test_a_card_joins_the_text_before_it() -> None:
    order, points = {"type": "order"}, {"type": "points"}
    messages = [
        {"recipient_id": "c1", "text": "一"},
        {"recipient_id": "c1", "text": "二", "buttons": [{"title": "好", "payload": "/affirm"}]},
        {"recipient_id": "c1", "custom": order},
        {"recipient_id": "c1", "custom": points},
        {"recipient_id": "c1", "image": "x"},
    ]
    assert bubbles([RasaMessage.model_validate(message) for message in messages]) == [
        BotReply("一"),
        BotReply("二", [BotButton("好", "/affirm")], order),
        BotReply("", [], points),
    ]


def test_a_question_asked_twice_in_a_turn_is_asked_last() -> None:
    said = [RasaMessage(text=text) for text in ("哪一单？", "九点开门。", "哪一单？")]
    assert bubbles(said) == [BotReply("九点开门。"), BotReply("哪一单？")]

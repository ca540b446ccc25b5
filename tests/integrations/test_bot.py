import socket

import pytest

from backoffice.conversations.ports import BotBroken, BotButton, BotDown, BotReply, Utterance
from integrations.bot import RasaBot, RasaMessage, bubbles
from tests.integrations.conftest import BotServer

UTTERANCE = Utterance("c1", "你好", {"turn": "t", "turn_id": "1"})


async def test_a_turn_carries_conversation_text_and_metadata(bot: BotServer) -> None:
    rasa = RasaBot(bot.url, "token")
    assert await rasa.reply(UTTERANCE) == [BotReply("heard 你好")]
    assert bot.heard == [{"sender": "c1", "message": "你好", "metadata": {"turn": "t", "turn_id": "1"}}]
    assert await rasa.ready()
    await rasa.close()


async def test_nobody_listening_is_not_an_answer_gone_wrong(bot: BotServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nowhere = RasaBot(f"http://127.0.0.1:{free.getsockname()[1]}", "token")
    with pytest.raises(BotDown):
        await nowhere.reply(UTTERANCE)
    assert not await nowhere.ready()
    await nowhere.close()
    elsewhere = RasaBot(f"{bot.url}/elsewhere", "token")
    with pytest.raises(BotBroken):
        await elsewhere.reply(UTTERANCE)
    await elsewhere.close()


@pytest.mark.parametrize("junk", [[{"text": 7}], [{"buttons": "no"}], ["no"]])
async def test_junk_is_a_broken_bot(bot: BotServer, junk: list[object]) -> None:
    bot.answer = lambda _: junk  # type: ignore[assignment, return-value]
    rasa = RasaBot(bot.url, "token")
    with pytest.raises(BotBroken):
        await rasa.reply(UTTERANCE)
    await rasa.close()


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

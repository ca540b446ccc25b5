"""What a message means after what was said before, and what is said when nothing is understood."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions.context import InContext, placed
from actions.registry import BY_TITLE
from actions.returns import ExchangeForm
from actions.turn import Turn
from tests.actions.conftest import Backoffice, Result, message, run

MEANT = "POST /api/orders/meant"
MakeOrder = Callable[..., dict[str, Any]]
SHOWN = [{"number": str(number), "total_fen": fen} for number, fen in ((1, 500), (2, 900), (3, 100))]
ASKED_WHICH = {"action": "action_return_request", "text": "我要退货", "orders": SHOWN, "open": True}


async def hear(text: str, intent: str, **slots: Any) -> Result:
    """What is done when the bot hears `intent`."""
    return await run(InContext(BY_TITLE[intent.removeprefix("nlu_")]), message(text, intent, **slots))


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("第二个", "2"),
        ("第1个吧", "1"),
        ("2", "2"),
        ("最后那个", "3"),
        ("贵的那个", "2"),
        ("便宜的", "3"),
        ("第五个", None),
        ("不贵的吧", None),
        ("哪个", None),
    ],
)
def test_an_order_is_picked_by_its_place_or_price(text: str, number: str | None) -> None:
    assert placed(text, SHOWN) == number


async def test_the_errand_that_asked_which_order_goes_on_with_the_one_picked(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("2")], "reason": "number"})
    result = await hear("第二个", "affirm", said=ASKED_WHICH)
    body = json.loads(backoffice.asked[-1].content)
    assert (body["text"], body["errand"]) == ("2", "return")
    assert result.follows == "cancel_form"


async def test_an_order_is_picked_by_what_it_is(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("2")], "reason": "product"})
    result = await hear("那双鞋", "out_of_scope", said=ASKED_WHICH)
    assert result.slots["order_no"] == "2"
    assert result.follows == "cancel_form"


async def test_a_new_question_is_no_choice_of_an_order(backoffice: Backoffice) -> None:
    assert (await hear("能开发票吗", "chitchat", said=ASKED_WHICH)).said == ["chitchat"]


@pytest.mark.parametrize(
    ("text", "intent", "slots"),
    [
        ("你们这群傻逼", "chitchat", {}),
        ("妈的还不到", "track_shipment", {}),
        ("太差劲了我要投诉", "complaint", {"complaints": 1}),
        ("发货这么慢我要投诉你们", "urge_shipment", {"complaints": 1}),
    ],
)
async def test_who_is_beside_himself_gets_a_person(
    backoffice: Backoffice, text: str, intent: str, slots: dict[str, Any]
) -> None:
    backoffice.answers["POST /api/handoff"] = (200, {"position": 1, "waiting": 1})
    result = await hear(text, intent, form="case_form", **slots)
    assert result.said == []
    assert json.loads(backoffice.asked[0].content) == {"reason": "upset"}
    assert result.slots["requested_slot"] is None


@pytest.mark.parametrize(
    "text", ["给他妈妈买的", "想给我妈的礼物", "SB2000是什么型号", "滚筒洗衣机有吗", "短信说是骗子怎么办"]
)
async def test_what_only_looks_like_an_insult_is_none(backoffice: Backoffice, text: str) -> None:
    assert (await hear(text, "chitchat")).said == ["chitchat"]


async def test_venting_gets_a_kind_word_and_a_person_but_no_form(backoffice: Backoffice) -> None:
    result = await hear("太差了你们", "complaint")
    assert result.said == ["vented"]
    assert result.follows is None
    assert result.buttons[0]["payload"] == "/human_handoff"


@pytest.mark.parametrize("intent", ["complaint", "refund_status", "nlu_fallback"])
async def test_when_a_case_is_settled_files_no_second_one(backoffice: Backoffice, intent: str) -> None:
    assert (await hear("多久给我答复", intent, topic="complaint")).said == ["case_under_way"]


@pytest.mark.parametrize(("text", "said"), [("不要了", "received_so_return"), ("不用", "deny")])
async def test_not_wanted_any_more_is_an_errand_when_nothing_is_asked(
    backoffice: Backoffice, order: MakeOrder, text: str, said: str
) -> None:
    backoffice.answers[MEANT] = (
        200,
        {"verdict": "one", "orders": [order("1", "delivered")], "reason": "before"},
    )
    backoffice.answers["GET /api/orders/1/returnable"] = (
        200,
        {"lines": [], "eligible": False, "reason": "expired"},
    )
    backoffice.answers["GET /api/returns"] = (200, {"returns": []})
    assert (await hear(text, "deny", topic="track_shipment", order_no="1")).said[0] == said


async def test_a_question_about_the_form_s_own_errand_is_answered(backoffice: Backoffice) -> None:
    article = {"slug": "a", "title": "b", "answer": "c", "score": 99}
    backoffice.answers["GET /api/knowledge"] = (200, {"articles": [article]})
    result = await hear("退差价要多久", "price_protection", form="protect_form")
    assert result.said == ["article"]
    assert result.follows == "protect_form"
    assert result.slots["reminder"] == "short"


@pytest.mark.parametrize("intent", ["affirm", "greet", "nudge"])
async def test_back_after_a_while_the_open_question_is_asked_again(
    backoffice: Backoffice, intent: str
) -> None:
    result = await hear("好的", intent, requested_slot="cancel_confirm")
    assert result.said == ["go_on"]
    assert result.follows == "cancel_form"


async def test_what_else_is_asked_after_a_while_forgets_the_open_question(backoffice: Backoffice) -> None:
    result = await hear("不用", "deny", requested_slot="cancel_confirm")
    assert result.slots["requested_slot"] is None


async def test_a_button_of_another_form_does_nothing(backoffice: Backoffice) -> None:
    pressed = {"entities": {"of": "cancel_form"}, "form": "address_form"}
    result = await hear('/affirm{"of": "cancel_form"}', "affirm", **pressed)
    assert result.said == ["past_button"]
    assert result.follows == "address_form"


async def test_readings_are_offered_once_then_a_person_then_a_person_comes(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/handoff"] = (200, {"position": 1, "waiting": 1})
    backoffice.answers[MEANT] = (200, {"verdict": "none", "orders": [], "reason": "no_orders"})
    backoffice.answers["GET /api/knowledge"] = (200, {"articles": []})
    ranking = [("nlu_fallback", 0.8), ("refund_status", 0.2), ("return_request", 0.15), ("greet", 0.1)]
    unclear = message("就那个钱的事", "nlu_fallback")
    unclear.latest_message["intent_ranking"] = [{"name": n, "confidence": c} for n, c in ranking]
    first = await run(InContext(BY_TITLE["fallback"]), unclear)
    assert first.said == ["which_reading"]
    assert [each["payload"] for each in first.buttons] == [
        "/refund_status",
        "/return_request",
        "/human_handoff",
    ]
    assert first.slots["unclear"]["text"] == "就那个钱的事"
    second = await hear("嗯那个", "nlu_fallback", **first.slots)
    assert second.said == ["fallback_again"]
    assert second.buttons[0]["payload"] == "/human_handoff"
    assert (await hear("就是那个", "nlu_fallback", **second.slots)).said == []
    assert backoffice.asked[-1].url.path == "/api/handoff"


async def test_a_chosen_reading_hears_the_words_again(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order()], "reason": "product"})
    unclear = {"text": "鞋子那个钱", "entities": {}, "intents": ["refund_status"]}
    backoffice.answers["GET /api/returns"] = (200, {"returns": []})
    result = await hear("/refund_status", "refund_status", unclear=unclear, misses=1)
    assert json.loads(backoffice.asked[0].content)["text"] == "鞋子那个钱"
    assert result.slots["unclear"] is None
    assert result.slots["misses"] is None


async def test_an_errand_asked_beside_another_is_begun_or_kept(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (
        200,
        {"verdict": "one", "orders": [order(can={"cancel": True, "change_address": True})], "reason": "x"},
    )
    also = [{"intent": "modify_address", "text": "地址也要改", "confidence": 0.9}]
    begun = await hear("到哪了。地址也要改", "order_status", also_asked=also)
    assert begun.said == ["order_paid"]
    assert begun.follows == "address_form"
    kept = await hear("取消订单。地址也要改", "cancel_order", also_asked=also)
    assert kept.follows == "cancel_form"
    assert kept.slots["later"] == [{"intent": "modify_address", "text": "地址也要改"}]
    ended = await run(BY_TITLE["cancelled"], message("算了", "deny", stopped=True, later=kept.slots["later"]))
    assert ended.said == ["stopped_cancel_form", "asked_before"]
    assert ended.buttons[0]["payload"] == "/modify_address"


async def test_a_nudge_goes_on_with_the_choice_and_never_loops(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    orders = [order("1"), order("2")]
    backoffice.answers[MEANT] = (200, {"verdict": "many", "orders": orders, "reason": "several"})
    nudged = await hear("人呢", "nudge", topic="return_request", said=ASKED_WHICH)
    assert nudged.said == ["nudge", "which_order"]
    assert (await hear("人呢", "nudge", topic="nudge")).said == ["nudge_again"]


@pytest.mark.parametrize(("text", "urges"), [("多久发货", False), ("快点发货", True), ("怎么还不发", True)])
async def test_only_a_wish_to_hurry_is_counted(
    backoffice: Backoffice, order: MakeOrder, text: str, urges: bool
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("1")], "reason": "only_fitting"})
    urged = {"ship_by": "2036-11-20T06:05:00Z", "urges": 1, "first": True}
    backoffice.answers["POST /api/orders/1/urge"] = (200, urged)
    assert (await hear(text, "urge_shipment")).said == ["urged" if urges else "order_paid"]


async def test_what_is_told_in_between_leaves_the_form_its_own_order(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("2")], "reason": "product"})
    told = await hear("四件套到哪了", "track_shipment", form="cancel_form", order_no="1")
    assert told.follows == "cancel_form"
    assert "order_no" not in told.slots


@pytest.mark.parametrize(
    ("text", "reason", "follows", "said"),
    [
        ("取消咖啡豆", "product", "cancel_form", []),
        ("我要取消订单呀", "before", "cancel_form", []),
    ],
)
async def test_the_wish_said_again_begins_anew_only_for_another_order(
    backoffice: Backoffice, order: MakeOrder, text: str, reason: str, follows: str, said: list[str]
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("2")], "reason": reason})
    heard = await hear(text, "cancel_order", form="cancel_form", order_no="1")
    assert (heard.follows, heard.said) == (follows, said)
    assert heard.slots.get("order_no") == ("2" if reason == "product" else None)


async def test_a_named_thing_that_was_bought_is_asked_after(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("2")], "reason": "product"})
    assert (await hear("收纳箱怎么回事", "out_of_scope")).said == ["order_paid"]
    assert (await hear("咖啡豆呢", "member_points", topic="track_shipment")).said == ["order_paid"]


async def test_a_visitor_is_told_why_the_phone_is_asked_for(backoffice: Backoffice) -> None:
    asked = await hear("为什么要手机号啊", "privacy_request", form="verify_form")
    assert (asked.said, asked.follows) == (["verify_why"], "verify_form")


async def test_who_dropped_or_praises_is_not_angry(backoffice: Backoffice) -> None:
    dropped = await run(BY_TITLE["case_filed"], message("不投诉了", "deny", stopped=True, complaints=1))
    assert dropped.slots["complaints"] is None
    assert (await hear("你们也挺辛苦的", "complaint", complaints=1)).said == ["vented"]


async def test_to_stop_the_parcel_after_all_is_to_cancel(backoffice: Backoffice, order: MakeOrder) -> None:
    shipped = order("1", "shipped", can={"intercept": True})
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [shipped], "reason": "before"})
    assert (await hear("还是拦吧", "product_inquiry", order_no="1")).follows == "intercept_form"


async def test_a_mere_yes_chooses_no_order(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "many", "orders": [order("1"), order("2")], "reason": "x"})
    asked = await hear("嗯", "affirm", topic="return_request", said=ASKED_WHICH)
    assert asked.said == ["which_order"]


async def test_another_order_is_not_the_one_just_told(backoffice: Backoffice, order: MakeOrder) -> None:
    orders = [order("1"), order("2", "shipped")]
    backoffice.answers[MEANT] = (200, {"verdict": "many", "orders": orders, "reason": "several"})
    result = await hear("另一个呢", "track_shipment", order_no="1", topic="track_shipment")
    assert result.slots["order_no"] == "2"


async def test_quick_after_an_order_was_told_hurries_it(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order("1")], "reason": "before"})
    late = {"ship_by": "2126-11-22T00:00:00Z", "urges": 1, "first": True}
    backoffice.answers["POST /api/orders/1/urge"] = (200, late)
    assert (await hear("快点", "nudge", order_no="1", topic="order_status")).said == ["urged"]


async def test_an_order_is_meant_by_its_state_whatever_was_talked_about(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    orders = [order("1", "shipped", can={"intercept": True}), order("2")]
    backoffice.answers[MEANT] = (200, {"verdict": "many", "orders": orders, "reason": "several"})
    result = await hear("没发货那个取消掉", "cancel_order", order_no="1", topic="intercepted")
    assert (result.slots["order_no"], result.follows) == ("2", "cancel_form")
    assert json.loads(backoffice.asked[-1].content)["order_no"] is None


@pytest.mark.parametrize(("score", "said"), [(94, "article"), (50, "out_of_scope")])
async def test_a_question_that_an_article_asks_too_is_answered_though_not_understood(
    backoffice: Backoffice, score: int, said: str
) -> None:
    article = {"slug": "order-how", "title": "怎么下单", "answer": "点开商品页。", "score": score}
    backoffice.answers["GET /api/knowledge"] = (200, {"articles": [article]})
    backoffice.answers[MEANT] = (200, {"verdict": "none", "reason": "none"})
    assert (await hear("怎么下单", "out_of_scope")).said == [said]


async def test_returning_the_other_thing_is_no_choice_of_what_to_exchange(
    backoffice: Backoffice,
) -> None:
    lines = [
        {"line_id": 1, "name": "高腰直筒牛仔裤", "quantity": 1, "amount_fen": 1},
        {"line_id": 2, "name": "圆领毛衣", "quantity": 1, "amount_fen": 1},
    ]
    slots = {"form": "exchange_form", "requested_slot": "exchange_line", "lines": lines}
    asked = message("那毛衣能退不", "return_policy", **slots)
    assert await ExchangeForm().hear(Turn("x", CollectingDispatcher(), asked), "exchange_line") == {}


PATIENT = [("intercept_form", "intercept_confirm"), ("protect_form", "protect_confirm")]


@pytest.mark.parametrize(("form", "slot"), PATIENT)
async def test_a_form_is_quiet_while_something_else_is_asked(
    backoffice: Backoffice, form: str, slot: str
) -> None:
    aside = {"form": form, "requested_slot": slot}
    assert (await hear("你是机器人吗", "bot_challenge", **aside)).slots["reminder"] == "short"
    again = await hear("你会做什么", "bot_challenge", **aside, reminder="short")
    assert (again.slots["reminder"], again.follows) == ("quiet", form)
    over = await hear("谢谢", "thanks", **aside, reminder="quiet")
    assert (over.slots["reminder"], over.follows) == ("short", form)

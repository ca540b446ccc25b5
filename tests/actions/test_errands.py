"""Errands against a backoffice that answers as the test says: which order, refusals, forms that begin."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from actions.cancelling import CancelSubmit
from actions.changes import CancelOrder, ModifyAddress, ModifyOrder
from actions.handoff import HumanHandoff
from actions.orders import OrderStatus, TrackShipment, UrgeShipment
from actions.registry import ERRANDS
from actions.returns import ExchangeRequest, ReturnRequest
from actions.service import EraseSubmit, PrivacyRequest
from actions.shipping import ContactInfo, DeliveryOptions
from actions.verify import VerifySubmit
from tests.actions.conftest import Backoffice, message, run

MEANT = "POST /api/orders/meant"
MakeOrder = Callable[..., dict[str, Any]]


async def test_several_orders_become_buttons_that_name_them(backoffice: Backoffice, order: MakeOrder) -> None:
    orders = [order("2611200000000001"), order("2611200000000002", "shipped")]
    backoffice.answers[MEANT] = (200, {"verdict": "many", "orders": orders, "reason": "several"})
    result = await run(OrderStatus(), message("我的订单", "order_status"))
    assert result.said == ["which_order"]
    assert [button["payload"] for button in result.buttons] == [
        f'/order_status{{"order_no": "{each["number"]}"}}' for each in orders
    ]
    assert "轻羽绒服" in result.buttons[1]["title"]
    assert result.buttons[1]["title"].endswith("运输中")


async def test_a_pressed_order_goes_on_with_what_was_said(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (
        200,
        {"verdict": "one", "orders": [order(can={"change_address": True})], "reason": "number"},
    )
    said = {"action": "action_modify_address", "text": "地址改成浙江省杭州市西湖区文三路90号"}
    chosen = message(
        '/modify_address{"order_no": "2611200000000001"}',
        "modify_address",
        entities={"order_no": "2611200000000001"},
        said=said,
    )
    result = await run(ModifyAddress(), chosen)
    assert json.loads(backoffice.asked[0].content)["text"] == "2611200000000001"
    assert result.slots["address_text"] == "浙江省杭州市西湖区文三路90号"
    assert result.follows == "address_form"


async def test_the_order_talked_about_is_told_to_the_backoffice(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order()], "reason": "before"})
    await run(OrderStatus(), message("它到哪了", "order_status", order_no="2611200000000001"))
    assert json.loads(backoffice.asked[0].content)["order_no"] == "2611200000000001"


async def test_a_visitor_is_asked_to_prove_the_order(backoffice: Backoffice) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "sign_in", "orders": [], "reason": "visitor"})
    result = await run(OrderStatus(), message("我的快递呢", "order_status"))
    assert result.follows == "verify_form"
    assert result.slots["resume"] == "action_order_status"
    assert result.said == []


async def test_a_wrong_guess_begins_again_and_tells_nothing(backoffice: Backoffice) -> None:
    backoffice.refuse("POST /api/orders/verify", 404, "order_not_found")
    tried = message(
        "1234", "order_status", verify_order="1", verify_last4="1234", resume="action_order_status"
    )
    result = await run(VerifySubmit(), tried)
    assert result.said == ["verify_failed"]
    assert result.follows == "verify_form"


@pytest.mark.parametrize(
    ("state", "form"), [("paid", "cancel_form"), ("unpaid", "cancel_form"), ("shipped", "intercept_form")]
)
async def test_cancel_asks_first(backoffice: Backoffice, order: MakeOrder, state: str, form: str) -> None:
    can = {"cancel": state != "shipped", "intercept": state == "shipped"}
    backoffice.answers[MEANT] = (
        200,
        {"verdict": "one", "orders": [order(state=state, can=can)], "reason": "only_fitting"},
    )
    result = await run(CancelOrder(), message("不要了", "cancel_order"))
    assert result.follows == form
    assert [request.url.path for request in backoffice.asked] == ["/api/orders/meant"]


async def test_an_order_shipped_meanwhile_is_offered_to_be_intercepted(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.refuse("POST /api/orders/1/cancel", 409, "order_shipped", intercept_possible=True)
    backoffice.answers["GET /api/orders/1"] = (200, order("1", "shipped", can={"intercept": True}))
    result = await run(CancelSubmit(), message("确认", "affirm", order_no="1"))
    assert result.follows == "intercept_form"


async def test_the_state_chooses_urging_or_telling(backoffice: Backoffice, order: MakeOrder) -> None:
    backoffice.answers[MEANT] = (
        200,
        {"verdict": "one", "orders": [order(state="cancelled")], "reason": "only_fitting"},
    )
    result = await run(UrgeShipment(), message("快点发货", "urge_shipment"))
    assert result.said == ["order_cancelled"]


async def test_the_other_questions_of_a_message_are_answered_too(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order()], "reason": "only_fitting"})
    backoffice.answers["GET /api/knowledge"] = (
        200,
        {"articles": [{"slug": "a", "title": "b", "answer": "c", "score": 99}]},
    )
    also = [{"intent": "contact_info", "text": "顺丰电话多少", "confidence": 0.9}]
    asked = message("到哪了？顺丰电话多少", "order_status", also_asked=also)
    assert (await run(OrderStatus(), asked)).said == ["order_paid", "article"]


async def test_a_question_in_a_form_is_answered_and_the_form_goes_on(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order()], "reason": "only_fitting"})
    result = await run(OrderStatus(), message("到哪了", "order_status", form="cancel_form"))
    assert result.said == ["order_paid"]
    assert result.follows == "cancel_form"


async def test_another_question_ends_a_form_that_only_narrows_one(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order()], "reason": "only_fitting"})
    result = await run(OrderStatus(), message("到哪了", "order_status", form="size_form"))
    assert result.follows is None
    assert result.slots["requested_slot"] is None


async def test_a_stale_turn_says_nothing(backoffice: Backoffice) -> None:
    backoffice.refuse("POST /api/orders/1/cancel", 409, "stale_turn")
    assert (await run(CancelSubmit(), message("确认", "affirm", order_no="1"))).said == []


async def test_a_handoff_says_nothing_itself(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/handoff"] = (200, {"position": 1, "waiting": 1})
    assert (await run(HumanHandoff(), message("转人工", "human_handoff"))).said == []


async def test_only_a_privacy_wish_is_filed_as_one(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/cases"] = (201, {"number": "C1"})
    assert (await run(PrivacyRequest(), message("发个消息给我", "privacy_request"))).said == [
        "privacy_unclear"
    ]
    assert not backoffice.asked
    stop = message("别再给我发短信了", "privacy_request")
    assert (await run(PrivacyRequest(), stop)).said == ["case_privacy"]


@pytest.mark.parametrize("text", ["我要注销账号", "把我的个人信息都删了", "清空我的浏览记录", "我要销户"])
async def test_nothing_is_deleted_without_a_yes(backoffice: Backoffice, text: str) -> None:
    asked = await run(PrivacyRequest(), message(text, "privacy_request"))
    assert asked.follows == "erase_form"
    assert not backoffice.asked
    backoffice.answers["POST /api/cases"] = (201, {"number": "C1"})
    yes = message("确认", "affirm", **asked.slots)
    assert (await run(EraseSubmit(), yes)).said == ["case_privacy"]
    assert json.loads(backoffice.asked[-1].content)["text"] == text


async def test_how_far_an_exchange_is_is_told_not_begun(backoffice: Backoffice) -> None:
    mine = {"number": "R1", "kind": "exchange", "kind_label": "换货", "state": "approved"}
    mine |= {"state_label": "待取件", "order_number": "2611200000000001", "item": "跑鞋"}
    backoffice.answers["GET /api/returns"] = (200, {"returns": [mine]})
    assert (await run(ExchangeRequest(), message("换的那个呢", "exchange_request"))).said == [
        "progress_exchange"
    ]


async def test_nothing_is_promised_abroad(backoffice: Backoffice) -> None:
    asked = message("香港能送吗", "delivery_options", entities={"place": "香港"})
    assert (await run(DeliveryOptions(), asked)).said == ["no_delivery_abroad"]


@pytest.mark.parametrize("errand", ERRANDS, ids=lambda errand: errand.name())
async def test_every_errand_is_honest_when_the_backoffice_is_away(
    backoffice: Backoffice, errand: Any
) -> None:
    class Away(dict[str, Any]):
        def __missing__(self, key: str) -> Any:
            return 503, {"code": "unavailable"}

    backoffice.answers = Away()
    slots = {
        "order_no": "1",
        "product_id": 1,
        "store_place": "杭州",
        "case_kind": "complaint",
        "case_text": "x",
    }
    slots |= {"address_text": "x", "invoice_kind": "personal", "invoice_title": "x", "verify_order": "1"}
    slots |= {"return_line": 1, "exchange_line": 1, "verify_last4": "1234", "undo_number": None}
    intent = errand.title if errand.title != "fallback" else "nlu_fallback"
    result = await run(errand, message("衣服有问题我想问一下你们这个怎么办", intent, **slots))
    assert result.said
    if backoffice.asked:
        assert result.said[-1] == "unreachable"


@pytest.mark.parametrize(("state", "said"), [("paid", "note_before"), ("shipped", "note_shipped")])
async def test_a_note_is_no_change_of_colour(
    backoffice: Backoffice, order: MakeOrder, state: str, said: str
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order(state=state)], "reason": "only"})
    assert (await run(ModifyOrder(), message("能加备注不", "modify_order"))).said == [said]


async def test_the_couriers_number_is_read_out_of_the_tracking(
    backoffice: Backoffice, order: MakeOrder
) -> None:
    event = {"at": "2026-11-20T08:00:00Z", "text": "派送中，快递员李师傅正在为您派送，电话 15412345678"}
    parcel = {
        "carrier_label": "顺丰",
        "number": "SF1",
        "state": "x",
        "state_label": "派送中",
        "events": [event],
    }
    shipped = order(state="shipped", shipments=[parcel])
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [shipped], "reason": "only"})
    asked = message("快递小哥电话给我", "contact_info")
    told = await run(ContactInfo("contact_info"), asked)
    assert told.said == ["courier_phone"]
    assert "15412345678" in told.spoken[0]["event"]
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [order()], "reason": "only"})
    backoffice.answers["GET /api/knowledge"] = (
        200,
        {"articles": [{"slug": "a", "title": "b", "answer": "c", "score": 99}]},
    )
    assert (await run(ContactInfo("contact_info"), asked)).said == ["article"]


@pytest.mark.parametrize(("text", "said"), [("这个能退吗", ["returnable_later"]), ("我要退货", [])])
async def test_whether_it_can_be_returned_before_it_came_is_only_a_question(
    backoffice: Backoffice, order: MakeOrder, text: str, said: list[str]
) -> None:
    shipped = order(state="shipped", can={"intercept": True})
    backoffice.answers[MEANT] = (200, {"verdict": "one", "orders": [shipped], "reason": "before"})
    assert (await run(ReturnRequest(), message(text, "return_request"))).said == said


@pytest.mark.parametrize(
    ("reason", "said"), [("only_fitting", "parcel_not_found"), ("parcel", "which_order")]
)
async def test_a_parcel_of_no_order_is_not_taken_for_another(
    backoffice: Backoffice, order: MakeOrder, reason: str, said: str
) -> None:
    both = {"verdict": "many", "orders": [order("1"), order("2")], "reason": reason}
    backoffice.answers[MEANT] = (200, both)
    asked = message("查一下YT8812345678901", "track_shipment", entities={"tracking_no": "YT8812345678901"})
    assert (await run(TrackShipment(), asked)).said == [said]


async def test_an_order_that_a_person_named_wrongly_is_forgotten(
    backoffice: Backoffice,
) -> None:
    """Only the order talked about before is unknown, not one that the message names."""
    backoffice.answers[MEANT] = (200, {"verdict": "unknown_number", "orders": [], "reason": "number"})
    result = await run(OrderStatus(), message("我的订单呢", "order_status", order_no="9"))
    assert result.said == ["order_not_found"]
    before = [json.loads(request.content)["order_no"] for request in backoffice.asked]
    assert before == ["9", None]


async def test_a_visitor_proves_the_order_talked_about_without_its_number(
    backoffice: Backoffice,
) -> None:
    backoffice.answers[MEANT] = (200, {"verdict": "sign_in", "orders": [], "reason": "number"})
    result = await run(OrderStatus(), message("那个订单呢", "order_status", order_no="2611200000000001"))
    assert result.follows == "verify_form"
    assert result.slots["verify_order"] == "2611200000000001"

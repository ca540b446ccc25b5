"""What a form takes for a yes, a no, a change of mind, an answer, or something else."""

from typing import Any

import pytest
from rasa_sdk.executor import CollectingDispatcher

from actions.cancelling import CancelForm, InterceptForm
from actions.changes import AddressForm, UndoForm
from actions.invoices import InvoiceForm
from actions.return_form import ReturnForm
from actions.returns import ExchangeForm
from actions.service import CaseForm
from actions.turn import Turn
from tests.actions.conftest import Backoffice, message, run

pytestmark = pytest.mark.usefixtures("backoffice")

YES, NO, ELSE = "yes", "no", "else"
REASONS = ["unwanted", "size", "other", "defective", "damaged", "wrong_item", "missing"]
LINES = [
    {
        "line_id": 1,
        "reasons": REASONS,
        "name": "高腰直筒牛仔裤",
        "variant": "浅蓝 / M",
        "quantity": 1,
        "amount_fen": 21900,
        "choices": [
            {"sku_id": 11, "colour": "浅蓝", "size": "M", "available": 5},
            {"sku_id": 12, "colour": "浅蓝", "size": "L", "available": 5},
            {"sku_id": 13, "colour": "深蓝", "size": "L", "available": 0},
        ],
    },
    {
        "line_id": 2,
        "reasons": REASONS,
        "name": "羊毛混纺圆领毛衣",
        "variant": "驼色 / S",
        "quantity": 1,
        "amount_fen": 25900,
    },
]


@pytest.mark.parametrize(
    ("text", "intent", "meaning"),
    [
        ("确认", "affirm", YES),
        ("好的", "affirm", YES),
        ("嗯嗯", "nlu_fallback", YES),
        ("取消吧", "cancel_order", YES),
        ("/affirm", "affirm", YES),
        ("不要", "deny", NO),
        ("/deny", "deny", NO),
        ("算了", "deny", NO),
        ("不取消了", "undo_request", NO),
        ("先不弄了", "deny", NO),
        ("取消后多久到账", "refund_status", ELSE),
        ("取消要收钱吗", "cancel_order", ELSE),
        ("可以吗", "affirm", ELSE),
        ("取消双肩包那单", "cancel_order", ELSE),
        ("好的，那取消另外那一单", "cancel_order", ELSE),
        ("转人工", "human_handoff", ELSE),
        ("算了还是换货吧", "exchange_request", ELSE),
    ],
)
async def test_only_a_clear_yes_cancels(text: str, intent: str, meaning: str) -> None:
    asked = message(text, intent, form="cancel_form", requested_slot="cancel_confirm")
    slots = (await run(CancelForm(), asked)).slots
    assert {YES: slots.get("cancel_confirm"), NO: slots.get("stopped"), ELSE: not slots}[meaning] is True
    assert (slots.get("cancel_confirm") is True) == (meaning == YES)


async def test_taking_back_a_return_is_not_asking_for_one() -> None:
    asked = message("不用撤了", "deny", form="undo_form", requested_slot="undo_confirm")
    assert (await run(UndoForm(), asked)).slots["stopped"] is True


async def test_a_form_that_goes_on_after_an_answer_hears_nothing_twice() -> None:
    tracker = message("确认", "affirm", form="cancel_form", requested_slot="cancel_confirm")
    tracker.events.insert(1, {"event": "action", "name": "action_greet"})
    assert (await run(CancelForm(), tracker)).slots == {}


@pytest.mark.parametrize(
    ("slots", "text", "intent", "entities", "expected"),
    [
        ({"requested_slot": "return_reason"}, "大了", "size_advice", {}, {"return_reason": "size"}),
        (
            {"requested_slot": "return_reason"},
            "起球了",
            "damaged_or_defective",
            {},
            {"return_reason": "defective"},
        ),
        (
            {"requested_slot": "return_reason"},
            "/affirm",
            "affirm",
            {"reason": "other"},
            {"return_reason": "other"},
        ),
        ({"requested_slot": "return_reason"}, "快递到哪了", "track_shipment", {}, {}),
        ({"requested_slot": "return_line"}, "毛衣那件", "chitchat", {}, {"return_line": 2}),
        ({"requested_slot": "return_line"}, "/affirm", "affirm", {"line": 1}, {"return_line": 1}),
        ({"requested_slot": "return_line"}, "/affirm", "affirm", {"line": 99}, {}),
        (
            {"requested_slot": "return_confirm", "return_reason": "size"},
            "不对 是质量问题",
            "damaged_or_defective",
            {},
            {"return_reason": "defective"},
        ),
        ({"requested_slot": "return_confirm", "return_reason": "size"}, "不退", "undo_request", {}, {}),
    ],
)
async def test_return_answers(
    slots: dict[str, Any], text: str, intent: str, entities: dict[str, Any], expected: dict[str, Any]
) -> None:
    asked = message(text, intent, form="return_form", entities=entities, lines=LINES, **slots)
    heard = (await run(ReturnForm(), asked)).slots
    assert {name: heard.get(name) for name in expected} == expected
    assert heard.get("return_confirm") is None
    assert bool(heard) == bool(expected)


async def test_an_exchange_that_becomes_a_return_is_left_to_the_rules() -> None:
    asking = {"form": "exchange_form", "requested_slot": "exchange_line", "lines": LINES}
    assert (await run(ExchangeForm(), message("毛衣还是退了吧", "return_request", **asking))).slots == {}


@pytest.mark.parametrize(
    ("text", "entities", "sku"),
    [
        ("大一码", {}, 12),
        ("L码", {"size": "L"}, 12),
        ("小一码", {}, None),
        ("深蓝L", {"colour": "深蓝", "size": "L"}, None),
    ],
)
async def test_exchange_takes_only_what_is_there(
    text: str, entities: dict[str, Any], sku: int | None
) -> None:
    asked = message(
        text,
        "exchange_request",
        form="exchange_form",
        requested_slot="exchange_sku",
        exchange_line=1,
        lines=LINES,
        entities=entities,
    )
    result = await run(ExchangeForm(), asked)
    assert result.slots["exchange_sku"] == sku
    assert result.said == ([] if sku else ["exchange_not_available"])


@pytest.mark.parametrize(
    ("requested", "text", "intent", "entities", "expected"),
    [
        ("invoice_kind", "公司", "invoice_request", {}, {"invoice_kind": "company"}),
        ("invoice_kind", "个人的", "chitchat", {}, {"invoice_kind": "personal", "invoice_tax_number": ""}),
        (
            "invoice_kind",
            "杭州好买科技有限公司",
            "chitchat",
            {},
            {"invoice_kind": "company", "invoice_title": "杭州好买科技有限公司"},
        ),
        ("invoice_title", "抬头写张三", "invoice_request", {}, {"invoice_title": "张三"}),
        (
            "invoice_title",
            "好买科技公司 税号91330106MA27ABCD5L",
            "invoice_request",
            {"tax_no": "91330106MA27ABCD5L"},
            {"invoice_title": "好买科技公司", "invoice_tax_number": "91330106MA27ABCD5L"},
        ),
        (
            "invoice_title",
            "企业",
            "invoice_request",
            {},
            {"invoice_kind": "company", "invoice_title": "missing"},
        ),
        (
            "invoice_tax_number",
            "好买科技公司 税号91330106MA27ABCD5L",
            "invoice_request",
            {"tax_no": "91330106MA27ABCD5L"},
            {"invoice_title": "好买科技公司", "invoice_tax_number": "91330106MA27ABCD5L"},
        ),
        ("invoice_title", "12345", "nlu_fallback", {}, {}),
        ("invoice_title", "快递到哪了", "track_shipment", {}, {}),
        (
            "invoice_tax_number",
            "91330106MA27ABCD5L",
            "nlu_fallback",
            {"tax_no": "91330106MA27ABCD5L"},
            {"invoice_tax_number": "91330106MA27ABCD5L"},
        ),
        ("invoice_tax_number", "123", "nlu_fallback", {}, {"invoice_tax_number": None}),
        ("invoice_email", "不用", "deny", {}, {"invoice_email": ""}),
        ("invoice_email", "a@b.cn", "nlu_fallback", {"email": "a@b.cn"}, {"invoice_email": "a@b.cn"}),
        ("invoice_confirm", "抬头改成李四", "invoice_request", {}, {"invoice_title": "李四"}),
        ("invoice_confirm", "对", "affirm", {}, {"invoice_confirm": True}),
    ],
)
async def test_invoice_answers(
    requested: str, text: str, intent: str, entities: dict[str, Any], expected: dict[str, Any]
) -> None:
    asked = message(text, intent, form="invoice_form", requested_slot=requested, entities=entities)
    heard = (await run(InvoiceForm(), asked)).slots
    assert {name: heard.get(name, "missing") for name in expected} == expected
    assert bool(heard) == bool(expected)


@pytest.mark.parametrize(
    ("requested", "text", "intent", "entities", "expected"),
    [
        (
            "address_text",
            "浙江省杭州市西湖区文三路90号",
            "modify_address",
            {},
            {"address_text": "浙江省杭州市西湖区文三路90号"},
        ),
        ("address_text", "运费多少", "shipping_fee", {}, {}),
        (
            "address_text",
            "13812345678",
            "modify_address",
            {"phone": "13812345678"},
            {"address_text": "13812345678"},
        ),
        (
            "address_confirm",
            "不对 是13912345679",
            "deny",
            {"phone": "13912345679"},
            {"address_text": "13912345679"},
        ),
        (
            "address_text",
            "我要投诉，住在北京市朝阳区望京街道10号，电话13800001234",
            "complaint",
            {"phone": "13800001234"},
            {},
        ),
        ("address_confirm", "不对", "deny", {}, {"address_text": None}),
        ("address_text", "不是 我是说送到公司", "chitchat", {}, {}),
        ("address_text", "人呢", "nudge", {}, {}),
        ("address_text", "李雷", "chitchat", {}, {"address_text": "李雷"}),
        (
            "address_text",
            "改成公司 上海市静安区南京西路1266号",
            "modify_address",
            {},
            {"address_text": "上海市静安区南京西路1266号"},
        ),
        ("address_confirm", "/deny", "deny", {"again": "yes"}, {"address_text": None}),
        ("address_confirm", "对", "affirm", {}, {"address_confirm": True}),
        ("address_confirm", "不改了", "deny", {}, {"stopped": True}),
    ],
)
async def test_address_answers(
    requested: str, text: str, intent: str, entities: dict[str, Any], expected: dict[str, Any]
) -> None:
    asked = message(text, intent, form="address_form", requested_slot=requested, entities=entities)
    heard = (await run(AddressForm(), asked)).slots
    assert {name: heard.get(name, "missing") for name in expected} == expected
    assert bool(heard) == bool(expected)


@pytest.mark.parametrize(
    ("before", "text", "phone", "expected"),
    [
        ("北京市朝阳区望京路10号", "电话是13912345679", "13912345679", "北京市朝阳区望京路10号，13912345679"),
        (
            "北京市朝阳区望京路10号，13800001234",
            "电话改成13912345679",
            "13912345679",
            "北京市朝阳区望京路10号，13912345679",
        ),
        ("北京市朝阳区望京路10号", "收货人改成李雷", None, "北京市朝阳区望京路10号，收货人改成李雷"),
        ("13800001234", "13912345679", "13912345679", "13912345679"),
        ("文三路90号", "杭州市西湖区的", None, "杭州市西湖区文三路90号"),
        ("杭州市西湖区", "文三路90号", None, "杭州市西湖区文三路90号"),
        ("杭州市西湖区文三路90号", "文一路8号3幢", None, "杭州市西湖区文一路8号3幢"),
        (
            "杭州市西湖区文三路90号，李雷",
            "浙江省杭州市余杭区良渚街道1号",
            None,
            "浙江省杭州市余杭区良渚街道1号，李雷",
        ),
    ],
)
async def test_a_phone_told_after_the_address_keeps_it(
    before: str, text: str, phone: str | None, expected: str
) -> None:
    asked = message(
        text,
        "modify_address",
        form="address_form",
        requested_slot="address_confirm",
        address_text=before,
        entities={"phone": phone} if phone else {},
    )
    assert (await run(AddressForm(), asked)).slots["address_text"] == expected


@pytest.mark.parametrize(
    ("text", "intent", "confirmed"),
    [
        ("取消吧", "cancel_order", True),
        ("帮我取消订单", "cancel_order", True),
        ("取消咖啡豆", "cancel_order", None),
    ],
)
async def test_only_the_bare_wish_said_again_confirms(text: str, intent: str, confirmed: bool | None) -> None:
    asked = message(text, intent, form="cancel_form", requested_slot="cancel_confirm")
    assert (await run(CancelForm(), asked)).slots.get("cancel_confirm") is confirmed


async def test_a_tax_number_of_letters_is_wrong_and_asked_again() -> None:
    asked = message(
        "9133",
        "order_status",
        form="invoice_form",
        requested_slot="invoice_tax_number",
        invoice_kind="company",
    )
    result = await run(InvoiceForm(), asked)
    assert result.said == ["tax_number_wrong"]
    assert result.slots["invoice_tax_number"] is None


async def test_what_happened_is_taken_as_it_is_told() -> None:
    told = "你们发错货了还一直不给我处理真的很过分"
    asked = message(told, "missing_or_wrong_item", form="case_form", requested_slot="case_text")
    assert (await run(CaseForm(), asked)).slots == {"case_text": told}


async def test_when_it_will_be_settled_is_no_complaint() -> None:
    asked = message("多长时间解决", "complaint", form="case_form", requested_slot="case_text")
    assert not (await run(CaseForm(), asked)).slots


async def test_a_person_is_never_swallowed_by_a_form() -> None:
    asked = message(
        "我要找人工客服给我处理这件事情", "human_handoff", form="case_form", requested_slot="case_text"
    )
    assert (await run(CaseForm(), asked)).slots == {}


async def test_nothing_is_heard_when_a_form_begins(backoffice: Backoffice) -> None:
    asked = message("取消", "cancel_order", form="cancel_form", requested_slot=None)
    assert (await run(CancelForm(), asked)).slots == {}


async def test_not_to_cancel_after_all_stops_nothing() -> None:
    told = message("算了不取消了", "undo_request", form="intercept_form", requested_slot="intercept_confirm")
    assert InterceptForm().dropped(Turn("validate_intercept_form", CollectingDispatcher(), told))


@pytest.mark.parametrize(
    ("text", "intent", "heard"),
    [
        ("好的", "affirm", {"reminder": "short"}),
        ("拦截", "cancel_order", {"reminder": None, "intercept_confirm": True}),
        ("/affirm", "affirm", {"reminder": None, "intercept_confirm": True}),
        ("不用了", "deny", {"stopped": True, "requested_slot": None}),
    ],
)
async def test_a_bare_yes_long_after_the_question_is_asked_for_again(
    text: str, intent: str, heard: dict[str, Any]
) -> None:
    asked = message(text, intent, form="intercept_form", requested_slot="intercept_confirm", reminder="quiet")
    assert (await run(InterceptForm(), asked)).slots == heard

"""What goes back or is claimed: which pieces, the terms told before the last yes, photos, stores."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from rasa_sdk.interfaces import Action

from actions.registry import BY_TITLE
from actions.return_form import AskReason, AskTerms, AskWay, ReturnForm, ReturnSubmit
from tests.actions.conftest import Backoffice, Result, message, run

NUMBER = "2611200000000001"
RETURNS = f"POST /api/orders/{NUMBER}/returns"
PREVIEW = f"{RETURNS}/preview"
EVERY_REASON = ["unwanted", "size", "other", "defective", "damaged", "wrong_item", "missing"]
SOCKS = {"line_id": 1, "name": "棉袜", "variant": "白色", "quantity": 3, "amount_fen": 5900}
JUMPER = {"line_id": 2, "name": "圆领毛衣", "variant": "米白 / M", "quantity": 1, "amount_fen": 19900}
TERMS = {
    "amount_fen": 19100,
    "postage": "deducted",
    "postage_label": "上门取件费从退款中扣除",
    "postage_fen": 800,
    "goods_back": True,
    "pickup_at": "2026-11-28T02:00:00Z",
}
MakeOrder = Callable[..., dict[str, Any]]


def lines(*which: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"reasons": EVERY_REASON} | line for line in which]


@pytest.fixture
def begun(backoffice: Backoffice, order: MakeOrder) -> Callable[..., Any]:
    """What an errand begins with a delivered order of some lines."""

    async def begin(errand: Action, text: str, intent: str, *bought: dict[str, Any], **slots: Any) -> Result:
        delivered = order(state="delivered", city="杭州市")
        meant = {"verdict": "one", "orders": [delivered], "reason": "only_fitting"}
        backoffice.answers["POST /api/orders/meant"] = (200, meant)
        backoffice.answers[f"GET /api/orders/{NUMBER}"] = (200, delivered)
        left = {"lines": lines(*bought), "eligible": True, "reason": "ok"}
        backoffice.answers[f"GET /api/orders/{NUMBER}/returnable"] = (200, left)
        return await run(errand, message(text, intent, **slots))

    return begin


def in_form(text: str, intent: str, asked: str, slots: dict[str, Any], **entities: Any) -> Any:
    filled = slots | {"order_no": NUMBER, "requested_slot": asked}
    return message(text, intent, form="return_form", entities=entities, **filled)


def last_body(backoffice: Backoffice) -> Any:
    return json.loads(backoffice.asked[-1].content)


def sent_back(kind: str = "return", **fields: Any) -> dict[str, Any]:
    return {
        "number": "R1",
        "kind": kind,
        "kind_label": "退货",
        "state": "approved",
        "state_label": "已通过",
        "order_number": NUMBER,
        "item": "x",
        **fields,
    }


@pytest.mark.parametrize(
    ("text", "intent", "reason", "said"),
    [
        ("毛衣破了个洞", "damaged_or_defective", "damaged", "sorry_damaged"),
        ("毛衣起球了", "damaged_or_defective", "defective", "sorry_defective"),
        ("毛衣没收到 少发了", "missing_or_wrong_item", "missing", "sorry_missing"),
        ("毛衣发错了", "missing_or_wrong_item", "wrong_item", "sorry_wrong_item"),
        ("毛衣不对", "missing_or_wrong_item", None, "sorry_unclear"),
    ],
)
async def test_something_wrong_begins_a_claim_with_what_is_known(
    begun: Any, text: str, intent: str, reason: str | None, said: str
) -> None:
    claim = await begun(BY_TITLE[intent], text, intent, SOCKS, JUMPER)
    assert (claim.said, claim.follows) == ([said], "return_form")
    known = ("return_kind", "return_line", "return_quantity", "return_reason", "return_confirm")
    assert [claim.slots[name] for name in known] == ["claim", 2, 1, reason, None]


async def test_what_is_wrong_is_asked_by_buttons(begun: Any) -> None:
    claim = await begun(BY_TITLE["missing_or_wrong_item"], "毛衣不对", "missing_or_wrong_item", JUMPER)
    asked = await run(AskReason(), in_form("x", "affirm", "return_reason", claim.slots))
    assert [each["title"] for each in asked.buttons] == ["少件/漏发", "发错货", "收到时破损", "质量问题"]
    tired = claim.slots | {"return_kind": "return", "lines": [JUMPER | {"reasons": ["defective"]}]}
    late = await run(AskReason(), in_form("x", "affirm", "return_reason", tired))
    assert [each["title"] for each in late.buttons] == ["质量问题"]


async def test_one_line_of_several_is_asked_for(begun: Any) -> None:
    asked = await begun(BY_TITLE["return_request"], "我要退货", "return_request", SOCKS, JUMPER)
    assert (asked.slots["return_line"], len(asked.slots["choices"])) == (None, 2)


@pytest.mark.parametrize(
    ("text", "entities", "pieces"),
    [
        ("2件", {"quantity": 2}, 2),
        ("2", {}, 2),
        ("全部", {}, 3),
        ("/affirm", {"quantity": 3}, 3),
        ("5件", {"quantity": 5}, None),
        ("0", {}, None),
    ],
)
async def test_of_several_pieces_so_many_go_back(
    backoffice: Backoffice, begun: Any, text: str, entities: dict[str, Any], pieces: int | None
) -> None:
    asked = await begun(BY_TITLE["return_request"], "我要退袜子", "return_request", SOCKS)
    assert asked.slots["return_quantity"] is None
    assert [each["title"] for each in asked.slots["choices"]] == ["1 件", "2 件", "全部 3 件"]
    told = in_form(text, "affirm", "return_quantity", asked.slots, **entities)
    heard = (await run(ReturnForm(), told)).slots
    assert heard.get("return_quantity") == pieces
    backoffice.answers[PREVIEW] = (200, TERMS)
    ready = asked.slots | heard | {"return_reason": "size"}
    if pieces:
        await run(AskTerms(), in_form("x", "affirm", "return_confirm", ready))
        assert last_body(backoffice)["lines"] == [{"line_id": 1, "quantity": pieces}]


async def test_pieces_named_at_once_are_not_asked(begun: Any) -> None:
    asked = await begun(
        BY_TITLE["return_request"], "退两双棉袜", "return_request", SOCKS, JUMPER, entities={"quantity": 2}
    )
    assert (asked.slots["return_line"], asked.slots["return_quantity"]) == (1, 2)


async def test_the_terms_are_told_before_the_last_yes(backoffice: Backoffice, begun: Any) -> None:
    asked = await begun(BY_TITLE["return_request"], "毛衣不喜欢 退了", "return_request", JUMPER)
    backoffice.answers[PREVIEW] = (200, TERMS)
    told = await run(AskTerms(), in_form("x", "affirm", "return_confirm", asked.slots))
    assert told.said == ["choose_return_confirm"]
    assert told.spoken[0]["amount"] == "¥191"
    assert told.spoken[0]["terms"] == "快递员预计11月28日 10:00起上门取件，上门取件费从退款中扣除（¥8）。"
    assert [each["title"] for each in told.buttons] == ["确认退货", "改送门店", "先不退"]
    assert last_body(backoffice) == {
        "lines": [{"line_id": 2, "quantity": 1}],
        "kind": "return",
        "reason": "unwanted",
        "store_id": None,
    }
    backoffice.answers[RETURNS] = (200, sent_back())
    done = await run(ReturnSubmit(), in_form("/affirm", "affirm", "return_confirm", asked.slots))
    assert done.said == ["return_done"]
    assert last_body(backoffice)["detail"] == "毛衣不喜欢 退了"


async def test_what_never_came_is_claimed_without_sending_anything(
    backoffice: Backoffice, begun: Any
) -> None:
    asked = await begun(BY_TITLE["return_request"], "少发了毛衣 退钱", "return_request", JUMPER)
    kept = TERMS | {"goods_back": False, "postage": "none", "postage_fen": 0, "pickup_at": None}
    backoffice.answers[PREVIEW] = (200, kept | {"shipping_fen": 1000})
    told = await run(AskTerms(), in_form("x", "affirm", "return_confirm", asked.slots))
    assert last_body(backoffice)["kind"] == "claim"
    assert told.said == ["choose_claim_confirm"]
    assert told.spoken[0]["terms"] == "商品不用寄回。退款里有首次运费 ¥10。"
    assert [each["title"] for each in told.buttons] == ["确认申请", "先不申请"]
    backoffice.answers[RETURNS] = (200, sent_back("claim"))
    done = await run(ReturnSubmit(), in_form("/affirm", "affirm", "return_confirm", asked.slots))
    assert done.said == ["claim_done"]


async def test_a_claim_that_needs_photos_goes_to_people_or_is_a_return(
    backoffice: Backoffice, begun: Any
) -> None:
    claim = await begun(BY_TITLE["damaged_or_defective"], "毛衣破了", "damaged_or_defective", JUMPER)
    backoffice.answers[PREVIEW] = (200, TERMS | {"photos_required": 1})
    told = await run(AskTerms(), in_form("x", "affirm", "return_confirm", claim.slots))
    assert told.said == ["choose_claim_photos"]
    assert [each["title"] for each in told.buttons] == ["转人工发照片", "直接退货", "申请换货", "先不申请"]

    backoffice.refuse(RETURNS, 422, "photos_required", needed=1)
    backoffice.answers["POST /api/handoff"] = (200, {"position": 1, "waiting": 1})
    yes = in_form("/affirm", "affirm", "return_confirm", claim.slots)
    assert (await run(ReturnSubmit(), yes)).said == []
    assert last_body(backoffice) == {"reason": "claim_photos"}

    for text, entities in (("/affirm", {"kind": "return"}), ("那还是退货吧", {})):
        instead = in_form(text, "return_request", "return_confirm", claim.slots, **entities)
        heard = (await run(ReturnForm(), instead)).slots
        assert heard == {"return_kind": "return"}
    backoffice.answers[PREVIEW] = (200, TERMS)
    told = await run(AskTerms(), in_form("x", "affirm", "return_confirm", claim.slots | heard))
    assert (told.said, last_body(backoffice)["kind"]) == (["choose_return_confirm"], "return")


async def test_they_can_be_brought_to_a_store(backoffice: Backoffice, begun: Any) -> None:
    asked = await begun(BY_TITLE["return_request"], "毛衣不喜欢 退了", "return_request", JUMPER)
    place = {"address": "x", "latitude": 30.2, "longitude": 120.1, "hours": "10:00-22:00"}
    near = [{"id": 7, "name": "西湖店", **place}, {"id": 9, "name": "滨江店", **place}]
    backoffice.answers["GET /api/stores"] = (200, {"stores": near, "understood_place": "杭州市"})
    for text, entities in (("/affirm", {"way": "store"}), ("我自己送门店", {})):
        wish = in_form(text, "affirm", "return_confirm", asked.slots, **entities)
        offered = asked.slots | (await run(ReturnForm(), wish)).slots
        assert offered["return_way"] is None
    which = await run(AskWay(), in_form("x", "affirm", "return_way", offered))
    assert [each["title"] for each in which.buttons] == ["西湖店", "滨江店", "上门取件"]
    for text, entities, store in (
        ("/affirm", {"way": 9}, 9),
        ("第一家", {}, 7),
        ("滨江", {"place": "滨江"}, 9),
        ("还是上门吧", {}, None),
    ):
        answer = in_form(text, "affirm", "return_way", offered, **entities)
        assert (await run(ReturnForm(), answer)).slots["return_way"]["id"] == store
    assert not (await run(ReturnForm(), in_form("/affirm", "affirm", "return_way", offered, way=8))).slots
    chosen = offered | {"return_way": {"id": 9, "name": "滨江店"}}
    brought = {"amount_fen": 19900, "postage": "none", "postage_label": "不用寄件", "goods_back": True}
    backoffice.answers[PREVIEW] = (200, brought)
    told = await run(AskTerms(), in_form("x", "affirm", "return_confirm", chosen))
    assert (told.spoken[0]["terms"], last_body(backoffice)["store_id"]) == ("商品送到滨江店，不用付运费。", 9)
    assert told.buttons[1]["title"] == "上门取件"

    backoffice.answers["GET /api/stores"] = (200, {"stores": []})
    wish = in_form("/affirm", "affirm", "return_confirm", asked.slots, way="store")
    nowhere = await run(ReturnForm(), wish)
    assert (nowhere.said, nowhere.slots) == (["no_store_to_drop"], {"return_confirm": None})


async def test_everything_that_can_go_back_goes_in_one_case(backoffice: Backoffice, begun: Any) -> None:
    food = SOCKS | {"line_id": 3, "name": "牛肉干", "reasons": ["defective"]}
    asked = await begun(BY_TITLE["return_request"], "都退了吧 不喜欢", "return_request", JUMPER, food, SOCKS)
    assert asked.slots["return_line"] == "all"
    backoffice.answers[RETURNS] = (200, sent_back())
    done = await run(ReturnSubmit(), in_form("确认", "affirm", "return_confirm", asked.slots))
    assert done.said == ["return_done"]
    assert done.spoken[0]["item"] == "圆领毛衣（米白 / M）、棉袜（白色） 3 件"
    assert last_body(backoffice)["lines"] == [{"line_id": 2, "quantity": 1}, {"line_id": 1, "quantity": 3}]


@pytest.mark.parametrize(
    ("code", "said"),
    [("not_returnable", ["not_returnable_expired"]), ("slow_down", ["refused"]), ("stale_turn", [])],
)
async def test_terms_that_are_refused_end_the_form(
    backoffice: Backoffice, begun: Any, code: str, said: list[str]
) -> None:
    asked = await begun(BY_TITLE["return_request"], "毛衣不喜欢 退了", "return_request", JUMPER)
    backoffice.refuse(PREVIEW, 409, code, reason="expired")
    told = await run(AskTerms(), in_form("x", "affirm", "return_confirm", asked.slots))
    assert told.said == said
    assert told.slots == {"stopped": "silent", "requested_slot": None}


async def test_a_claim_is_called_what_it_is(backoffice: Backoffice) -> None:
    mine = sent_back("claim", kind_label="售后赔付")
    backoffice.answers["GET /api/returns"] = (200, {"returns": [mine]})
    told = await run(BY_TITLE["aftersale_progress"], message("售后到哪一步了", "aftersale_progress"))
    assert (told.said, told.spoken[0]["kind"]) == (["progress_return"], "售后赔付")

"""Answers from the knowledge base and from products, against a backoffice that answers as the test says."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from actions import wording
from actions.catalog import PriceInquiry, ProductInquiry, PromotionInquiry, StockInquiry
from actions.context import InContext
from actions.invoices import InvoiceRequest
from actions.knowledge import Knowledge
from actions.registry import BY_TITLE
from actions.service import Feedback
from actions.sizes import SizeAdvice
from actions.suggestions import NotUnderstoodOrBudget, RecommendProduct
from tests.actions.conftest import Backoffice, message, run

FOUND = "GET /api/knowledge"
ARTICLE = {"slug": "return-opened", "title": "拆封还能退吗", "answer": "能。", "url": "/page", "score": 60}
GENERAL = {"slug": "return-policy", "title": "退货规则", "answer": "七天。", "url": "/page", "score": 0}


async def test_an_answer_shows_its_source_and_hears_that_it_does_not_help(backoffice: Backoffice) -> None:
    backoffice.answers[FOUND] = (200, {"articles": [ARTICLE], "near": [], "general": GENERAL})
    result = await run(Knowledge("warranty_repair"), message("拆了还能退吗", "return_policy"))
    assert result.said == ["article"]
    assert result.spoken[0]["custom"] == {
        "type": "article",
        "slug": "return-opened",
        "title": "拆封还能退吗",
        "url": "/page",
    }
    heard = json.loads(result.buttons[-1]["payload"].removeprefix("/feedback"))
    assert heard == {"kind": "unhelpful", "article": "return-opened", "question": "拆了还能退吗"}
    backoffice.answers["POST /api/knowledge/questions"] = (201, {"noted": True})
    backoffice.answers[FOUND] = (
        200,
        {
            "articles": [ARTICLE],
            "near": [GENERAL | {"score": 20}, GENERAL | {"slug": "far", "score": 9}],
            "general": None,
        },
    )
    pressed = await run(Feedback(), message("/feedback", "feedback", entities=heard))
    noted = next(each for each in backoffice.asked if each.method == "POST")
    assert json.loads(noted.content)["kind"] == "unhelpful"
    assert [each["title"] for each in pressed.buttons] == ["退货规则", "转人工"]


async def test_an_answer_hears_that_it_helps(backoffice: Backoffice) -> None:
    backoffice.answers[FOUND] = (200, {"articles": [ARTICLE], "near": [], "general": GENERAL})
    result = await run(Knowledge("warranty_repair"), message("拆了还能退吗", "return_policy"))
    heard = json.loads(result.buttons[-2]["payload"].removeprefix("/feedback"))
    assert heard == {"kind": "helpful", "article": "return-opened"}
    backoffice.answers["POST /api/knowledge/questions"] = (201, {"noted": True})
    pressed = await run(Feedback(), message("/feedback", "feedback", entities=heard))
    assert pressed.said == ["praised"]
    noted = json.loads(backoffice.asked[-1].content)
    assert (noted["kind"], noted["article"], noted["text"]) == ("helpful", "return-opened", "")


async def test_what_no_article_answers_gets_the_general_one_and_is_kept(backoffice: Backoffice) -> None:
    backoffice.answers[FOUND] = (200, {"articles": [], "near": [], "general": GENERAL})
    backoffice.refuse("POST /api/knowledge/questions", 409, "stale_turn")
    asked = message("能刻个名字再退吗", "return_policy")
    assert (await run(Knowledge("warranty_repair"), asked)).said == ["article_general"]
    backoffice.answers[FOUND] = (200, {"articles": [], "near": [], "general": None})
    assert (await run(Knowledge("warranty_repair"), asked)).said == ["no_article"]
    assert [each.method for each in backoffice.asked] == ["GET", "POST"] * 2


COAT = {"id": 7, "name": "轻羽绒服", "price_from_fen": 39900, "price_to_fen": 39900}
NOTHING_NAMED = (200, {"products": [], "colour": None, "size": None})


def fact_answers(*answers: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"answers": list(answers)}


async def test_a_question_about_this_is_about_the_order_talked_of(
    backoffice: Backoffice, order: Callable[..., dict[str, Any]]
) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["GET /api/orders/1"] = (200, order("1"))
    backoffice.answers["GET /api/products/1"] = (200, COAT | {"id": 1})
    proof = {"name": "洗涤", "value": "手洗"}
    backoffice.answers["POST /api/products/1/ask"] = fact_answers(
        {"label": "机洗", "verdict": "no", "says": "不能机洗", "facts": [proof]}
    )
    asked = message("这个能机洗吗", "product_inquiry", order_no="1", topic="order_status", product_id=99)
    result = await run(ProductInquiry(), asked)
    assert result.said == ["product_answer"]
    assert result.spoken[0]["answer"] == "不能机洗（洗涤：手洗）"
    assert (result.slots["product_id"], result.slots["shown"]) == (1, [1])


async def test_what_the_page_does_not_say_is_not_made_up(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["GET /api/products/7"] = (200, COAT)
    backoffice.answers[FOUND] = (200, {"articles": [], "near": [], "general": GENERAL})
    backoffice.answers["POST /api/knowledge/questions"] = (201, {"noted": True})
    backoffice.answers["POST /api/products/7/ask"] = fact_answers(
        {"label": "", "verdict": "unknown", "says": "", "facts": []}
    )
    result = await run(ProductInquiry(), message("会起静电吗", "product_inquiry", product_id=7))
    assert result.said == ["product_unknown"]
    assert result.buttons[0]["title"] == "转人工"


async def test_two_products_stand_side_by_side(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["GET /api/products/7"] = (200, COAT | {"facts": {"材质": "锦纶", "产地": "浙江"}})
    backoffice.answers["GET /api/products/8"] = (
        200,
        COAT | {"id": 8, "name": "风衣", "price_from_fen": 100, "facts": {"材质": "棉", "产地": "浙江"}},
    )
    asked = message("和那个有啥区别", "product_inquiry", product_id=7, shown=[7, 8])
    result = await run(ProductInquiry(), asked)
    assert result.said == ["product_comparison"]
    assert result.spoken[0]["rows"] == "· 价格：¥399 ／ ¥1–¥399\n· 材质：锦纶 ／ 棉"
    assert (await run(ProductInquiry(), message("有啥区别", "product_inquiry"))).said == ["compare_which"]


async def test_wishes_add_up(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/products/suggest"] = (
        200,
        {"products": [COAT | {"reasons": ["适合妈妈"]}], "understood": True},
    )
    first = await run(RecommendProduct(), message("给我妈买", "recommend_product"))
    assert first.spoken[0]["products"] == "· 轻羽绒服　¥399（适合妈妈）"
    more = message("300以内", "price_inquiry", topic="recommend_product", said=first.slots["said"])
    assert (await run(PriceInquiry(), more)).slots["said"]["text"] == "给我妈买 300以内"
    assert json.loads(backoffice.asked[-1].content)["text"] == "给我妈买 300以内"
    unclear = message("300以内", "nlu_fallback", topic="recommend_product", said=first.slots["said"])
    assert (await run(NotUnderstoodOrBudget("fallback"), unclear)).said == ["recommend"]


COUPON = {
    "id": 1,
    "name": "满减券",
    "threshold_fen": 9900,
    "off_fen": 1000,
    "ends_at": "2026-12-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("有优惠券吗", "promotions"),
        ("有券不", "promotions"),
        ("优惠券还有几张", "my_coupons"),
        ("我有优惠卷吗", "my_coupons"),
        ("优惠券怎么用不了", "article"),
        ("领的券找不到了", "article"),
    ],
)
async def test_which_coupons_there_are_is_no_question_about_their_rules(
    backoffice: Backoffice, text: str, said: str
) -> None:
    backoffice.answers[FOUND] = (200, {"articles": [ARTICLE], "near": [], "general": None})
    backoffice.answers["GET /api/coupons"] = (200, {"coupons": [COUPON, COUPON | {"id": 2, "mine": True}]})
    result = await run(PromotionInquiry(), message(text, "promotion_inquiry"))
    assert result.said == [said]
    if said == "my_coupons":
        assert result.spoken[0]["count"] == 1


async def test_promotions_come_before_coupons_whose_rule_is_told_in_words(backoffice: Backoffice) -> None:
    half = {"id": 9, "name": "零食节", "text": "第2件5折", "ends_at": COUPON["ends_at"]}
    percent = COUPON | {"threshold_fen": 0, "off_fen": 0, "text": "打95折"}
    backoffice.answers[FOUND] = (200, {"articles": [], "near": [], "general": None})
    backoffice.answers["GET /api/promotions"] = (200, {"promotions": [half]})
    backoffice.answers["GET /api/coupons"] = (200, {"coupons": [percent]})
    result = await run(PromotionInquiry(), message("现在做什么活动", "promotion_inquiry"))
    assert result.said == ["promotions"]
    rows = result.spoken[0]["coupons"].splitlines()
    assert [row.split("，")[0] for row in rows] == ["· 零食节：第2件5折", "· 满减券：打95折"]


@pytest.mark.parametrize(("missing", "buttons"), [([], []), (["height_cm"], ["选尺码"])])
async def test_a_size_is_offered_only_where_the_body_decides_it(
    backoffice: Backoffice, missing: list[str], buttons: list[str]
) -> None:
    backoffice.answers["GET /api/products/7"] = (200, COAT | {"sizes": ["标准版"]})
    backoffice.answers["GET /api/products/7/size-advice"] = (200, {"missing": missing})
    item = {"sku_id": 1, "price_fen": 39900, "online": 9, "online_label": "in_stock"}
    backoffice.answers["GET /api/stock"] = (200, {"items": [item]})
    pressed = message("/stock_inquiry", "stock_inquiry", entities={"product_id": 7})
    assert [each["title"] for each in (await run(StockInquiry(), pressed)).buttons] == buttons


async def test_cheaper_is_cheaper_than_all_that_was_shown(backoffice: Backoffice) -> None:
    backoffice.answers["GET /api/products/7"] = (200, COAT)
    backoffice.answers["GET /api/products/8"] = (200, COAT | {"id": 8, "price_from_fen": 25900})
    backoffice.answers["POST /api/products/suggest"] = (
        200,
        {"products": [COAT | {"id": 9}], "understood": True},
    )
    slots = {
        "topic": "recommend_product",
        "shown": [7, 8],
        "said": {"action": "action_recommend_product", "text": "两百左右的外套"},
    }
    asked = message("有没有便宜点的", "price_inquiry", **slots)
    result = await run(InContext(PriceInquiry()), asked)
    assert result.said == ["recommend_cheaper"]
    told = json.loads(backoffice.asked[-1].content)
    assert (told["text"], told["below_fen"]) == ("两百左右的外套", 25900)
    backoffice.answers["POST /api/products/suggest"] = (200, {"products": [], "understood": True})
    assert (await run(InContext(PriceInquiry()), asked)).said == ["recommend_none_cheaper"]


@pytest.mark.parametrize("intent", ["return_policy", "exchange_request"])
async def test_a_rule_told_in_a_form_offers_the_other_errand(backoffice: Backoffice, intent: str) -> None:
    backoffice.answers[FOUND] = (200, {"articles": [ARTICLE], "near": [], "general": None})
    backoffice.answers["POST /api/orders/meant"] = (200, {"verdict": "none", "reason": "none"})
    asked = message("能换货吗", intent, form="return_form", order_no="26")
    result = await run(InContext(BY_TITLE[intent]), asked)
    assert result.buttons[0]["payload"] == '/exchange_request{"order_no": "26"}'
    outside = await run(InContext(BY_TITLE["return_policy"]), message("能换货吗", "return_policy"))
    assert [each["title"] for each in outside.buttons] == ["有帮助", "没帮上忙"]


async def test_a_question_that_ends_in_a_bare_no_is_one(backoffice: Backoffice) -> None:
    backoffice.answers[FOUND] = (200, {"articles": [ARTICLE], "near": [], "general": None})
    asked = message("两单能开一张发票不", "invoice_request")
    assert (await run(InvoiceRequest(), asked)).said == ["article"]


def test_what_is_near_enough_is_there() -> None:
    assert wording.distance(0.04, "三里屯") == "，就在三里屯"
    assert wording.distance(0.14, "三里屯") == "，距三里屯中心约 0.1 公里"


async def test_a_product_is_picked_by_its_place_among_those_shown(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["GET /api/products/8"] = (200, COAT | {"id": 8, "name": "风衣"})
    backoffice.answers["GET /api/coupons"] = (200, {"coupons": []})
    asked = message("第二个多少钱", "price_inquiry", product_id=7, shown=[7, 8, 9])
    result = await run(PriceInquiry(), asked)
    assert result.spoken[0]["name"] == "风衣"
    assert result.slots["shown"] == [7, 8, 9]


async def test_whether_it_is_too_small_is_a_question_about_the_size(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["POST /api/products/7/ask"] = fact_answers()
    backoffice.answers["GET /api/products/7"] = (200, COAT)
    backoffice.answers["GET /api/products/7/size-advice"] = (200, {"missing": ["height_cm"]})
    asked = message("会不会太小", "product_inquiry", product_id=7)
    assert (await run(ProductInquiry(), asked)).follows == "size_form"


async def test_what_has_no_sizes_is_said_to_have_none(backoffice: Backoffice) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["GET /api/products/7"] = (200, COAT | {"colours": ["黑色"], "sizes": ["标准版"]})
    backoffice.answers["GET /api/products/7/size-advice"] = (200, {"note": "no_table"})
    result = await run(SizeAdvice(), message("穿多大", "size_advice", product_id=7))
    assert (result.said, result.spoken[0]["variants"]) == (["size_no_table"], "黑色 · 标准版")


async def test_cheaper_than_one_product_is_of_its_kind(backoffice: Backoffice) -> None:
    backoffice.answers["GET /api/products/7"] = (200, COAT | {"category": "服装"})
    others = [COAT | {"id": 8, "category": "食品"}, COAT | {"id": 9, "category": "服装"}]
    backoffice.answers["POST /api/products/suggest"] = (200, {"products": others, "understood": False})
    asked = message("有没有便宜点的", "price_inquiry", shown=[7], topic="stock_inquiry")
    assert (await run(InContext(PriceInquiry()), asked)).slots["shown"] == [9]


SUGGEST = "POST /api/products/suggest"


@pytest.mark.parametrize(
    ("text", "intent", "thing"),
    [
        ("有没有卖洗衣机的", "stock_inquiry", "洗衣机"),
        ("你们卖手机吗", "product_inquiry", "手机"),
        ("有电视机卖吗", "price_inquiry", "电视机"),
        ("有没有猫粮啊", "stock_inquiry", "猫粮"),
        ("店里有牙膏吗", "recommend_product", "牙膏"),
    ],
)
async def test_a_thing_that_is_not_sold_is_not_answered_with_another(
    backoffice: Backoffice, text: str, intent: str, thing: str
) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers[SUGGEST] = (200, {"products": [], "understood": False})
    result = await run(BY_TITLE[intent], message(text, intent, product_id=7))
    assert result.said == ["not_sold"]
    assert result.spoken[0]["thing"] == thing


@pytest.mark.parametrize(
    ("text", "entities"),
    [("有没有红色的", {"colour": "红色"}), ("有XL吗", {"size": "XL"}), ("还有货吗", {}), ("卖完了吗", {})],
)
async def test_a_question_about_the_product_talked_of_is_about_it(
    backoffice: Backoffice, text: str, entities: dict[str, Any]
) -> None:
    backoffice.answers["POST /api/products/find"] = NOTHING_NAMED
    backoffice.answers["GET /api/products/7"] = (200, COAT)
    backoffice.answers["GET /api/stock"] = (200, {"items": []})
    result = await run(StockInquiry(), message(text, "stock_inquiry", product_id=7, entities=entities))
    assert "not_sold" not in result.said

"""Answers from the knowledge base and from products, against a backoffice that answers as the test says."""

import json
from collections.abc import Callable
from typing import Any

from actions.catalog import NotUnderstoodOrBudget, PriceInquiry, ProductInquiry, RecommendProduct
from actions.knowledge import Knowledge
from actions.service import Feedback
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

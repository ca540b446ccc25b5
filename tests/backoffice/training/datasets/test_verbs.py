import pytest

from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.training.datasets import verbs
from backoffice.training.datasets.domain import Labelled, Touch
from backoffice.training.datasets.drafts import Draft, Verb, draft
from backoffice.training.projects.views import domain, intents, terms
from tests.backoffice.training.datasets.small import SMALL


def done(verb: Verb) -> Draft:
    return draft(SMALL, verb)


def test_examples_go_to_the_file_of_the_shop() -> None:
    added = [
        Labelled("thanks", "劳驾"),
        Labelled("thanks", "谢谢"),
        Labelled("trade_in", "旧电脑换[新](kind)"),
    ]
    made = done(lambda project: verbs.add_examples(project, added))
    assert made.difference.files == ["nlu_data/shop.yml"]
    assert made.difference.added == [Labelled("thanks", "劳驾"), Labelled("trade_in", "旧电脑换[新](kind)")]
    assert made.difference.removed == made.difference.touched == []
    with pytest.raises(NotFound, match="intent_unknown"):
        done(lambda project: verbs.add_examples(project, [Labelled("nothing", "x")]))


def test_an_example_moves_to_another_intent() -> None:
    moved = intents(SMALL.project)["thanks"].examples[1]
    made = done(lambda project: verbs.move_example(project, moved, "order_status"))
    assert made.difference.removed == [Labelled("thanks", "多谢")]
    assert made.difference.added == [Labelled("order_status", "多谢")]


def test_an_intent_is_made_with_its_answer() -> None:
    made = done(
        lambda project: verbs.add_intent(
            project, "gift_card", ["礼品卡怎么用", "卡密在哪填"], "  在付款时填卡密。"
        )
    )
    assert [each.text for each in intents(made.result.project)["gift_card"].examples] == [
        "礼品卡怎么用",
        "卡密在哪填",
    ]
    assert made.difference.touched == [
        Touch("intent", "gift_card", "added"),
        Touch("response", "utter_gift_card", "added"),
        Touch("rule", "gift card", "added"),
    ]
    assert made.difference.files == [
        "bot/domain/responses/shop.yml",
        "bot/domain/shop.yml",
        "bot/rules/shop.yml",
        "nlu_data/shop.yml",
    ]
    answer = [
        each.text for each in domain(made.result.project).responses if each.response == "utter_gift_card"
    ]
    assert answer == ["在付款时填卡密。"]


@pytest.mark.parametrize(
    ("name", "examples", "answer", "code"),
    [
        ("thanks", ["x"], "好", "intent_exists"),
        ("nlu_fallback", ["x"], "好", "intent_exists"),
        ("换新", ["x"], "好", "intent_name_invalid"),
        ("a/b", ["x"], "好", "intent_name_invalid"),
        ("gift_card", ["x"], " ", "answer_missing"),
        ("gift_card", [" "], "好", "example_invalid"),
        ("gift_card", [], "好", "training_data_unsound"),
        ("gift_card", ["谢谢！"], "好", "training_data_unsound"),
    ],
)
def test_an_intent_that_cannot_be(name: str, examples: list[str], answer: str, code: str) -> None:
    with pytest.raises((Invalid, Conflict), match=code):
        done(lambda project: verbs.add_intent(project, name, examples, answer))


def test_a_response_is_said_in_other_ways() -> None:
    ways = [{"text": "一"}, {"text": "二", "buttons": [{"title": "订单", "payload": "/order_status"}]}]
    made = done(lambda project: verbs.with_response(project, "utter_menu", ways))
    assert made.difference.touched == [Touch("response", "utter_menu", "changed")]
    assert made.difference.files == ["bot/domain/domain.yml"]
    told = [
        (each.text, each.buttons) for each in domain(made.result.project).responses if "menu" in each.response
    ]
    assert told == [("一", []), ("二", ways[1]["buttons"])]
    with pytest.raises(Invalid, match="response_invalid"):
        done(lambda project: verbs.with_response(project, "utter_menu", [{"text": ""}]))
    with pytest.raises(Invalid, match="begins with utter_"):
        done(lambda project: verbs.with_response(project, "thanks", [{"text": "x"}]))


def test_a_response_that_is_said_does_not_go() -> None:
    with pytest.raises(
        Invalid, match=r"bot/rules/shop\.yml: trade in names utter_trade_in, which is not there"
    ):
        done(lambda project: verbs.with_response(project, "utter_trade_in", []))
    gone = done(lambda project: verbs.with_response(project, "utter_menu", []))
    assert gone.difference.touched == [Touch("response", "utter_menu", "removed")]


def test_words_of_synonyms_and_tables() -> None:
    made = done(lambda project: verbs.with_terms(project, "synonym", "黑色", ["黑", " 乌黑 ", "", "黑"]))
    assert made.difference.touched == [Touch("synonym", "黑色", "changed")]
    assert {each.values for each in terms(made.result.project) if each.name == "黑色"} == {("黑", "乌黑")}
    new = done(lambda project: verbs.with_terms(project, "lookup", "product", ["雪岭羽绒服"]))
    assert new.difference.touched == [Touch("lookup", "product", "added")]
    assert new.difference.files == ["nlu_data/shop.yml"]
    gone = done(lambda project: verbs.with_terms(project, "lookup", "colour", []))
    assert gone.difference.touched == [Touch("lookup", "colour", "removed")]
    with pytest.raises(Invalid, match="stands for two things: 黑色, 白色"):
        done(lambda project: verbs.with_terms(project, "synonym", "白色", ["白", "黑"]))
    with pytest.raises(Invalid, match="terms_invalid"):
        done(lambda project: verbs.with_terms(project, "lookup", " ", ["白"]))

import pytest

from backoffice.kit.errors import Conflict, Invalid, NotFound
from backoffice.training.datasets import retiring
from backoffice.training.datasets.domain import Labelled, Touch
from backoffice.training.datasets.drafts import draft
from backoffice.training.datasets.folders import shipped
from backoffice.training.datasets.naming import places_in_code
from backoffice.training.projects.rasa_yaml import read
from backoffice.training.projects.views import domain, stories
from tests.backoffice.training.datasets.small import FILES, SMALL


def test_an_intent_is_renamed_with_its_answer() -> None:
    made = draft(SMALL, lambda project: retiring.rename(project, "trade_in", "swap"))
    assert made.difference.touched == [
        Touch("intent", "swap", "added"),
        Touch("intent", "trade_in", "removed"),
        Touch("response", "utter_menu", "changed"),
        Touch("response", "utter_swap", "added"),
        Touch("response", "utter_trade_in", "removed"),
        Touch("rule", "trade in", "changed"),
    ]
    assert {each.intent for each in made.difference.removed} == {"trade_in"}
    assert not any("trade_in" in text for text in made.result.files.values())


def test_intents_become_one() -> None:
    made = draft(SMALL, lambda project: retiring.merge(project, "old_goods", "trade_in"))
    assert made.difference.added == [Labelled("trade_in", "旧家电收不收")]
    assert made.difference.touched == [
        Touch("intent", "old_goods", "removed"),
        Touch("response", "utter_old_goods", "removed"),
        Touch("rule", "old goods", "removed"),
        Touch("test", "old goods, then thanks", "changed"),
    ]
    told = next(each for each in stories(made.result.project) if each.name == "old goods, then thanks")
    assert told.steps[:2] == [{"user": "旧家电收不收", "intent": "trade_in"}, {"action": "utter_trade_in"}]
    with pytest.raises(Invalid, match="intents_same"):
        draft(SMALL, lambda project: retiring.merge(project, "trade_in", "trade_in"))


def test_an_intent_goes_with_all_that_names_it() -> None:
    made = draft(SMALL, lambda project: retiring.retire(project, "old_goods"))
    assert made.difference.removed == [Labelled("old_goods", "旧家电收不收")]
    assert made.difference.touched == [
        Touch("intent", "old_goods", "removed"),
        Touch("response", "utter_old_goods", "removed"),
        Touch("rule", "old goods", "removed"),
        Touch("test", "old goods, then thanks", "removed"),
    ]
    made = draft(SMALL, lambda project: retiring.retire(project, "trade_in"))
    assert Touch("response", "utter_menu", "changed") in made.difference.touched
    (menu,) = (each for each in domain(made.result.project).responses if each.response == "utter_menu")
    assert [each["title"] for each in menu.buttons] == ["订单"]
    assert not any("trade_in" in text for text in made.result.files.values())


@pytest.mark.parametrize(
    "slot",
    [
        "mappings: [{type: from_intent, intent: [trade_in], value: 1}]",
        "mappings: [{type: from_text, not_intent: trade_in}]",
    ],
)
def test_an_intent_that_fills_a_slot_stays(slot: str) -> None:
    files = {**FILES, "bot/domain/slots.yml": f"slots:\n  kind: {{type: text, {slot}}}\n"}
    with pytest.raises(Conflict, match=r"kind in bot/domain/slots\.yml depends on trade_in"):
        retiring.retire(read(files), "trade_in")


def test_an_intent_that_code_names_stays() -> None:
    project = read({path: text for path, text in shipped().items() if not path.startswith("nlu_data")})
    assert "actions/changes.py" in places_in_code(project, "cancel_order")
    assert places_in_code(SMALL.project, "trade_in") == []
    for verb in (
        lambda: retiring.rename(project, "cancel_order", "cancelling"),
        lambda: retiring.merge(project, "cancel_order", "thanks"),
        lambda: retiring.retire(project, "cancel_order"),
    ):
        with pytest.raises(Conflict, match=r"the shop's own code names cancel_order: actions/"):
            verb()


def test_names_that_cannot_be() -> None:
    with pytest.raises(Conflict, match="intent_exists"):
        retiring.rename(SMALL.project, "trade_in", "thanks")
    with pytest.raises(Invalid, match="intent_name_invalid"):
        retiring.rename(SMALL.project, "trade_in", "换新")
    for verb in (retiring.retire, lambda project, name: retiring.merge(project, "trade_in", name)):
        with pytest.raises(NotFound, match="intent_unknown"):
            verb(SMALL.project, "nothing")

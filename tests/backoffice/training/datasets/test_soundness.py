import pytest

from backoffice.training.datasets.drafts import Unsound, draft
from backoffice.training.datasets.folders import shipped
from backoffice.training.datasets.soundness import troubles
from backoffice.training.projects.rasa_yaml import Project, read
from backoffice.training.projects.yaml_text import Unreadable
from tests.backoffice.training.datasets.small import FILES, SMALL


def test_what_ships_is_sound() -> None:
    assert list(troubles(read(shipped()))) == []
    assert not SMALL.troubles


def rule(name: str, intent: str, action: str) -> str:
    return f"rules:\n- rule: {name}\n  steps: [{{intent: {intent}}}, {{action: {action}}}]\n"


BROKEN = {
    "nlu_data/shop.yml: the intent gift has no example": {
        "nlu_data/shop.yml": "nlu:\n- intent: gift\n  examples: ''\n"
    },
    "nlu_data/more.yml: the intent gift is not in the domain": {
        "nlu_data/more.yml": "nlu:\n- intent: gift\n  examples: |\n    - 送礼\n"
    },
    "nlu_data/more.yml: the intent gift has no rule and no story": {
        "nlu_data/more.yml": "nlu:\n- intent: gift\n  examples: |\n    - 送礼\n",
        "bot/domain/more.yml": "intents: [gift]\n",
    },
    "bot/domain/more.yml: the intent gift has no example": {"bot/domain/more.yml": "intents: [gift]\n"},
    "nlu_data/order.yml: '谢谢' belongs to two intents: trade_in, thanks": {
        "nlu_data/a.yml": "nlu:\n- intent: trade_in\n  examples: |\n    - 谢 谢！\n"
    },
    "bot/rules/more.yml: tea names tea, which is not there": {
        "bot/rules/more.yml": rule("tea", "tea", "action_thanks")
    },
    "bot/rules/more.yml: thanks differs names utter_tea, which is not there": {
        "bot/rules/more.yml": rule("thanks differs", "thanks", "utter_tea")
    },
    "bot/rules/more.yml: the rules thanks too and thanks answer the same differently": {
        "bot/rules/more.yml": rule("thanks too", "thanks", "utter_menu")
    },
}


@pytest.mark.parametrize("told", BROKEN)
def test_broken_data_are_refused_and_the_place_is_named(told: str) -> None:
    files = dict(sorted({**FILES, **BROKEN[told]}.items()))
    assert told in map(str, troubles(read(files)))
    with pytest.raises(Unsound) as refused:
        draft(SMALL, lambda _: read(files))
    assert told in map(str, refused.value.found)


def test_what_was_broken_before_hinders_nobody() -> None:
    files = {**FILES, "bot/domain/more.yml": "intents: [gift]\n"}
    before = draft(SMALL, lambda project: project).result
    broken = type(before)(1, files, read(files))
    more = draft(broken, lambda project: Project({**project.files, **read({"nlu_data/x.yml": ""}).files}))
    assert more.difference.files == ["nlu_data/x.yml"]


@pytest.mark.parametrize("step", ["1", "{or: 1}"])
def test_steps_that_are_none_are_refused(step: str) -> None:
    with pytest.raises(Unreadable, match=r"bot/rules/a\.yml:1"):
        read({"bot/rules/a.yml": f"rules: [{{rule: x, steps: [{step}]}}]"})

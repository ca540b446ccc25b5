from bot.components.concepts import Concepts
from bot.components.features import Features

CONCEPTS = {
    "concept_cancel": ["取消", "撤单", "不要了"],
    "concept_no": ["不", "没"],
    "concept_order": ["订单"],
}


def test_words_of_one_concept_are_alike_and_may_overlap() -> None:
    concepts = Concepts(CONCEPTS)
    assert concepts("取消订单") == concepts("撤单订单") == ["concept_cancel", "concept_order"]
    assert concepts("不要了") == ["concept_cancel", "concept_no"]
    assert concepts("") == Concepts({})("取消") == []


def test_a_concept_is_found_in_any_spelling() -> None:
    assert Concepts({"concept_cancel": ["取 消", "OK"]})("取消ok") == ["concept_cancel"]


def test_features_name_concepts_and_their_pairs() -> None:
    names = Features(concepts=CONCEPTS)("訂單 取消")
    assert [name for name in names if name[0] == "t"] == [
        "tconcept_cancel",
        "tconcept_order",
        "tconcept_cancel concept_order",
    ]


def test_every_concept_of_the_shop_has_words_of_its_own(lookups: dict[str, list[str]]) -> None:
    concepts = {name: words for name, words in lookups.items() if name.startswith("concept_")}
    assert len(concepts) >= 80
    assert [name for name, words in concepts.items() if name not in Concepts(concepts)(words[0])] == []

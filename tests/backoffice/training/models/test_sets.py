"""What models are judged by."""

from pathlib import Path

import pytest

from backoffice.training.models.labelled import Labelled, read
from backoffice.training.models.sets import moved, relabelled, texts
from backoffice.training.projects.rasa_yaml import Project
from backoffice.training.projects.rasa_yaml import read as read_project


def project(**intents: list[str]) -> Project:
    entries = [
        f"- intent: {name}\n  examples: |\n" + "".join(f"    - {text}\n" for text in said)
        for name, said in intents.items()
    ]
    return read_project({"nlu_data/a.yml": 'version: "3.1"\nnlu:\n' + "".join(entries)})


def test_renamed_and_merged_intents_are_followed_by_their_sentences() -> None:
    before = project(hello=["在吗", "你好"], hi=["哈喽"], bye=["再见"], bill=["开票", "发票"])
    after = project(greet=["在吗", "你好", "哈喽"], bye=["再见"], invoice=["开票"])
    assert moved(before, after) == {"hello": "greet", "hi": "greet", "bill": "invoice"}


def test_one_that_was_retired_is_not_followed() -> None:
    assert moved(project(bill=["开票", "发票", "税号"]), project(greet=["你好", "开票"])) == {}


def test_sentences_get_the_names_of_now() -> None:
    said = [Labelled("在吗", "hello", ("hi",)), Labelled("哈喽", "hi", ("bye",)), Labelled("开票", "bill")]
    found = relabelled(said, {"hello": "greet", "hi": "greet"}, {"greet", "bye"})
    assert found == [Labelled("在吗", "greet"), Labelled("哈喽", "greet", ("bye",))]


def test_a_sentence_of_two_sets_is_asked_once() -> None:
    one, other = Labelled("在吗", "greet"), Labelled("开票", "bill")
    assert texts({"fixed": [one, other], "reviewed": [one]}) == ["在吗", "开票"]


def test_messages_are_read(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(
        '{"text": "在吗", "intent": "greet", "also": ["nudge"]}\n{"text": "谢", "intent": "thanks"}\n'
    )
    assert read(path) == [Labelled("在吗", "greet", ("nudge",)), Labelled("谢", "thanks")]


@pytest.mark.parametrize(
    "line", ["{", "[]", '{"text": "在吗"}', '{"text": "在吗", "intent": "greet", "also": 1}']
)
def test_a_line_that_is_no_labelled_message_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "data.jsonl"
    path.write_text(f'{{"text": "在吗", "intent": "greet"}}\n{line}\n')
    with pytest.raises(ValueError, match=r"data\.jsonl:2"):
        read(path)

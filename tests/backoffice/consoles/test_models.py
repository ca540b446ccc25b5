"""How models and their comparison are told."""

import pytest

from backoffice.consoles.comparing import comparison_view, intents, percent, sentence_list
from backoffice.consoles.model_charts import of
from backoffice.consoles.serving_views import short
from backoffice.consoles.words import Words
from backoffice.training.models.domain import Comparison, Judgement, compared
from backoffice.training.models.figures import OUTSIDE, Judged
from backoffice.training.models.labelled import Labelled

ZH, EN = Words("zh-CN"), Words("en")
LIVE, CANDIDATE = "xiaoer-20261127T010203Z-a007720a.tar.gz", "xiaoer-20261128T090703Z-0d97aaaa.tar.gz"


def model(name: str, served: str, fault: str) -> Judgement:
    said = [Labelled(f"<b>打 {number} 到 15400001234</b>", "greet") for number in range(40)]
    judged = [Judged(each, served, served, 0.9, 0.01) for each in said]
    return Judgement(name, {"fixed": judged}, {"a <talk>": fault}, 10_000_000, 1.5, 160_000_000)


@pytest.fixture
def comparison() -> Comparison:
    return compared(model(CANDIDATE, OUTSIDE, "x instead of <y>"), model(LIVE, "greet", ""))


@pytest.mark.parametrize("words", [ZH, EN])
def test_a_candidate_that_lost_is_told_why(words: Words, comparison: Comparison) -> None:
    html = comparison_view(words, comparison, "fixed")
    assert "gate shut" in html
    assert "a &lt;talk&gt;" in html
    assert "<y>" not in html
    assert "11-27 01:02 · a007" in html
    assert html.count("<li") == 4
    assert "-100" in intents(words, comparison.sets["fixed"].intents)


def test_one_that_is_not_as_good_as_its_word_is_told_so() -> None:
    same = model(LIVE, "greet", "")
    html = comparison_view(ZH, compared(model(CANDIDATE, "greet", ""), same), "fixed")
    assert "gate shut" in html
    assert "把握不准" in html


def test_sentences_are_masked_escaped_and_shown_in_parts(comparison: Comparison) -> None:
    html = sentence_list(ZH, "lost", comparison.sets["fixed"].lost, 30)
    assert html.count('class="sentence"') == 30
    assert "154****1234" in html
    assert "<b>" not in html
    assert ZH("more", left=10) in html
    assert 'data-do="more"' not in sentence_list(ZH, "lost", comparison.sets["fixed"].lost, 40)


def test_charts(comparison: Comparison) -> None:
    found = of(ZH, comparison.sets["fixed"])
    (cell,) = found["confusions"]["series"][0]["data"]
    assert (cell["value"], cell["label"]["formatter"]) == ([0, 0, 40], "40 (0)")
    before, after, _ = found["reliability"]["series"]
    assert (before["data"], after["data"]) == ([[90.0, 100.0]], [[90.0, 0.0]])


def test_names_and_shares() -> None:
    assert short(CANDIDATE) == "11-28 09:07 · 0d97"
    assert short("another") == "another"
    assert [percent(share) for share in (0.0, 0.05, 0.9123, 1.0)] == ["0%", "5%", "91.2%", "100%"]

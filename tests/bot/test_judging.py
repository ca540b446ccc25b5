"""What `bot.judging` writes of a model."""

import json
from pathlib import Path

import pytest

from bot.judging.__main__ import main
from bot.judging.sentences import reading

ROOT = Path(__file__).parents[2]
STORIES = """
version: "3.1"
stories:
- story: as it goes
  steps:
  - intent: order_status
  - action: action_order_status
- story: otherwise
  steps:
  - intent: order_status
  - action: action_track_shipment
- story: misheard
  steps:
  - user: 帮我开张发票
    intent: greet
  - action: action_order_status
"""


def newest() -> Path:
    found = max((ROOT / "models").glob("xiaoer-*.tar.gz"), default=None)
    if found is None:
        pytest.skip("no model: make train")
    return found


def test_sentences_and_conversations(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    texts, stories, out = tmp_path / "texts.json", tmp_path / "stories", tmp_path / "found.jsonl"
    stories.mkdir()
    texts.write_text(json.dumps(["帮我开张发票", "明天下雨吗"]))
    (stories / "test_all.yml").write_text(STORIES, encoding="utf8")
    main([str(newest()), "--sentences", str(texts), "--stories", str(stories), "--out", str(out)])
    loaded, one, other, *walked = map(json.loads, out.read_text(encoding="utf8").splitlines())
    assert loaded["load_seconds"] > 0
    assert (one["served"], one["ranked"]) == ("invoice_request", "invoice_request")
    assert one["confidence"] > 0.5 > other["seconds"] > 0
    found = {each["story"]: (each["passed"], each["fault"]) for each in walked}
    assert found == {
        "as it goes": (True, ""),
        "otherwise": (False, "action_order_status instead of action_track_shipment"),
        "misheard": (False, "invoice_request instead of greet: 帮我开张发票"),
    }
    assert "judged 5 of 5" in capsys.readouterr().out


def test_a_broken_model_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tar.gz"
    broken.write_bytes(b"nothing")
    with pytest.raises(SystemExit, match=r"broken\.tar\.gz does not load"):
        main([str(broken), "--out", str(tmp_path / "out")])


def test_a_fallback_is_served_as_out_of_scope_and_looked_through() -> None:
    ranking = [{"name": "nlu_fallback", "confidence": 0.8}, {"name": "greet", "confidence": 0.2}]
    found = reading({"intent": ranking[0], "intent_ranking": ranking})
    assert found == {"served": "out_of_scope", "ranked": "greet", "confidence": 0.2}
    assert reading({"intent": {"name": None}, "intent_ranking": []})["confidence"] == 0.0

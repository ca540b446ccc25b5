from pathlib import Path
from typing import Any

import pytest
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from backoffice.training.models.figures import Judged, Point
from backoffice.training.models.labelled import Labelled
from bot.report.__main__ import main
from bot.report.judging import learning_curve
from bot.report.page import NAMES, Matrix, render

ROOT = Path(__file__).parents[2]


def judged(
    text: str, meant: str, served: str, confidence: float, also: tuple[str, ...] = (), ranked: str = ""
) -> Judged:
    return Judged(Labelled(text, meant, also), served, ranked or served, confidence, seconds=0.002)


RESULT = [
    judged("我的单子呢", "order_status", "order_status", 0.9),
    judged("单子取消了没", "order_status", "cancel_order", 0.8, also=("cancel_order",)),
    judged("不想要这单了", "cancel_order", "order_status", 0.7),
    judged("撤了吧", "cancel_order", "out_of_scope", 0.15, ranked="cancel_order"),
    judged("明天下雨吗", "out_of_scope", "out_of_scope", 0.6),
    judged("你们招商不", "out_of_scope", "order_status", 0.5),
]


def page(result: list[Judged] = RESULT, curve: tuple[Point, ...] = (), model: str = "model") -> str:
    return render(result, curve, model, "unseen.jsonl", "2026-01-01 12:00")


def test_the_matrix_counts_what_would_do_as_meant() -> None:
    matrix = Matrix(RESULT)
    assert matrix.intents == ["order_status", "cancel_order", "out_of_scope"]
    assert matrix.borders == {"order_status", "out_of_scope"}
    assert matrix.cells == {
        ("order_status", "order_status"): 2,
        ("cancel_order", "order_status"): 1,
        ("cancel_order", "out_of_scope"): 1,
        ("out_of_scope", "out_of_scope"): 1,
        ("out_of_scope", "order_status"): 1,
    }


def test_the_page_shows_the_figures() -> None:
    curve = tuple(Point(n, RESULT) for n in (80, 100))
    html = page(curve=curve)
    for shown in ("50.0%", "33.3%", "0.300", "不想要这单了", "最后 20 句", "取消订单"):
        assert shown in html
    assert "http" not in html
    assert "<script" not in html


def test_the_page_without_a_learning_curve() -> None:
    assert "例句还要加吗" not in page()


def test_a_page_of_nothing_wrong_and_of_nothing_inside() -> None:
    assert "没有听错的" in page([judged("明天下雨吗", "out_of_scope", "out_of_scope", 0.9)])


def test_what_was_said_is_escaped() -> None:
    trick = "<script>alert('1')</script>"
    html = page([judged(trick, '"><img src=x>', "<b>", 0.9)], model=trick)
    assert trick not in html
    assert "<img" not in html
    assert "&lt;script&gt;" in html


def test_every_intent_has_a_name(examples: dict[str, list[str]]) -> None:
    assert set(NAMES) == set(examples)


def test_each_point_of_the_learning_curve_learns_more(examples: dict[str, Any]) -> None:
    known = {intent: examples[intent][:60] for intent in ("cancel_order", "invoice_request", "thanks")}
    data = TrainingData([Message.build(text, intent) for intent, said in known.items() for text in said])
    messages = [Labelled("帮我开张发票", "invoice_request"), Labelled("谢谢啊", "thanks")]
    points = list(learning_curve(data, ROOT / "config.yml", messages, parts=2))
    assert [point.sentences for point in points] == [90, 180]
    assert [each.message for each in points[-1].judged] == messages
    assert points[-1].lenient == 1


def test_the_newest_model_is_judged_and_the_page_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if not any((ROOT / "models").glob("xiaoer-*.tar.gz")):
        pytest.skip("no model: make train")
    data, page = tmp_path / "data.jsonl", tmp_path / "new" / "page.html"
    data.write_text('{"text": "帮我开张发票", "intent": "invoice_request"}\n', encoding="utf8")
    main(["--no-curve", "--data", str(data), "--page", str(page)])
    assert "100.0% of 1 messages" in capsys.readouterr().out
    assert "小二听懂了多少" in page.read_text(encoding="utf8")


@pytest.mark.parametrize("missing", ["--data", "--model"])
def test_what_is_missing_is_named(tmp_path: Path, missing: str) -> None:
    data = tmp_path / "data.jsonl"
    data.write_text('{"text": "在吗", "intent": "greet"}\n', encoding="utf8")
    with pytest.raises(SystemExit, match="gone"):
        main(["--data", str(data), missing, str(tmp_path / "gone")])

"""Two real replicas under a light load through a promotion and a roll-back: no turn suffers."""

import asyncio
from pathlib import Path

import pytest

from backoffice.trainer import BOT_PYTHON, ROOT, fits, newest
from bench.serving.load import measure
from bench.serving.models import folder_of
from tests.live import LiveShop

pytestmark = [
    pytest.mark.skipif(not BOT_PYTHON.exists(), reason="no bot environment: make env"),
    pytest.mark.skipif(not fits(newest(ROOT / "models")), reason="no model of what ships: xiaoer train"),
    pytest.mark.timeout(600),
]


def test_no_turn_is_lost_while_the_model_changes(tmp_path: Path) -> None:
    models, others = folder_of(tmp_path, 1)
    with LiveShop(tmp_path / "state", bots=2, models=models) as shop:
        figures = asyncio.run(measure(shop, others[0], rate=3, seconds=4))
    assert [figure for figure in figures if not figure.kept] == []
    told = {figure.name: figure.value for figure in figures}
    assert told["turns"] >= 30
    assert told["turns during a change"] > 0

"""Which model is served and when it is stale."""

import gzip
from pathlib import Path

import pytest

from backoffice.supervisor import Trouble
from backoffice.trainer import fits, newest, verify
from backoffice.training.datasets.fingerprints import fingerprint


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("config.yml", "requirements/bot.txt", "bot/domain/order.yml", "nlu_data/order.yml"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize(
    "changed",
    ["config.yml", "requirements/bot.txt", "bot/domain/order.yml", "nlu_data/order.yml", "bot/new.py"],
)
def test_a_model_is_stale_when_what_it_is_made_of_changes(project: Path, changed: str) -> None:
    model = project / f"xiaoer-20260101T000000Z-{fingerprint(project)}.tar.gz"
    assert fits(model, project)
    (project / changed).write_text("changed")
    assert not fits(model, project)


@pytest.mark.parametrize(
    "beside",
    ["nlu_data/README.md", "bot/__pycache__/new.pyc", "bot/report/page.html", "actions/orders.py"],
)
def test_a_model_stays_when_something_else_changes(project: Path, beside: str) -> None:
    before = fingerprint(project)
    (project / beside).parent.mkdir(parents=True, exist_ok=True)
    (project / beside).write_text("changed")
    assert fingerprint(project) == before


def test_a_file_that_moved_makes_a_difference(project: Path) -> None:
    before = fingerprint(project)
    (project / "nlu_data/order.yml").rename(project / "nlu_data/orders.yml")
    assert fingerprint(project) != before


def test_the_newest_model_is_the_last_trained_and_nothing_unfinished(tmp_path: Path) -> None:
    assert newest(tmp_path) is None
    assert not fits(None)
    for name in (
        "xiaoer-20260102T000000Z-aa.tar.gz",
        "xiaoer-20260101T000000Z-ff.tar.gz",
        ".training-x",
        "other",
    ):
        (tmp_path / name).touch()
    assert newest(tmp_path) == tmp_path / "xiaoer-20260102T000000Z-aa.tar.gz"


def test_a_model_cut_short_is_broken(tmp_path: Path) -> None:
    whole = tmp_path / "whole.tar.gz"
    whole.write_bytes(gzip.compress(bytes(range(256)) * 4096))
    verify(whole)
    cut = tmp_path / "cut.tar.gz"
    cut.write_bytes(whole.read_bytes()[:-20])
    with pytest.raises(Trouble, match=r"cut\.tar\.gz is broken"):
        verify(cut)

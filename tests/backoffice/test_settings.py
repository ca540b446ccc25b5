import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from pydantic import ValidationError

from backoffice.settings import Settings, development_secret


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ENV", "SECRET", "STATE", "PORT", "DATABASE_URL", "APP_URL", "BOT_URL", "ACTIONS_URL"):
        monkeypatch.delenv(f"XIAOER_{name}", raising=False)


def test_production_has_no_default_secret() -> None:
    with pytest.raises(ValidationError, match="XIAOER_SECRET must be set"):
        Settings(env="production")
    with pytest.raises(ValidationError, match="32 characters at least"):
        Settings(env="production", secret="s" * 31)
    assert not Settings(env="production", secret="s" * 32).demo


def test_the_port_moves_all_three() -> None:
    settings = Settings(port=9000)
    assert (settings.app_url, settings.bot_url, settings.actions_url) == (
        "http://127.0.0.1:9000",
        "http://127.0.0.1:9001",
        "http://127.0.0.1:9002",
    )


@pytest.mark.parametrize(
    ("given", "driver"),
    [("postgresql://u@h/d", "postgresql+asyncpg://u@h/d"), ("sqlite:///x.db", "sqlite+aiosqlite:///x.db")],
)
def test_plain_urls_get_their_driver(given: str, driver: str) -> None:
    assert Settings(database_url=given).database_url == driver


def test_rivals_agree_on_one_secret_that_only_its_owner_reads(tmp_path: Path) -> None:
    state = tmp_path / "var"
    with ThreadPoolExecutor(20) as pool:
        made = set(pool.map(development_secret, [state] * 20))
    assert len(made) == 1
    assert len(made.pop()) == 64
    assert stat.S_IMODE((state / "secret").stat().st_mode) == 0o600
    assert [path.name for path in state.iterdir()] == ["secret"]


def test_keys_of_different_purposes_differ() -> None:
    settings = Settings(secret="s" * 32)
    assert len({settings.service_token, settings.bot_token, settings.derive("turns")}) == 3

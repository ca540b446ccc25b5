"""Accounts as they are set in the environment."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from backoffice.settings import Settings

ACCOUNT = {"app_id": "wx0123456789abcdef", "token": "tok", "secret": "sesame", "aes_key": "k" * 43}


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("ENV", "SECRET", "STATE", "WECHAT", "WECHAT_API"):
        monkeypatch.delenv(f"XIAOER_{name}", raising=False)


def read(monkeypatch: pytest.MonkeyPatch, *accounts: dict[str, str]) -> Settings:
    monkeypatch.setenv("XIAOER_WECHAT", json.dumps(accounts))
    return Settings(secret="s")


def test_without_accounts_the_channel_is_off() -> None:
    settings = Settings(secret="s")
    assert settings.wechat == []
    assert settings.wechat_api.startswith("https://")


def test_accounts_come_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    mini = {**ACCOUNT, "app_id": "wx_mini", "kind": "mini", "mode": "plain"}
    official, other = read(monkeypatch, ACCOUNT, mini).wechat
    assert (official.kind, official.mode, official.previous_aes_key) == ("official", "safe", "")
    assert (other.kind, other.mode) == ("mini", "plain")


@pytest.mark.parametrize(
    "wrong",
    [
        {"aes_key": ""},
        {"aes_key": "k" * 42},
        {"previous_aes_key": "short"},
        {"mode": "secret"},
        {"kind": "wecom"},
        {"app_id": "wx/../x"},
        {"app_id": "wx:1"},
        {"token": ""},
        {"secret": ""},
    ],
)
def test_what_cannot_work_is_refused_without_telling_secrets(
    monkeypatch: pytest.MonkeyPatch, wrong: dict[str, str]
) -> None:
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, {**ACCOUNT, **wrong})
    assert "sesame" not in str(refused.value)
    assert "k" * 42 not in str(refused.value)


def test_every_secret_must_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("app_id", "token", "secret", "aes_key"):
        with pytest.raises(ValidationError):
            read(monkeypatch, {key: value for key, value in ACCOUNT.items() if key != name})

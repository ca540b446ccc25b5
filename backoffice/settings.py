"""Settings of every process, read from the environment with the prefix XIAOER_."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import HTTPConnection

SHORTEST_SECRET = 32
LARGEST_MESSAGE = 256 * 1024
"""Bytes of a request's body or of one frame of a WebSocket; more is refused before it is read."""


class WeChatAccount(BaseModel):
    """An official account or mini-program, as its page at mp.weixin.qq.com says.

    In `compatible` and `safe` mode messages are encrypted under `aes_key`, the EncodingAESKey; for a while
    after a change WeChat still uses the one before.
    """

    app_id: str = Field(pattern="^[A-Za-z0-9_]{1,40}$")
    kind: Literal["official", "mini"] = "official"
    token: str = Field(min_length=3, repr=False, description="signs what WeChat sends")
    secret: str = Field(min_length=1, repr=False, description="the AppSecret, for what we send")
    aes_key: str = Field(default="", pattern="^([A-Za-z0-9+/]{43})?$", repr=False)
    previous_aes_key: str = Field(default="", pattern="^([A-Za-z0-9+/]{43})?$", repr=False)
    mode: Literal["plain", "compatible", "safe"] = "safe"

    @model_validator(mode="after")
    def has_key(self) -> Self:
        if self.mode != "plain" and not self.aes_key:
            raise ValueError(f"{self.mode} mode needs an aes_key")
        return self


class Settings(BaseSettings):
    """One value per fact; URLs choose the engines.

    Raises `ValueError` in production when the secret is missing or short.
    """

    model_config = SettingsConfigDict(
        env_prefix="XIAOER_", env_file=".env", extra="ignore", hide_input_in_errors=True
    )

    env: Literal["development", "production"] = "development"
    state: Path = Field(default=Path("var"), description="folder of the database, logs and secret")
    models: Path = Field(default=Path("models"), description="folder of trained bots, the newest is served")
    secret: str = ""
    database_url: str = ""
    redis_url: str = Field(default="", description="empty: everything in process")
    host: str = "127.0.0.1"
    port: int = 8000
    app_url: str = ""
    bot_url: str = ""
    actions_url: str = ""
    turn_slow_after: float = Field(
        default=5.0, description="seconds until the shopper hears that it takes longer"
    )
    turn_deadline: float = Field(
        default=15.0, description="seconds until a turn is given up and people take over"
    )

    agent_refund_limit_fen: int = Field(default=20_000, description="goodwill for one order")
    supervisor_refund_limit_fen: int = Field(default=200_000, description="of supervisors and admins")

    widget_origins: list[str] = Field(
        default=[], description="other sites that show the chat, e.g. https://shop.example; none: ours only"
    )
    opened_a_minute: int = Field(
        default=600, description="conversations opened from one address, in each process; 0: any number"
    )
    said_a_minute: int = Field(
        default=3000, description="messages over HTTP from one address, in each process; 0: any number"
    )
    webhook_private: bool = Field(
        default=False, description="webhooks also to http:// and to our own network, for development"
    )
    service_hours: str = Field(
        default="09:00-22:00",
        pattern=r"^\d\d:\d\d-\d\d:\d\d$",
        description="when people answer, in the shop's time zone",
    )
    queue_wait_limit: float = Field(
        default=180.0, description="seconds in the queue until anybody may take it and supervisors are told"
    )
    wechat: list[WeChatAccount] = Field(default=[], description="none: the channel is off")
    wechat_api: str = "https://api.weixin.qq.com"
    wechat_answer_within: float = Field(
        default=4.0, description="seconds in which an answer goes with the reply; WeChat hangs up after 5"
    )

    @model_validator(mode="after")
    def fill_in(self) -> Self:
        if not self.database_url:
            self.database_url = f"sqlite+aiosqlite:///{self.state / 'xiaoer.db'}"
        for plain, driver in (
            ("postgresql://", "postgresql+asyncpg://"),
            ("sqlite:///", "sqlite+aiosqlite:///"),
        ):
            if self.database_url.startswith(plain):
                self.database_url = self.database_url.replace(plain, driver, 1)
        self.app_url = self.app_url or f"http://127.0.0.1:{self.port}"
        self.bot_url = self.bot_url or f"http://127.0.0.1:{self.port + 1}"
        self.actions_url = self.actions_url or f"http://127.0.0.1:{self.port + 2}"
        if not self.secret:
            if self.env == "production":
                raise ValueError("XIAOER_SECRET must be set in production")
            self.secret = development_secret(self.state)
        if self.env == "production" and len(self.secret) < SHORTEST_SECRET:
            raise ValueError(f"XIAOER_SECRET must have {SHORTEST_SECRET} characters at least in production")
        return self

    @property
    def demo(self) -> bool:
        """Whether demo sign-ins may be shown: never in production."""
        return self.env == "development"

    @property
    def tracker_url(self) -> str:
        """Where the bot keeps its dialogues: the same server, or with SQLite a file of its own."""
        if self.database_url.startswith("sqlite"):
            return f"sqlite:///{self.state.resolve() / 'bot.db'}"
        return self.database_url.replace("+asyncpg", "", 1)

    @cached_property
    def service_token(self) -> str:
        """What actions and the command line show to the API: derived from the secret."""
        return self.derive("service")

    @cached_property
    def bot_token(self) -> str:
        """What the app shows to the bot's HTTP API."""
        return self.derive("bot")

    def derive(self, purpose: str) -> str:
        """A hex key of 64 characters for one purpose: HMAC-SHA256 of the purpose under the secret."""
        return hmac.new(self.secret.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def development_secret(state: Path) -> str:
    """This machine's secret, made once in `state/secret`, for its owner only; rivals agree on one."""
    path = state / "secret"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=state, prefix="secret-") as file:
            file.write(secrets.token_hex(32))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    return path.read_text()


@lru_cache
def get_settings() -> Settings:
    return Settings()


async def settings_of(connection: HTTPConnection) -> Settings:
    """The settings of the app that is asked, for `Depends`."""
    settings: Settings = connection.app.state.settings
    return settings

"""Settings of every process, read from the environment with the prefix XIAOER_."""

import hashlib
import hmac
import os
import secrets
from contextlib import suppress
from functools import cached_property, lru_cache
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from starlette.requests import HTTPConnection

SHORTEST_SECRET = 32
LARGEST_MESSAGE = 256 * 1024
"""Bytes of a request's body or of one frame of a WebSocket; more is refused before it is read."""


ServiceScope = Literal["till", "marketplace"]
SERVICE_SCOPES: tuple[ServiceScope, ...] = get_args(ServiceScope)


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


class CarrierAccount(BaseModel):
    """Where a carrier is asked, and what signs what it and we send each other."""

    code: str = Field(pattern="^[a-z0-9_]{1,10}$", description="e.g. sf, yto, jd, zto")
    url: str = Field(pattern="^https?://[^ ]+$")
    secret: str = Field(min_length=16, repr=False)


class WeChatPayAccount(BaseModel):
    """A merchant of WeChat Pay (APIv3), as its page at pay.weixin.qq.com says; keys in PEM."""

    code: Literal["wechat"]
    merchant: str = Field(pattern="^[0-9]{6,32}$", description="the mchid")
    app_id: str = Field(pattern="^[A-Za-z0-9_]{1,40}$")
    serial: str = Field(pattern="^[0-9A-Za-z_]{1,64}$", description="of the merchant's certificate")
    key: str = Field(min_length=1, repr=False, description="the merchant's private key")
    api_key: str = Field(pattern="^[\\x21-\\x7e]{32}$", repr=False, description="the APIv3 key")
    platform_serial: str = Field(pattern="^[0-9A-Za-z_]{1,64}$")
    platform_key: str = Field(min_length=1, description="the public key of WeChat Pay")
    url: str = Field(default="https://api.mch.weixin.qq.com", pattern="^https?://[^ ]+$")


class AlipayAccount(BaseModel):
    """An app at open.alipay.com that signs with RSA2; keys in PEM."""

    code: Literal["alipay"]
    app_id: str = Field(pattern="^[0-9]{6,32}$")
    key: str = Field(min_length=1, repr=False, description="the app's private key")
    platform_key: str = Field(min_length=1, description="the public key of Alipay")
    url: str = Field(default="https://openapi.alipay.com/gateway.do", pattern="^https?://[^ ]+$")


PaymentAccount = Annotated[WeChatPayAccount | AlipayAccount, Field(discriminator="code")]


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
    worker: Literal["embedded", "apart"] = Field(
        default="embedded", description="apart: the app leaves background work to `xiaoer worker`"
    )
    worker_id: str = Field(
        default="", max_length=120, description="of this process alone and the same when it comes again"
    )
    host: str = "127.0.0.1"
    port: int = 8000
    app_url: str = ""
    bot_url: str = Field(default="", description="several, with commas between them: that many replicas")
    bots: int = Field(default=1, ge=1, le=16, description="replicas of the bot that `xiaoer up` starts")
    actions_url: str = ""
    turn_slow_after: float = Field(
        default=5.0, description="seconds until the shopper hears that it takes longer"
    )
    turn_deadline: float = Field(
        default=15.0, description="seconds until a turn is given up and people take over"
    )

    pay_within: float = Field(
        default=900.0, gt=0, description="seconds in which a placed order is to be paid"
    )
    stock_low_days: float = Field(
        default=7.0, gt=0, description="days that what is free lasts, below which stock is low"
    )
    stock_enough_days: float = Field(
        default=10.0, gt=0, description="days above which it is so no more, at least as many"
    )
    payments: list[PaymentAccount] = Field(
        default=[], description="ways to pay; none: no order can be paid, in development by simulators"
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
    carriers: list[CarrierAccount] = Field(
        default=[], description="none: parcels are sent under numbers that are typed in"
    )
    parcel_lost_after_days: float = Field(
        default=7.0, gt=0, description="days without news until a parcel counts as lost"
    )
    wechat: list[WeChatAccount] = Field(default=[], description="none: the channel is off")
    wechat_api: str = "https://api.weixin.qq.com"
    wechat_answer_within: float = Field(
        default=4.0, description="seconds in which an answer goes with the reply; WeChat hangs up after 5"
    )

    @model_validator(mode="after")
    def fill_in(self) -> Self:
        if self.stock_enough_days < self.stock_low_days:
            raise ValueError("XIAOER_STOCK_ENOUGH_DAYS must not be less than XIAOER_STOCK_LOW_DAYS")
        if not self.database_url:
            self.database_url = f"sqlite+aiosqlite:///{self.state / 'xiaoer.db'}"
        for plain, driver in (
            ("postgresql://", "postgresql+asyncpg://"),
            ("sqlite:///", "sqlite+aiosqlite:///"),
        ):
            if self.database_url.startswith(plain):
                self.database_url = self.database_url.replace(plain, driver, 1)
        self.app_url = self.app_url or f"http://127.0.0.1:{self.port}"
        self.bot_url = self.bot_url or ",".join(f"http://127.0.0.1:{port}" for port in self.bot_ports)
        self.actions_url = self.actions_url or f"http://127.0.0.1:{self.port + 2}"
        if not self.secret:
            if self.env == "production":
                raise ValueError("XIAOER_SECRET must be set in production")
            self.secret = development_secret(self.state)
        if self.env == "production" and len(self.secret) < SHORTEST_SECRET:
            raise ValueError(f"XIAOER_SECRET must have {SHORTEST_SECRET} characters at least in production")
        return self

    @property
    def bot_ports(self) -> list[int]:
        """Where `xiaoer up` lets the bot listen: beside the app, further replicas behind the actions."""
        return [self.port + 1, *range(self.port + 3, self.port + 2 + self.bots)]

    @property
    def bot_urls(self) -> list[str]:
        """The addresses of the bot's replicas."""
        return [url.strip().rstrip("/") for url in self.bot_url.split(",") if url.strip()]

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

    @property
    def workflows_url(self) -> str:
        """Where workflows are kept: the same server, or with SQLite a file beside the database's."""
        if self.database_url.startswith("sqlite"):
            path = Path(self.database_url.partition(":///")[2]).resolve()
            return f"sqlite:///{path.with_stem(f'{path.stem}-workflows')}"
        return self.database_url.replace("+asyncpg", "+psycopg", 1)

    @cached_property
    def service_token(self) -> str:
        """What actions and the command line show to the API: derived from the secret."""
        return self.derive("service")

    def scoped_token(self, scope: ServiceScope) -> str:
        """What one kind of outside service shows: it may do what is of its scope and nothing else."""
        return self.derive(f"service:{scope}")

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

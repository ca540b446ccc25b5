"""The ways to pay that the settings name; in development, when they name none, simulated ones."""

import os
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import NamedTemporaryFile

import httpx
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from backoffice.settings import AlipayAccount, PaymentAccount, Settings, WeChatPayAccount
from integrations.payments.alipay import Alipay
from integrations.payments.signing import private_key
from integrations.payments.simulator.alipay import AlipaySimulator
from integrations.payments.simulator.provider import Post
from integrations.payments.simulator.wechat import WeChatPaySimulator
from integrations.payments.wechat import WeChatPay

Gateway = WeChatPay | Alipay
Simulators = Mapping[str, WeChatPaySimulator | AlipaySimulator]
Keys = tuple[RSAPrivateKey, RSAPrivateKey]
SIMULATED_AT = "/simulators"
END = "-----END PRIVATE KEY-----\n"


def gateways(settings: Settings, simulators: Simulators) -> dict[str, Gateway]:
    """By code; to be hung up in the end. Those whose simulator is in this process speak to it directly."""
    accounts = settings.payments or (simulated_accounts(settings) if settings.demo else [])
    accounts = [each.account for each in simulators.values()] or accounts
    transports = {code: each.transport for code, each in simulators.items()}
    return {each.code: gateway(each, settings, transports.get(each.code)) for each in accounts}


def gateway(
    account: PaymentAccount, settings: Settings, transport: httpx.AsyncBaseTransport | None = None
) -> Gateway:
    notify_url = f"{settings.app_url}/payments/{account.code}/notify"
    if isinstance(account, WeChatPayAccount):
        return WeChatPay(account, notify_url, transport)
    return Alipay(account, notify_url, transport)


def simulators(settings: Settings) -> Simulators:
    """None in production, and none when the settings name ways to pay."""
    if settings.payments or not settings.demo:
        return {}
    found = simulated(settings.app_url + SIMULATED_AT, keys(settings.state), posted)
    for code, each in found.items():
        each.keep_in(settings.state / f"{code}.json")
    return found


def simulated_accounts(settings: Settings) -> list[PaymentAccount]:
    """Of the simulators that another process runs."""
    found = simulated(settings.app_url + SIMULATED_AT, keys(settings.state))
    return [each.account for each in found.values()]


def simulated(url: str, pair: Keys, post: Post | None = None) -> Simulators:
    """Both providers, reached at this URL."""
    merchant, platform = pair
    shared = {"key": private_pem(merchant), "platform_key": public_pem(platform)}
    wechat = WeChatPayAccount(
        code="wechat",
        merchant="1900000001",
        app_id="wx_simulated",
        serial="MERCHANT01",
        api_key="simulated".ljust(32, "0"),
        platform_serial="PLATFORM01",
        url=f"{url}/wechat",
        **shared,
    )
    gateway_url = f"{url}/alipay/gateway.do"
    alipay = AlipayAccount(code="alipay", app_id="2021000000000001", url=gateway_url, **shared)
    return {
        "wechat": WeChatPaySimulator(wechat, platform, f"{url}/wechat", post),
        "alipay": AlipaySimulator(alipay, platform, f"{url}/alipay", post),
    }


@cache
def keys(state: Path) -> Keys:
    """The simulated merchant's and the platform's, made once in a file for its owner only; rivals agree."""
    path = state / "simulated_keys.pem"
    if not path.exists():
        state.mkdir(parents=True, exist_ok=True)
        with NamedTemporaryFile("w", dir=state, prefix="keys-") as file:
            file.write("".join(private_pem(each) for each in fresh_keys()))
            file.flush()
            with suppress(FileExistsError):
                os.link(file.name, path)
    merchant, end, platform = path.read_text().partition(END)
    return private_key(merchant + end), private_key(platform)


@cache
def fresh_keys() -> Keys:
    return generate_private_key(65537, 2048), generate_private_key(65537, 2048)


def private_pem(key: RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: RSAPrivateKey) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


async def posted(url: str, headers: dict[str, str], body: bytes) -> int:
    """The status of the answer; 503 for none."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
        try:
            return (await client.post(url, content=body, headers=headers)).status_code
        except httpx.HTTPError:
            return httpx.codes.SERVICE_UNAVAILABLE

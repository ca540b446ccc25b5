"""Payments with a provider at the other end of the line: what it tells is believed when it signed it."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis.strategies import integers, text

from backoffice.kit.errors import Invalid, Unauthenticated
from backoffice.kit.time import now
from backoffice.settings import Settings
from backoffice.trade.payments.ports import Charge, Notice, Paid, PaymentAway, PaymentRefused, Repayment
from integrations.payments.amounts import fen_of, yuan_of
from integrations.payments.gateways import Gateway, fresh_keys, gateways, simulated, simulators
from integrations.payments.signing import in_pairs

FAR_AWAY = timedelta(days=3)


def read(gateway: Gateway, told: tuple[dict[str, str], bytes], body: bytes | None = None) -> Notice | None:
    headers = {name.lower(): value for name, value in told[0].items()}
    return gateway.read(headers, told[1] if body is None else body, now())


def part(charge: Charge, number: str = "F2611271234567", fen: int = 1) -> Repayment:
    return Repayment(number, charge.reference, fen, charge.amount_fen, "订单取消")


async def test_a_charge_is_paid_and_told(gateway: Gateway, simulator: Any, charge: Charge) -> None:
    assert (await gateway.query(charge.reference)).state == "unknown"
    client = await gateway.start(charge)
    assert client == {"code_url": f"http://shop/simulators/{gateway.code}/pay/{charge.reference}"}
    assert await gateway.start(charge) == client
    assert (await gateway.query(charge.reference)).state == "open"
    trade = simulator.pay(charge.reference)
    standing = await gateway.query(charge.reference)
    told = read(gateway, simulator.notice(charge.reference))
    assert isinstance(told, Paid)
    for paid in (standing.paid, told):
        assert paid
        assert (paid.reference, paid.amount_fen) == (charge.reference, 12950)
        assert paid.transaction_id == trade.transaction_id
        assert abs(paid.at - trade.paid_at) < timedelta(seconds=1)
    assert not await gateway.close(charge.reference)


async def test_what_was_changed_forged_or_kept_is_not_believed(
    gateway: Gateway, simulator: Any, charge: Charge
) -> None:
    await gateway.start(charge)
    simulator.pay(charge.reference)
    headers, body = simulator.notice(charge.reference)
    for forged in (body.replace(b"1", b"2", 1), body + b"&x=1", b"", b"{}", b"\xff", b"a=%ff&sign=1"):
        with pytest.raises((Unauthenticated, Invalid)):
            read(gateway, (headers, body), forged)
    with pytest.raises((Unauthenticated, Invalid)):
        gateway.read({}, body.replace(b"sign=", b"sing="), now())
    for moment in (now() - FAR_AWAY, now() + FAR_AWAY):
        with pytest.raises(Unauthenticated):
            read(gateway, simulator.notice(charge.reference, moment))


async def test_what_another_account_was_told_is_not_ours(
    gateway: Gateway, method: str, charge: Charge
) -> None:
    other = simulated("http://shop/simulators", fresh_keys())[method]
    if method == "wechat":
        other.account = other.account.model_copy(update={"merchant": "1900000002"})
        told = other.sealed("TRANSACTION.SUCCESS", {"mchid": "1900000002", "out_trade_no": "1"})
    else:
        other.account = other.account.model_copy(update={"app_id": "2021000000000002"})
        told = other.signed({"out_trade_no": "1", "trade_status": "TRADE_SUCCESS"})
    with pytest.raises(Invalid, match="bad_notice"):
        read(gateway, told)


async def test_a_notification_without_its_facts_is_refused(
    gateway: Gateway, simulator: Any, method: str
) -> None:
    if method == "wechat":
        merchant = {"mchid": simulator.account.merchant, "trade_state": "SUCCESS"}
        told = [
            simulator.sealed("TRANSACTION.SUCCESS", merchant | more) for more in ({}, {"out_trade_no": "1"})
        ]
    else:
        bad = ({}, {"out_trade_no": "1", "trade_no": "2", "total_amount": "1.001", "gmt_payment": "now"})
        told = [simulator.signed({"trade_status": "TRADE_SUCCESS"} | more) for more in bad]
    for each in told:
        with pytest.raises(Invalid, match="bad_notice"):
            read(gateway, each)


async def test_what_does_not_matter_is_taken_for_nothing(
    gateway: Gateway, simulator: Any, method: str
) -> None:
    if method == "wechat":
        assert read(gateway, simulator.sealed("COUPON.USE", {})) is None
    else:
        assert read(gateway, simulator.signed({"out_trade_no": "1", "trade_status": "TRADE_CLOSED"})) is None


async def test_a_closed_charge_is_not_paid(gateway: Gateway, simulator: Any, charge: Charge) -> None:
    await gateway.start(charge)
    assert await gateway.close(charge.reference)
    assert await gateway.close(charge.reference)
    assert (await gateway.query(charge.reference)).state == "closed"
    with pytest.raises(PaymentRefused):
        await gateway.start(charge)


async def test_parts_are_paid_back_and_never_more_than_was_paid(
    gateway: Gateway, simulator: Any, charge: Charge
) -> None:
    await gateway.start(charge)
    simulator.pay(charge.reference)
    assert await gateway.query_refund(part(charge)) is None
    for _ in range(2):
        repaid = await gateway.refund(part(charge))
        assert (repaid.number, repaid.state, repaid.amount_fen) == ("F2611271234567", "settled", 1)
    found = await gateway.query_refund(part(charge))
    assert found
    assert (found.state, found.amount_fen) == ("settled", 1)
    with pytest.raises(PaymentRefused):
        await gateway.refund(part(charge, fen=2))
    with pytest.raises(PaymentRefused):
        await gateway.refund(part(charge, "F2611271234568", 12950))
    await gateway.refund(part(charge, "F2611271234568", 12949))
    assert simulator.paid_back(charge.reference) == 12950
    standing = await gateway.query(charge.reference)
    assert (standing.state, standing.paid and standing.paid.amount_fen) == ("paid", 12950)
    told = read(gateway, simulator.refund_notice("F2611271234568"))
    assert getattr(told, "number", None) in ("F2611271234568", None)
    assert getattr(told, "amount_fen", None) == (12949 if gateway.code == "wechat" else 12950)


@pytest.mark.parametrize("trouble", ["fail", "lose_answers"])
async def test_no_answer_is_told_from_a_refusal(
    gateway: Gateway, simulator: Any, charge: Charge, trouble: str
) -> None:
    setattr(simulator, trouble, 1)
    with pytest.raises(PaymentAway):
        await gateway.start(charge)
    assert (charge.reference in simulator.books.trades) == (trouble == "lose_answers")
    await gateway.start(charge)
    simulator.pay(charge.reference)
    simulator.mishaps.append("short")
    with pytest.raises(PaymentAway):
        await gateway.refund(part(charge))
    simulator.mishaps.append("refused")
    with pytest.raises(PaymentRefused):
        await gateway.refund(part(charge))
    assert (await gateway.refund(part(charge))).state == "settled"


async def test_an_answer_that_they_did_not_sign_is_none(
    gateway: Gateway, simulator: Any, charge: Charge
) -> None:
    simulator._platform = simulated_stranger()
    with pytest.raises(PaymentAway, match="not signed"):
        await gateway.start(charge)


def simulated_stranger() -> Any:
    from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

    return generate_private_key(65537, 2048)


async def test_our_signature_is_looked_at(method: str, charge: Charge) -> None:
    simulator = simulated("http://shop/simulators", fresh_keys())[method]
    settings = Settings(secret="for tests")
    gateway = gateways(settings, {method: simulator})[method]
    gateway._key = simulated_stranger()
    with pytest.raises(PaymentAway):
        await gateway.start(charge)
    assert simulator.books.trades == {}


@given(integers(0, 10**9 - 1))
def test_yuan_are_exact(fen: int) -> None:
    assert fen_of(yuan_of(fen)) == fen


@pytest.mark.parametrize(("yuan", "fen"), [("129.5", 12950), ("0.01", 1), ("7", 700)])
def test_yuan_are_read_as_they_are_written(yuan: str, fen: int) -> None:
    assert fen_of(yuan) == fen


@given(text(max_size=12))
def test_what_is_no_amount_of_whole_fen_is_refused(said: str) -> None:
    try:
        fen = fen_of(said)
    except ValueError:
        return
    whole, _, part = said.partition(".")
    assert fen == int(whole) * 100 + int(part.ljust(2, "0"))


def test_what_alipay_signs_is_in_order() -> None:
    assert in_pairs({"b": "2", "a": "1", "sign": "x", "c": ""}) == b"a=1&b=2"


def test_simulators_are_for_development_only(tmp_path: Any) -> None:
    secret = "x" * 32
    shared: dict[str, Any] = {"secret": secret, "state": tmp_path}
    assert sorted(simulators(Settings(env="development", **shared))) == ["alipay", "wechat"]
    assert simulators(Settings(env="production", **shared)) == {}
    account = simulated("http://shop/simulators", fresh_keys())["alipay"].account
    assert simulators(Settings(env="development", payments=[account], **shared)) == {}
    assert list(gateways(Settings(env="production", payments=[account], **shared), {})) == ["alipay"]

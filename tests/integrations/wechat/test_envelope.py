"""Requests as WeChat signs them, in every mode, and what must not get through."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backoffice.settings import WeChatAccount
from integrations.channels.wechat.crypto import Cipher, sign
from integrations.channels.wechat.envelope import NOTHING, Envelopes, Signed, text_reply
from integrations.channels.wechat.errors import BadKey, BadSignature, BadXml, Refused
from integrations.channels.wechat.xml import parse, render

APP, TOKEN, KEY, OLD_KEY = "wx0123456789abcdef", "our-token", "k" * 43, "o" * 43
MOMENT = datetime(2026, 5, 1, 12, tzinfo=UTC)
STAMP = str(int(MOMENT.timestamp()))
BODY = render(
    {"ToUserName": "gh", "FromUserName": "o1", "CreateTime": 1, "MsgType": "text", "Content": "你好"}
)


def envelopes(mode: str = "safe", **more: str) -> Envelopes:
    return Envelopes(
        WeChatAccount.model_validate(
            {"app_id": APP, "token": TOKEN, "secret": "s", "aes_key": KEY, "mode": mode} | more
        )
    )


def plain(stamp: str = STAMP, nonce: str = "n1", token: str = TOKEN) -> Signed:
    return Signed(stamp, nonce, signature=sign(token, stamp, nonce))


def sealed(key: str = KEY, stamp: str = STAMP, as_json: bool = False) -> tuple[Signed, bytes]:
    encrypted = Cipher(key, APP).encrypt(BODY)
    fields = {"ToUserName": "gh", "Encrypt": encrypted}
    body = json.dumps(fields) if as_json else render(fields)
    signed = Signed(
        stamp,
        "n1",
        signature=sign(TOKEN, stamp, "n1"),
        msg_signature=sign(TOKEN, stamp, "n1", encrypted),
        encrypt_type="aes",
    )
    return signed, body.encode()


@pytest.mark.parametrize("mode", ["plain", "compatible"])
def test_plain(mode: str) -> None:
    opened = envelopes(mode).open(plain(), BODY.encode(), MOMENT)
    assert (opened.fields["Content"], opened.cipher) == ("你好", None)
    assert envelopes(mode).seal("<xml/>", None, STAMP, "n2") == "<xml/>"


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(("mode", "key"), [("safe", KEY), ("compatible", KEY), ("safe", OLD_KEY)])
def test_encrypted_and_answered_with_the_key_it_came_with(mode: str, key: str, as_json: bool) -> None:
    account = envelopes(mode, previous_aes_key=OLD_KEY)
    signed, body = sealed(key, as_json=as_json)
    opened = account.open(signed, body, MOMENT)
    assert opened.fields["Content"] == "你好"
    reply = text_reply("o1", "gh", "您好]]>", MOMENT)
    answer = parse(account.seal(reply, opened.cipher, STAMP, "n2"))
    assert answer["MsgSignature"] == sign(TOKEN, answer["TimeStamp"], answer["Nonce"], answer["Encrypt"])
    assert Cipher(key, APP).decrypt(answer["Encrypt"]) == reply
    assert parse(reply) | {"CreateTime": ""} == {
        "ToUserName": "o1",
        "FromUserName": "gh",
        "CreateTime": "",
        "MsgType": "text",
        "Content": "您好]]>",
    }
    assert account.seal(NOTHING, opened.cipher, STAMP, "n2") == NOTHING


def test_both_bodies_of_compatible_mode_are_decided_by_the_address() -> None:
    signed, body = sealed()
    both = body.replace(b"</xml>", b"<Content>forged</Content></xml>")
    assert envelopes("compatible").open(signed, both, MOMENT).fields["Content"] == "你好"


def test_safe_mode_takes_nothing_plain() -> None:
    with pytest.raises(BadKey):
        envelopes("safe").open(plain(), BODY.encode(), MOMENT)


def test_the_plain_signature_does_not_cover_what_is_encrypted() -> None:
    signed, body = sealed()
    swapped = Signed(STAMP, "n1", signed.signature, msg_signature=signed.signature, encrypt_type="aes")
    with pytest.raises(BadSignature):
        envelopes().open(swapped, body, MOMENT)


def test_a_plain_account_has_no_key() -> None:
    signed, body = sealed()
    with pytest.raises(BadKey):
        envelopes("plain", aes_key="").open(signed, body, MOMENT)


def test_an_encrypted_doctype_is_refused_too() -> None:
    encrypted = Cipher(KEY, APP).encrypt(
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><xml>&e;</xml>'
    )
    signed = Signed(STAMP, "n", "", sign(TOKEN, STAMP, "n", encrypted), "aes")
    with pytest.raises(BadXml):
        envelopes().open(signed, render({"Encrypt": encrypted}).encode(), MOMENT)


@pytest.mark.parametrize(
    ("late", "taken"), [(-301, False), (-300, True), (0, True), (300, True), (301, False)]
)
def test_what_is_older_or_newer_than_five_minutes_is_refused(late: int, taken: bool) -> None:
    moment = MOMENT + timedelta(seconds=late)
    for signed, body, mode in ((plain(), BODY.encode(), "plain"), (*sealed(), "safe")):
        if taken:
            envelopes(mode).open(signed, body, moment)
        else:
            with pytest.raises(BadSignature):
                envelopes(mode).open(signed, body, moment)


@pytest.mark.parametrize("stamp", ["", "now", "9" * 20, "9" * 5000, "-1", "1e9", "nan"])
def test_a_timestamp_is_a_time(stamp: str) -> None:
    with pytest.raises(BadSignature):
        envelopes("plain").open(plain(stamp), BODY.encode(), MOMENT)


@pytest.mark.parametrize("token", ["", "our-token ", "another"])
def test_an_address_is_verified_by_our_token_only(token: str) -> None:
    envelopes().verify(plain(), MOMENT)
    with pytest.raises(BadSignature):
        envelopes().verify(plain(token=token), MOMENT)


@given(data=st.data(), mode=st.sampled_from(["compatible", "safe"]))
def test_no_turned_bit_gets_through(data: st.DataObject, mode: str) -> None:
    """Of an encrypted body; what is around the ciphertext in it means nothing."""
    signed, body = sealed()
    begin = body.index(b"<Encrypt>") + len(b"<Encrypt><![CDATA[")
    place = data.draw(st.integers(begin, body.index(b"]]></Encrypt>") - 1))
    turned = bytearray(body)
    turned[place] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(Refused) as refused:
        envelopes(mode).open(signed, bytes(turned), MOMENT)
    assert 400 <= refused.value.status < 500


@given(st.binary(max_size=100), st.text(max_size=20), st.sampled_from(["", "raw", "aes", "des"]))
def test_nothing_unsigned_gets_through(body: bytes, junk: str, encrypt_type: str) -> None:
    signed = Signed(STAMP, junk, junk, junk, encrypt_type)
    with pytest.raises(Refused):
        envelopes("compatible").open(signed, body, MOMENT)

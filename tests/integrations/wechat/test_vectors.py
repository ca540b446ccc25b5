"""Tencent's own published samples, kept beside the project."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from backoffice.settings import WeChatAccount
from integrations.channels.wechat.crypto import Cipher, check_signature, decrypt, sign
from integrations.channels.wechat.envelope import Envelopes
from integrations.channels.wechat.errors import Refused
from integrations.channels.wechat.messages import Event, Text, read, read_fields
from integrations.channels.wechat.xml import parse, render

PATH = Path(__file__).parents[3].parent / "shared" / "wechat" / "vectors.json"
VECTORS: dict[str, Any] = json.loads(PATH.read_text()) if PATH.exists() else {}
pytestmark = [pytest.mark.shared, pytest.mark.skipif(not VECTORS, reason=f"no vectors in {PATH}")]


def of(*kinds: str) -> list[dict[str, Any]]:
    return [vector for kind in kinds for vector in VECTORS.get(kind, [])]


@pytest.mark.parametrize("vector", of("plain_signature"))
def test_plain_signatures(vector: dict[str, str]) -> None:
    assert sign(vector["token"], vector["timestamp"], vector["nonce"]) == vector["signature"]
    check_signature(vector["signature"], vector["token"], vector["timestamp"], vector["nonce"])


@pytest.mark.parametrize("vector", of("encrypt", "decrypt", "url_verify_encrypted", "reply_envelope"))
def test_both_ways(vector: dict[str, Any]) -> None:
    cipher = Cipher(vector["encoding_aes_key"], vector["appid"])
    assert cipher.decrypt(vector["encrypt"]) == vector["plaintext"]
    assert cipher.encrypt(vector["plaintext"], vector["random"].encode()) == vector["encrypt"]


@pytest.mark.parametrize("vector", of("decrypt", "url_verify_encrypted", "reply_envelope"))
def test_encrypted_signatures(vector: dict[str, Any]) -> None:
    parts = (vector["token"], vector["timestamp"], vector["nonce"], vector["encrypt"])
    assert sign(*parts) == vector["msg_signature"]
    assert len(vector["plaintext"].encode()) == vector["msg_len_bytes"]


@pytest.mark.parametrize("vector", of("decrypt"))
def test_what_was_sent_is_a_message(vector: dict[str, Any]) -> None:
    message = read(read_fields(vector["plaintext"]))
    assert message.account == parse(vector["plaintext"])["ToUserName"]
    assert isinstance(message, (Text, Event))


def test_mini_program_data() -> None:
    (vector,) = of("miniprogram")
    made = hashlib.sha1((vector["raw_data"] + vector["session_key"]).encode()).hexdigest()
    assert made == vector["signature"]


def provoke(case: str) -> None:
    """Do what a negative case tells."""
    sample = VECTORS["decrypt"][0]
    msg_signature = sample["msg_signature"]
    key, app, encrypted = sample["encoding_aes_key"], sample["appid"], sample["encrypt"]
    body = ""
    match case:
        case "tampered signature":
            msg_signature = "deadbeef"
        case "signature in msg_signature's place":
            msg_signature = sign(sample["token"], sample["timestamp"], sample["nonce"])
        case "wrong receiver appid":
            app = "wx_other_appid"
        case "EncodingAESKey not 43 chars":
            key = "abcde"
        case "ciphertext not base64":
            encrypted = "!!!not-base64!!!"
        case "ciphertext length not a multiple of 16":
            encrypted = "YWJj"
        case "bad padding":
            encrypted = "AAAAAAAAAAAAAAAAAAAAAA=="
        case _:
            body = '<!DOCTYPE foo [<!ENTITY x SYSTEM "file:///etc/passwd">]><xml><Content>&x;</Content></xml>'
    if body:
        read_fields(body)
    if encrypted != sample["encrypt"]:
        msg_signature = sign(sample["token"], sample["timestamp"], sample["nonce"], encrypted)
    check_signature(msg_signature, sample["token"], sample["timestamp"], sample["nonce"], encrypted)
    Cipher(key, app).decrypt(encrypted)


@pytest.mark.parametrize("vector", [v for v in of("negative") if v["expect"].startswith("reject")])
def test_negative_cases(vector: dict[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        provoke(vector["case"])
    assert 400 <= refused.value.status < 500
    expected = vector["expect"].removeprefix("reject").strip()
    assert not expected or refused.value.errcode == int(expected)


def test_the_previous_key_is_accepted_and_answered_with() -> None:
    sample = VECTORS["decrypt"][0]
    account = WeChatAccount(
        app_id=sample["appid"],
        token=sample["token"],
        secret="s",
        aes_key="n" * 43,
        previous_aes_key=sample["encoding_aes_key"],
    )
    envelopes = Envelopes(account)
    text, cipher = decrypt(envelopes._ciphers, sample["encrypt"])
    assert text == sample["plaintext"]
    answer = parse(envelopes.seal(render({"A": "b"}), cipher, "1", "n"))
    assert (
        Cipher(sample["encoding_aes_key"], sample["appid"]).decrypt(answer["Encrypt"])
        == "<xml><A><![CDATA[b]]></A></xml>"
    )

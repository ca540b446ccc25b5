"""Signatures and encryption against an implementation of our own, and against damage."""

import hashlib
import string
from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.channels.wechat.crypto import Cipher, check_signature, decrypt, sign
from integrations.channels.wechat.errors import (
    BadBase64,
    BadBuffer,
    BadCipher,
    BadKey,
    BadSignature,
    Refused,
    WrongApp,
)
from tests.integrations.wechat.aes import encrypt_cbc, wrapped

APP = "wx0123456789abcdef"
KEY = "q3mK9zX0bT7yWc5RfVhL2nJd8sPaGuEiYo1AxB4CwDk"
KEYS = st.text(string.ascii_letters + string.digits, min_size=43, max_size=43)


def raw(key: str) -> bytes:
    return b64decode(key + "=")


def ciphertext(key: str, content: bytes) -> str:
    return b64encode(encrypt_cbc(raw(key), content)).decode()


def test_the_other_implementation_is_aes() -> None:
    """FIPS 197, C.3: one block under a key of 256 bits."""
    key = bytes(range(32))
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    plain = bytes(left ^ right for left, right in zip(block, key[:16], strict=True))
    assert encrypt_cbc(key, plain).hex() == "8ea2b7ca516745bfeafc49904b496089"


@pytest.mark.parametrize("text", ["", "hi", "我是中文abcd123", "😀" * 40, "a" * 12, "a" * 11, "x\n y \n"])
@pytest.mark.parametrize("key", [KEY, KEY[:42] + "l", "A" * 43])
def test_what_the_other_makes_is_read_and_made_alike(text: str, key: str) -> None:
    """A key may end in bits that mean nothing: `…Dk` and `…Dl` are the same key."""
    made = ciphertext(key, wrapped(text.encode(), APP))
    cipher = Cipher(key, APP)
    assert cipher.decrypt(made) == text
    assert cipher.encrypt(text, random=b"0123456789abcdef") == made


@given(text=st.text(), key=KEYS, app=st.text(string.ascii_letters + string.digits, min_size=1, max_size=20))
def test_any_text_comes_back_under_any_key(text: str, key: str, app: str) -> None:
    cipher = Cipher(key, app)
    encrypted = cipher.encrypt(text)
    assert cipher.decrypt(encrypted) == text
    assert len(b64decode(encrypted)) % 32 == 0


def test_the_same_text_never_looks_the_same() -> None:
    cipher = Cipher(KEY, APP)
    assert len({cipher.encrypt("一") for _ in range(20)}) == 20


@pytest.mark.parametrize("key", ["", "abcde", "a" * 42, "a" * 44, "a" * 42 + "!", "a" * 42 + "\n"])
def test_a_key_has_43_letters_and_digits(key: str) -> None:
    with pytest.raises(BadKey) as refused:
        Cipher(key, APP)
    assert refused.value.errcode == -40004


def damaged() -> dict[str, tuple[str, type[Refused], int]]:
    message = b"<xml/>"
    good = wrapped(message, APP)
    pad = good[-1]
    return {
        "not base64": ("!!!", BadBase64, -40010),
        "not ascii": ("一二三四", BadBase64, -40010),
        "base64 without its end": (b64encode(bytes(32)).decode()[:-1], BadBase64, -40010),
        "empty": ("", BadCipher, -40007),
        "not blocks": ("YWJj", BadCipher, -40007),
        "a single block": (b64encode(bytes(16)).decode(), BadBuffer, -40008),
        "half a block of 32": (ciphertext(KEY, good[:-16]), BadBuffer, -40008),
        "pad of 0": (ciphertext(KEY, good[:-1] + b"\0"), BadBuffer, -40008),
        "pad of 33": (ciphertext(KEY, bytes(31) + b"\x21"), BadBuffer, -40008),
        "pad unlike itself": (
            ciphertext(KEY, good[:-pad] + b"\x07" + bytes([pad]) * (pad - 1)),
            BadBuffer,
            -40008,
        ),
        "longer than it is": (ciphertext(KEY, wrapped(message, APP, length=2**32 - 1)), BadBuffer, -40008),
        "shorter than it is": (ciphertext(KEY, wrapped(message, APP, length=1)), WrongApp, -40005),
        "nothing but pad": (ciphertext(KEY, b"\x20" * 32), BadBuffer, -40008),
        "no app": (ciphertext(KEY, wrapped(message, "")), WrongApp, -40005),
        "another app": (ciphertext(KEY, wrapped(message, APP[:-1] + "0")), WrongApp, -40005),
        "more than the app": (ciphertext(KEY, wrapped(message, APP + "0")), WrongApp, -40005),
        "not utf-8": (ciphertext(KEY, wrapped(b"\xff\xfe", APP)), BadBuffer, -40008),
    }


@pytest.mark.parametrize("case", damaged())
def test_damage_is_named(case: str) -> None:
    encrypted, kind, errcode = damaged()[case]
    with pytest.raises(kind) as refused:
        Cipher(KEY, APP).decrypt(encrypted)
    assert (refused.value.errcode, refused.value.extra) == (errcode, {"errcode": errcode})
    assert 400 <= refused.value.status < 500


@given(st.binary(max_size=200), st.booleans())
def test_no_bytes_are_more_than_refused(content: bytes, as_base64: bool) -> None:
    encrypted = b64encode(content).decode() if as_base64 else content.decode("latin1")
    with pytest.raises(Refused):
        Cipher(KEY, APP).decrypt(encrypted)


@given(data=st.data(), text=st.text(max_size=200))
def test_under_a_signature_no_bit_can_be_turned(data: st.DataObject, text: str) -> None:
    encrypted = Cipher(KEY, APP).encrypt(text)
    signature = sign("token", "1714037059", "nonce", encrypted)
    place = data.draw(st.integers(0, len(encrypted) - 1))
    turned = encrypted[:place] + chr(ord(encrypted[place]) ^ 1 << data.draw(st.integers(0, 6)))
    turned += encrypted[place + 1 :]
    check_signature(signature, "token", "1714037059", "nonce", encrypted)
    with pytest.raises(BadSignature) as refused:
        check_signature(signature, "token", "1714037059", "nonce", turned)
    assert (refused.value.status, refused.value.errcode) == (403, -40001)


@given(st.lists(st.text(), max_size=4))
def test_a_signature_is_over_the_sorted_parts(parts: list[str]) -> None:
    assert sign(*parts) == hashlib.sha1("".join(sorted(parts)).encode()).hexdigest()
    check_signature(sign(*reversed(parts)), *parts)


@pytest.mark.parametrize("given_signature", ["", "deadbeef", "签名", "\ud800", "0" * 40])
def test_whatever_is_not_the_signature_is_refused(given_signature: str) -> None:
    with pytest.raises(BadSignature):
        check_signature(given_signature, "token", "1", "\ud800")


def test_the_key_before_is_tried_second_and_answered_with() -> None:
    present, before = Cipher(KEY, APP), Cipher("b" * 43, APP)
    assert decrypt([present, before], present.encrypt("新")) == ("新", present)
    assert decrypt([present, before], before.encrypt("旧")) == ("旧", before)
    assert decrypt([present], present.encrypt("新")) == ("新", present)


def test_what_no_key_reads_is_refused_as_the_present_one_does() -> None:
    present, before = Cipher(KEY, APP), Cipher("b" * 43, APP)
    with pytest.raises(WrongApp):
        decrypt([present, before], Cipher(KEY, "wx_other").encrypt("x"))
    with pytest.raises(BadBuffer):
        decrypt([present, before], Cipher("c" * 43, APP).encrypt("x"))
    with pytest.raises(BadKey):
        decrypt([], present.encrypt("x"))

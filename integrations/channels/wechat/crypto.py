"""WeChat's signatures and its message encryption.

A signature is the SHA-1 of the sorted parts. Encrypted is, with AES-256-CBC under the key and its first 16
bytes as IV: 16 random bytes, the message's length in bytes (4, big-endian), the message, the app id; padded
by PKCS#7 to blocks of 32.
"""

import binascii
import hashlib
import hmac
import os
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence

from cryptography.hazmat.primitives.ciphers import Cipher as AesCipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC

from integrations.channels.wechat.errors import (
    BadBase64,
    BadBuffer,
    BadCipher,
    BadKey,
    BadSignature,
    Refused,
    WrongApp,
)

AES_BLOCK, PADDED_TO, RANDOM, LENGTH = 16, 32, 16, 4


def sign(*parts: str) -> str:
    """The hex signature of token, timestamp, nonce and, where it is encrypted, the ciphertext."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf8", "backslashreplace")).hexdigest()


def check_signature(given: str, *parts: str) -> None:
    """Raises `BadSignature` unless `given` is what `sign` makes of the parts; takes as long either way."""
    if not hmac.compare_digest(sign(*parts).encode(), given.encode("utf8", "backslashreplace")):
        raise BadSignature("the signature does not fit")


class Cipher:
    """One account's encryption under one EncodingAESKey of 43 characters. Raises `BadKey` for another."""

    def __init__(self, encoding_aes_key: str, app_id: str) -> None:
        if not re.fullmatch("[A-Za-z0-9+/]{43}", encoding_aes_key):
            raise BadKey("an EncodingAESKey has 43 letters and digits")
        key = b64decode(encoding_aes_key + "=")
        self._aes = AesCipher(AES(key), CBC(key[:AES_BLOCK]))
        self._app_id = app_id.encode()

    def encrypt(self, text: str, random: bytes | None = None) -> str:
        """The text as base64 ciphertext; `random` (16 bytes) is for those who need the same one again."""
        message = text.encode()
        content = (
            (random or os.urandom(RANDOM)) + len(message).to_bytes(LENGTH, "big") + message + self._app_id
        )
        pad = PADDED_TO - len(content) % PADDED_TO
        encryptor = self._aes.encryptor()
        padded = content + bytes([pad]) * pad
        return b64encode(encryptor.update(padded) + encryptor.finalize()).decode()

    def decrypt(self, encrypted: str) -> str:
        """The text in a ciphertext. Raises `BadBase64`, `BadCipher`, `BadBuffer` or `WrongApp`."""
        try:
            ciphertext = b64decode(encrypted, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadBase64("the ciphertext is not base64") from error
        if not ciphertext or len(ciphertext) % AES_BLOCK:
            raise BadCipher("the ciphertext is not made of blocks")
        decryptor = self._aes.decryptor()
        return self._open(unpadded(decryptor.update(ciphertext) + decryptor.finalize()))

    def _open(self, content: bytes) -> str:
        begin = RANDOM + LENGTH
        length = int.from_bytes(content[RANDOM:begin], "big")
        message, app_id = content[begin : begin + length], content[begin + length :]
        if len(content) < begin or len(message) < length:
            raise BadBuffer("the message is shorter than it says")
        if not hmac.compare_digest(app_id, self._app_id):
            raise WrongApp("encrypted for another account")
        try:
            return message.decode()
        except UnicodeDecodeError as error:
            raise BadBuffer("the message is not UTF-8") from error


def unpadded(content: bytes) -> bytes:
    """Raises `BadBuffer` unless it is padded whole to a block of 32."""
    pad = content[-1]
    if len(content) % PADDED_TO or not 1 <= pad <= PADDED_TO or content[-pad:] != bytes([pad]) * pad:
        raise BadBuffer("the padding is broken")
    return content[:-pad]


def decrypt(ciphers: Sequence[Cipher], encrypted: str) -> tuple[str, Cipher]:
    """The text, and the cipher that could read it: the reply is encrypted with the same one.

    `ciphers` are those of the present key and of the one before. Raises what the present one raised when none
    can read it, `BadKey` when there is none.
    """
    first: Refused = BadKey("no EncodingAESKey is set")
    for number, cipher in enumerate(ciphers):
        try:
            return cipher.decrypt(encrypted), cipher
        except Refused as refused:
            first = first if number else refused
    raise first

"""Both providers sign with RSA-SHA256 (PKCS #1 v1.5); signatures travel in base64."""

import base64
import binascii
from collections.abc import Mapping
from functools import cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key


@cache
def private_key(pem: str) -> RSAPrivateKey:
    """Raises `ValueError` for what is no RSA key."""
    key = load_pem_private_key(pem.encode(), None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("not an RSA key")
    return key


@cache
def public_key(pem: str) -> RSAPublicKey:
    """Raises `ValueError` for what is no RSA key."""
    key = load_pem_public_key(pem.encode())
    if not isinstance(key, RSAPublicKey):
        raise ValueError("not an RSA key")
    return key


def sign(key: RSAPrivateKey, sent: bytes) -> str:
    return base64.b64encode(key.sign(sent, PKCS1v15(), SHA256())).decode()


def is_signed(key: RSAPublicKey, sent: bytes, signature: str) -> bool:
    try:
        key.verify(base64.b64decode(signature, validate=True), sent, PKCS1v15(), SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def in_lines(*parts: str) -> bytes:
    """What WeChat Pay signs: each part and a line feed."""
    return "".join(f"{part}\n" for part in parts).encode()


def in_pairs(fields: Mapping[str, str]) -> bytes:
    """What Alipay signs: `name=value` by name, empty ones and the signature left out."""
    pairs = sorted((name, value) for name, value in fields.items() if value and name != "sign")
    return "&".join(f"{name}={value}" for name, value in pairs).encode()

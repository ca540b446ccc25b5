"""What carriers and we send each other is signed: HMAC-SHA256, hex, of `<unix seconds>.<what is sent>`."""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime, timedelta

from backoffice.kit.errors import Unauthenticated

TIMESTAMP, SIGNATURE = "x-carrier-timestamp", "x-carrier-signature"
SKEW = timedelta(minutes=5)


def signed(secret: str, sent: bytes, moment: datetime) -> dict[str, str]:
    """The headers that go with it."""
    seconds = str(int(moment.timestamp()))
    return {TIMESTAMP: seconds, SIGNATURE: signature(secret, seconds, sent)}


def require_signed(secret: str, sent: bytes, headers: Mapping[str, str], moment: datetime) -> None:
    """Raises `Unauthenticated` (`bad_signature`), also when it was signed over five minutes ago or ahead."""
    seconds = headers.get(TIMESTAMP, "")
    shown = headers.get(SIGNATURE, "")
    right = hmac.compare_digest(signature(secret, seconds, sent).encode(), shown.encode())
    recent = (
        seconds.isascii()
        and seconds.isdecimal()
        and abs(int(seconds[:12]) - moment.timestamp()) <= SKEW.total_seconds()
    )
    if not (right and recent):
        raise Unauthenticated("bad_signature", "not signed by this carrier, or too long ago")


def signature(secret: str, seconds: str, sent: bytes) -> str:
    return hmac.new(secret.encode(), f"{seconds}.".encode() + sent, hashlib.sha256).hexdigest()

"""The rules of webhooks: how a body is signed, and how long a failed attempt waits."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

FIRST_WAIT, LONGEST_WAIT = timedelta(seconds=5), timedelta(hours=1)


def signature(secrets: Sequence[str], body: bytes, at: datetime) -> str:
    """`t=<unix seconds>,v1=<hex>`: HMAC-SHA256 of `<t>.<body>`, a `v1` for each secret that is valid."""
    moment = int(at.timestamp())
    signed = b"%d.%s" % (moment, body)
    marks = (hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest() for secret in secrets)
    return ",".join([f"t={moment}", *(f"v1={mark}" for mark in marks)])


def backoff(attempts: int, random: Random) -> timedelta:
    """How long to wait after so many failed attempts: doubled each time, somewhere in its upper half."""
    longest = min(FIRST_WAIT * (1 << min(attempts - 1, 20)), LONGEST_WAIT)
    return longest * random.uniform(0.5, 1)

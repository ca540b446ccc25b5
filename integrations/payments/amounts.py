"""Yuan as Alipay writes them."""

import re

YUAN = re.compile(r"(\d{1,7})(?:\.(\d{1,2}))?", re.ASCII)
"""Below ten million: what our columns hold."""


def yuan_of(fen: int) -> str:
    """`12950` -> `129.50`."""
    return f"{fen // 100}.{fen % 100:02d}"


def fen_of(yuan: str) -> int:
    """`129.5` -> `12950`, exactly. Raises `ValueError` for what is no amount of whole fen."""
    found = YUAN.fullmatch(yuan)
    if found is None:
        raise ValueError(f"{yuan[:20]!r} is no amount")
    whole, part = found.groups()
    return int(whole) * 100 + int((part or "0").ljust(2, "0"))

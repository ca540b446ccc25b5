"""Numbers that people read out and identifiers that nobody can guess."""

import secrets
from datetime import datetime
from random import Random

from backoffice.kit.time import SHOP_ZONE

_system = secrets.SystemRandom()


def secret_id() -> str:
    """32 hex characters, 128 random bits."""
    return secrets.token_hex(16)


def check_digit(digits: str) -> str:
    """Luhn's check digit (ISO/IEC 7812-1 annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return str(-total % 10)


def order_number(placed_at: datetime, random: Random = _system) -> str:
    """16 digits: the shop's day (yymmdd), nine random digits, Luhn's check digit."""
    digits = f"{placed_at.astimezone(SHOP_ZONE):%y%m%d}{random.randrange(10**9):09d}"
    return digits + check_digit(digits)


def case_number(letter: str, at: datetime, random: Random = _system) -> str:
    """A letter (R return, F refund, C case, I invoice), the shop's day, seven digits: `R2611221234567`."""
    return f"{letter}{at.astimezone(SHOP_ZONE):%y%m%d}{random.randrange(10**7):07d}"

"""Personal data as it is listed, logged and exported."""

import re

PHONE = re.compile(r"(?<!\d)(1[3-9]\d)\d{4}(\d{4})(?!\d)")
LONG_NUMBER = re.compile(r"(?<!\d)\d(?:[ -]?\d){3,}(?=(?:[ -]?\d){4}(?!\d))")
"""All but the last four digits of eight or more: orders, parcels, cards, telephones."""
EMAIL = re.compile(r"([A-Za-z0-9])[A-Za-z0-9._%+-]*(@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)")
HOUSE = re.compile(
    r"(?<=[路街道巷弄里村园区苑庭城湾])\s*\d+\s*(?:号楼|号(?!线)|[弄幢栋座])"
    r"(?:\s*[A-Za-z]?\d+\s*(?:号楼|单元|[号弄幢栋座楼层室]|(?!\d)))*"
)


def mask_phone(phone: str) -> str:
    """`15400001234` -> `154****1234`; what is no mobile number keeps its last two characters."""
    return (
        PHONE.sub(r"\1****\2", phone) if PHONE.fullmatch(phone) else "*" * max(len(phone) - 2, 0) + phone[-2:]
    )


def mask_phones(text: str) -> str:
    """Mask every mobile number in a text."""
    return PHONE.sub(r"\1****\2", text)


def mask_free_text(text: str) -> str:
    """What a shopper typed, without mobile and other long numbers, e-mail addresses, house and room."""
    text = EMAIL.sub(r"\1***\2", mask_phones(text))
    text = LONG_NUMBER.sub(lambda found: re.sub(r"\d", "*", found.group()), text)
    return HOUSE.sub("****", text)


def mask_name(name: str) -> str:
    """`王小明` -> `王**`."""
    return name[:1] + "*" * max(len(name) - 1, 0)


def mask_street(street: str) -> str:
    """Keep what a street begins with, hide house and room: `文三路 90 号 3 幢` -> `文三路****`."""
    kept = re.match(r"\D{0,6}", street)
    return (kept.group() if kept else "").rstrip() + "****"


def mask_email(email: str) -> str:
    """`xiaoming@example.com` -> `x***@example.com`."""
    name, at, host = email.partition("@")
    return f"{name[:1]}***{at}{host}"

"""Numbers as shoppers write them: 12, 1.5, 十二, 一百二, 两."""

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000}
NUMERAL = r"(?:\d+(?:\.\d+)?|[零〇一二两俩三四五六七八九十百千]+)"


def number(text: str) -> float:
    """The value of a `NUMERAL`; a last digit counts in the unit below the one before it (一百二 is 120).

    Raises ValueError for anything else.
    """
    if text[:1].isdigit():
        return float(text)
    total, digit, unit = 0, 0, 10
    for character in text:
        if character in _UNITS:
            unit = _UNITS[character]
            total += max(digit, 1) * unit
            digit = 0
        elif character in _DIGITS:
            digit = _DIGITS[character]
            if character in "零〇":
                unit = 10
        else:
            raise ValueError(f"not a numeral: {text!r}")
    if not text:
        raise ValueError("not a numeral: ''")
    return float(total + digit * (unit // 10 if total else 1))

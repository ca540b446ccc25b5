"""Numbers as shoppers write them: 12, 1.5, 1,299, 十二, 一百二, 两, 1万2, 3k."""

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "俩": 2, "仨": 3, "〇": 0}
_UNITS = {"十": 10, "百": 100, "千": 1000}
_LARGE = {"万": 10_000, "w": 10_000, "千": 1000, "k": 1000}
ARABIC = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
CHINESE = r"[零〇一二两俩仨三四五六七八九十百千万]+"
NUMERAL = rf"(?:{ARABIC}|{CHINESE})"


def number(text: str) -> float:
    """The value of a numeral; a last digit counts in the unit below the one before it (一百二 is 120).

    Raises ValueError for anything else.
    """
    for sign, unit in _LARGE.items():
        many, large, rest = text.partition(sign)
        if large and (many or sign == "万") and (sign in "万w" or many[-1].isascii()):
            low = number(rest) * (unit // 10 if len(rest) == 1 else 1) if rest else 0
            return (number(many) if many else 1) * unit + low
    if text[:1].isascii() and text[:1].isdigit():
        return float(text.replace(",", ""))
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

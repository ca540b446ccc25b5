"""What a shopper typed, in the forms the understanding works on."""

import re
import unicodedata
from functools import lru_cache

from opencc import OpenCC

_SIMPLIFIED = OpenCC("t2s")
_LINK = re.compile(r"https?://[!-~]+|www\.[!-~]+")
_TAG = re.compile(r"<[^<>]{1,200}>")
_REPEAT = re.compile(r"(\D)\1{2,}")
PARCEL = r"(?<![a-z0-9])(?:sf|yt|jd|zto|sto)\d{8,15}(?![a-z0-9])"
"""A parcel's number in folded text: its courier's letters, then digits."""
_PARCEL = re.compile(PARCEL)
_LONG_NUMBER = re.compile(r"[a-z]{0,3}\d(?:[ -]?\d){6,}")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_FOUR_DIGITS = re.compile(r"(?<!\d)\d{4}(?!\d)")
_NEXT_MATTER = r"[,、\s]*(?=顺便|另外(?![一两几那的])|对了|还有就是|(?:然后|再)(?:帮|给|请|麻烦))"
_SENTENCE_END = re.compile(rf"[。!?;…\n]+|(?<=\D)\.(?!\w)|(?<=.){_NEXT_MATTER}")
_CLAUSE_END = re.compile(r"[。!?;…\n,、~\s]+|(?<=\D)\.(?!\w)")


@lru_cache(maxsize=None)
def _fold_character(character: str) -> str:
    folded = _SIMPLIFIED.convert(unicodedata.normalize("NFKC", character).lower())
    return folded if len(folded) == 1 else character


def fold(text: str) -> str:
    """Half-width, lower-case, simplified characters; as long as `text`, so that offsets stay true."""
    return "".join(map(_fold_character, text))


def normalise(text: str) -> str:
    """The words of a message without what does not change its meaning.

    Links and the numbers of parcels become a word for what they are, and so does another long number that
    says all there is; beside other words it only names a thing and goes. All numbers of four digits become
    the same one, a character said three or more times is said twice, punctuation becomes one space. Emoji
    stay.
    """
    text = _LINK.sub(" 链接 ", fold(text))
    text = _TAG.sub(" ", text)
    text = _PARCEL.sub(" 快递单号 ", text)
    text = _LONG_NUMBER.sub(" " if len(_HAN.findall(_LONG_NUMBER.sub("", text))) >= 2 else " 号码 ", text)
    text = _FOUR_DIGITS.sub("0000", text)
    text = _REPEAT.sub(r"\1\1", text)
    kept = (c if c.isalnum() or unicodedata.category(c) == "So" else " " for c in text)
    return " ".join("".join(kept).split())


def sentences(text: str) -> list[str]:
    """The parts of `text` that full stops, question marks, line breaks and words like 另外 separate."""
    return _parts(_SENTENCE_END, text)


def clauses(text: str) -> list[str]:
    """The parts of `text` that any punctuation or space separates."""
    return _parts(_CLAUSE_END, text)


def stands_alone(part: str) -> bool:
    """Whether `part` can be a question by itself: four characters or more, numbers not counted."""
    return len(re.sub(r"号码|\d|\s", "", normalise(_PARCEL.sub("", fold(part))))) >= 4


def _parts(separator: re.Pattern[str], text: str) -> list[str]:
    folded, parts, start = fold(text), [], 0
    for match in separator.finditer(folded):
        parts.append(text[start : match.start()].strip())
        start = match.end()
    parts.append(text[start:].strip())
    return [part for part in parts if normalise(part)]

"""What the intent classifier looks at: characters, words, sounds and concepts."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import combinations, islice

import jieba
from pypinyin import lazy_pinyin

from bot.components.concepts import Concepts
from bot.components.text import normalise

AT_ONCE = 5000

jieba.setLogLevel(logging.WARNING)
_MERGED_SOUNDS = (("zh", "z"), ("ch", "c"), ("sh", "s"), ("ing", "in"), ("eng", "en"), ("ang", "an"))


class Features:
    """Turns a message into feature names; `words` are shop words that must not be cut apart."""

    def __init__(
        self, words: Iterable[str] = (), concepts: Mapping[str, Iterable[str]] | None = None
    ) -> None:
        self._concepts = Concepts(concepts or {})
        self._jieba = tokenizer(words)

    def __call__(self, text: str) -> list[str]:
        """Names with repetition: `c` characters 1-4, `w` words 1-2, `p` syllables 1-3, `t` concepts 1-2."""
        plain = normalise(text)
        joined = plain.replace(" ", "")
        concepts = self._concepts(joined)
        words = [word for word in self._jieba.cut(plain) if word != " "]
        return [
            *(f"c{gram}" for gram in _grams(f"^{joined}$", 4)),
            *(f"w{' '.join(gram)}" for gram in _grams(words, 2)),
            *(f"p{' '.join(gram)}" for gram in _grams([careless_sound(c) for c in joined], 3)),
            *(f"t{concept}" for concept in concepts),
            *(f"t{one} {other}" for one, other in combinations(concepts, 2)),
        ]


def tokenizer(words: Iterable[str]) -> jieba.Tokenizer:
    """One that knows jieba's dictionary, which is read once in a process, and the words.

    The dictionary is copied in portions: half a million words at once would hold up the turns of a bot.
    """
    jieba.initialize()
    own = jieba.Tokenizer()
    own.FREQ, own.total, own.initialized = {}, jieba.dt.total, True
    known = iter(jieba.dt.FREQ.items())
    while portion := tuple(islice(known, AT_ONCE)):
        own.FREQ.update(portion)
    for word in words:
        own.add_word(word)
    return own


def _grams(items: str | list[str], longest: int) -> Iterator[str | list[str]]:
    for length in range(1, longest + 1):
        for start in range(len(items) - length + 1):
            yield items[start : start + length]


@lru_cache(maxsize=None)
def careless_sound(character: str) -> str:
    """The syllable of a character without the differences that many speakers do not make."""
    syllable = lazy_pinyin(character)[0]
    for careful, careless in _MERGED_SOUNDS:
        syllable = syllable.replace(careful, careless)
    return syllable

"""What a message is about, whatever its words: a small ontology of actions, things, times and questions."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from bot.components.text import normalise


class Concepts:
    """Names the concepts of a message; a sentence about 取消 then teaches 撤单 and 不要了 as well."""

    def __init__(self, words: Mapping[str, Iterable[str]]) -> None:
        """`words` lists the words of each concept; a word may belong to several."""
        self._concepts: defaultdict[str, set[str]] = defaultdict(set)
        for concept, names in words.items():
            for word in names:
                self._concepts[normalise(word).replace(" ", "")].add(concept)
        self._longest = max(map(len, self._concepts), default=0)

    def __call__(self, joined: str) -> list[str]:
        """The concepts of a normalised text without spaces, sorted, each once; words may overlap."""
        found: set[str] = set()
        for start in range(len(joined)):
            for end in range(start + 1, min(start + self._longest, len(joined)) + 1):
                found |= self._concepts.get(joined[start:end], set())
        return sorted(found)

"""Which sentences of the training data lie nearest to a new one: the same again, nearly the same, or those of
another intent.

Likeness is that of characters once width, case, blanks and marks make no difference: 0 to 100.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from backoffice.training.datasets.domain import Dataset, Labelled, Sentence
from backoffice.training.projects.editing import checked
from backoffice.training.projects.markup import read_markup

ALIKE, NEAR = 50, 86
NEIGHBOURS = 3


@dataclass(frozen=True)
class Neighbour:
    intent: str
    text: str
    likeness: int


@dataclass(frozen=True)
class Finding:
    """Of one new sentence: the sentence that it is, or nearly is, and the intent that all those nearest to it
    have instead of its own."""

    example: Labelled
    neighbours: Sequence[Neighbour]

    @property
    def same(self) -> Neighbour | None:
        return next((each for each in self.neighbours if each.likeness == 100), None)

    @property
    def near(self) -> Neighbour | None:
        return next((each for each in self.neighbours if NEAR <= each.likeness < 100), None)

    @property
    def border(self) -> str | None:
        others = {each.intent for each in self.neighbours}
        if len(self.neighbours) == NEIGHBOURS and len(others) == 1 and self.example.intent not in others:
            return others.pop()
        return None


def check(dataset: Dataset, added: Sequence[Labelled]) -> list[Finding]:
    """A finding on each new sentence, which is compared with those before it among them too.

    Raises `Invalid` (`example_invalid`).

    It takes a byte for each sentence that there is and each that is added.
    """
    import numpy as np  # half a second of every start

    new = [Sentence(each.intent, read_markup(checked(each.marked))[0]) for each in added]
    known = [*dataset.sentences, *new]
    asked, texts = [each.plain for each in new], [each.plain for each in known]
    likeness = process.cdist(asked, texts, scorer=fuzz.ratio, dtype=np.uint8, score_cutoff=ALIKE)
    findings = list[Finding]()
    for row, each in enumerate(added):
        scores = likeness[row, : len(dataset.sentences) + row].astype(np.int16)
        nearest = [place for place in np.argsort(-scores, kind="stable")[:NEIGHBOURS] if scores[place]]
        findings.append(
            Finding(each, [Neighbour(known[at].intent, known[at].text, int(scores[at])) for at in nearest])
        )
    return findings

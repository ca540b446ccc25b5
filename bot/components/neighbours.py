"""How like a message is to the examples of an intent, letter by letter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz, process

ASKED = 4
"""Only the likeliest labels are looked at: a message is compared with a twelfth of all examples."""
MOST_ALIKE = 3
STRANGE = 0.2
"""The likeness to labels that are not looked at, about that of any two texts."""


class Neighbours:
    """`examples` are normalised texts, those of each label."""

    def __init__(self, examples: Sequence[Sequence[str]]) -> None:
        self.examples = examples

    def __call__(self, texts: Sequence[str], scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """The likeness of each text to the labels it has the best `scores` for, both (texts, labels).

        It is the mean over the label's three examples that are most alike, 0 to 1; to all other labels it is
        `STRANGE`.
        """
        asked = np.argsort(-scores, axis=1)[:, :ASKED]
        found = np.full(scores.shape, STRANGE)
        for label in np.unique(asked):
            rows = np.flatnonzero((asked == label).any(axis=1))
            alike = process.cdist(
                [texts[row] for row in rows], self.examples[label], scorer=fuzz.ratio, dtype=np.uint8
            )
            most = min(MOST_ALIKE, alike.shape[1])
            found[rows, label] = np.partition(alike, -most, axis=1)[:, -most:].mean(axis=1) / 100
        return found

"""From evidence of several kinds to honest probabilities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
FREEDOM = 0.03
"""How far the weights may follow the evidence they are learnt from (scikit-learn's C)."""


@dataclass(frozen=True)
class Weighing:
    """A logistic regression over what was found for each label."""

    mean: Floats
    spread: Floats
    weights: Floats
    offset: Floats

    @classmethod
    def fit(cls, evidence: Floats, truth: NDArray[np.intp]) -> Weighing:
        """Learn from `evidence` (texts, kinds x labels), by models that have not seen the texts, and the true
        labels.
        """
        from sklearn.linear_model import LogisticRegression

        mean, spread = evidence.mean(axis=0), evidence.std(axis=0) + 1e-6
        judge = LogisticRegression(C=FREEDOM, tol=1e-3).fit((evidence - mean) / spread, truth)
        return cls(mean, spread, judge.coef_.T, judge.intercept_)

    def __call__(self, evidence: Floats) -> Floats:
        """The chance of each label; they add up to 1."""
        weighed = (evidence - self.mean) / self.spread @ self.weights + self.offset
        chances = np.exp(weighed - weighed.max(axis=-1, keepdims=True))
        return chances / chances.sum(axis=-1, keepdims=True)

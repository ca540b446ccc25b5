"""A linear classifier over sparse features: trained with scikit-learn, served with NumPy alone."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LinearModel:
    """Shapes: `idf` (features), `weights` (features, labels), `intercept` (labels)."""

    vocabulary: dict[str, int]
    idf: Floats
    weights: Floats
    intercept: Floats

    def scores(self, names: list[str]) -> NDArray[np.float64]:
        """How much the features of a message speak for each label."""
        counts = Counter(self.vocabulary[name] for name in names if name in self.vocabulary)
        scores = self.intercept.astype(np.float64)
        if counts:
            columns = np.fromiter(counts, dtype=np.intp)
            values = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64))) * self.idf[columns]
            scores = scores + (values / np.linalg.norm(values)) @ self.weights[columns]
        return scores

"""A linear classifier over sparse features: trained with scikit-learn, served with NumPy alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class LinearModel:
    """One weight per feature and label; `slope` and `offset` turn scores into honest probabilities."""

    labels: list[str]
    vocabulary: dict[str, int]
    idf: Floats
    weights: Floats
    intercept: Floats
    slope: float
    offset: float

    @classmethod
    def fit(
        cls,
        documents: Sequence[list[str]],
        labels: Sequence[str],
        copies: Sequence[tuple[int, list[str]]] = (),
    ) -> LinearModel:
        """Train on feature names per document; slope and offset are measured on a fifth held out.

        `copies` are altered documents, each with the place of its original, whose label it has and with which
        it is held out.
        """
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.model_selection import StratifiedKFold
        from sklearn.svm import LinearSVC

        vectoriser = TfidfVectorizer(analyzer=list, min_df=2, sublinear_tf=True, dtype=np.float32)
        written = vectoriser.fit_transform(documents)
        matrix = vstack([written, vectoriser.transform(names for _, names in copies)]) if copies else written
        origins = np.concatenate([np.arange(len(documents)), np.array([o for o, _ in copies], dtype=int)])
        names, truth = np.unique(labels, return_inverse=True)

        def train(rows: NDArray[np.bool_]) -> Any:
            return LinearSVC(C=1, tol=0.1, random_state=0).fit(matrix[rows], truth[origins][rows])

        learnt, held = next(StratifiedKFold(5, shuffle=True, random_state=0).split(written, labels))
        with ThreadPoolExecutor() as both:
            model, judge = both.map(train, (np.full(len(origins), True), np.isin(origins, learnt)))
        return cls(
            names.tolist(),
            vectoriser.vocabulary_,
            vectoriser.idf_.astype(np.float32),
            np.ascontiguousarray(model.coef_.T, dtype=np.float32),
            model.intercept_.astype(np.float32),
            *_calibration(judge.decision_function(written[held]), truth[held]),
        )

    def probabilities(self, names: list[str]) -> NDArray[np.float64]:
        """The chance of each label, in the order of `labels`; they add up to 1."""
        counts = Counter(self.vocabulary[name] for name in names if name in self.vocabulary)
        scores = self.intercept.astype(np.float64)
        if counts:
            columns = np.fromiter(counts, dtype=np.intp)
            values = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64))) * self.idf[columns]
            scores = scores + (values / np.linalg.norm(values)) @ self.weights[columns]
        return _chances(scores, self.slope, self.offset)

    def save(self, folder: Path) -> None:
        """Write two plain files into `folder`: no pickle."""
        names = {
            "labels": self.labels,
            "vocabulary": self.vocabulary,
            "slope": self.slope,
            "offset": self.offset,
        }
        written = json.dumps(names, ensure_ascii=False, default=int)
        (folder / "names.json").write_text(written, encoding="utf8")
        np.savez(folder / "weights.npz", idf=self.idf, weights=self.weights, intercept=self.intercept)

    @classmethod
    def load(cls, folder: Path) -> LinearModel:
        """Read what `save` wrote."""
        names = json.loads((folder / "names.json").read_text(encoding="utf8"))
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            return cls(**names, **{key: arrays[key] for key in arrays.files})


def _chances(scores: NDArray[np.float64], slope: float, offset: float) -> NDArray[np.float64]:
    """Each score through a logistic curve (Platt 1999), then brought to a sum of 1 over the labels."""
    chances = 1 / (1 + np.exp(-np.clip(slope * scores + offset, -30, 30)))
    return chances / chances.sum(axis=-1, keepdims=True)


def _calibration(scores: NDArray[np.float64], truth: NDArray[np.intp]) -> NDArray[np.float64]:
    """The slope and offset under which the true labels of held-out scores are likeliest."""
    from scipy.optimize import minimize

    def loss(curve: NDArray[np.float64]) -> float:
        chances = _chances(scores, *curve)[np.arange(len(truth)), truth]
        return -float(np.log(np.maximum(chances, 1e-12)).mean())

    return minimize(loss, (5, 0), method="Nelder-Mead", bounds=((0.1, 50), (-10, 10))).x

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
    """One weight per feature and label; `sharpness` turns scores into honest probabilities."""

    labels: list[str]
    vocabulary: dict[str, int]
    idf: Floats
    weights: Floats
    intercept: Floats
    sharpness: float

    @classmethod
    def fit(
        cls,
        documents: Sequence[list[str]],
        labels: Sequence[str],
        copies: Sequence[tuple[int, list[str]]] = (),
    ) -> LinearModel:
        """Train on feature names per document; the sharpness is measured on a fifth held out.

        `copies` are altered documents, each with the place of its original, whose label it has and with which
        it is held out.
        """
        from scipy.sparse import vstack
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.model_selection import StratifiedKFold

        vectoriser = TfidfVectorizer(analyzer=list, min_df=2, sublinear_tf=True, dtype=np.float32)
        written = vectoriser.fit_transform(documents)
        matrix = vstack([written, vectoriser.transform(names for _, names in copies)]) if copies else written
        origins = np.concatenate([np.arange(len(documents)), np.array([o for o, _ in copies], dtype=int)])
        names, truth = np.unique(labels, return_inverse=True)

        def train(rows: NDArray[np.bool_]) -> Any:
            model = LogisticRegression(
                C=20, solver="liblinear", multi_class="ovr", dual=True, tol=0.1, random_state=0
            )
            return model.fit(matrix[rows], truth[origins][rows])

        learnt, held = next(StratifiedKFold(5, shuffle=True, random_state=0).split(written, labels))
        with ThreadPoolExecutor() as both:
            model, judge = both.map(train, (np.full(len(origins), True), np.isin(origins, learnt)))
        return cls(
            names.tolist(),
            vectoriser.vocabulary_,
            vectoriser.idf_.astype(np.float32),
            np.ascontiguousarray(model.coef_.T, dtype=np.float32),
            model.intercept_.astype(np.float32),
            _sharpness(judge.decision_function(written[held]), truth[held]),
        )

    def probabilities(self, names: list[str]) -> NDArray[np.float64]:
        """The chance of each label, in the order of `labels`; they add up to 1."""
        counts = Counter(self.vocabulary[name] for name in names if name in self.vocabulary)
        scores = self.intercept.astype(np.float64)
        if counts:
            columns = np.fromiter(counts, dtype=np.intp)
            values = (1 + np.log(np.fromiter(counts.values(), dtype=np.float64))) * self.idf[columns]
            scores = scores + (values / np.linalg.norm(values)) @ self.weights[columns]
        return _softmax(self.sharpness * scores)

    def save(self, folder: Path) -> None:
        """Write two plain files into `folder`: no pickle."""
        names = {"labels": self.labels, "vocabulary": self.vocabulary, "sharpness": self.sharpness}
        written = json.dumps(names, ensure_ascii=False, default=int)
        (folder / "names.json").write_text(written, encoding="utf8")
        np.savez(folder / "weights.npz", idf=self.idf, weights=self.weights, intercept=self.intercept)

    @classmethod
    def load(cls, folder: Path) -> LinearModel:
        """Read what `save` wrote."""
        names = json.loads((folder / "names.json").read_text(encoding="utf8"))
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:
            return cls(**names, **{key: arrays[key] for key in arrays.files})


def _softmax(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    powers = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


def _sharpness(scores: NDArray[np.float64], truth: NDArray[np.intp]) -> float:
    """The factor on held-out scores under which the true labels are likeliest."""
    from scipy.optimize import minimize_scalar

    def loss(factor: float) -> float:
        chances = _softmax(factor * scores)[np.arange(len(truth)), truth]
        return -float(np.log(np.maximum(chances, 1e-12)).mean())

    return float(minimize_scalar(loss, bounds=(0.1, 10), method="bounded").x)

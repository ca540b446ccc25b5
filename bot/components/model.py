"""Which intent a text has: a linear model and the nearest examples, weighed against each other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.components.linear import LinearModel
from bot.components.neighbours import Neighbours
from bot.components.text import normalise
from bot.components.weighing import Weighing

FOLDS = 3
AT_ONCE = 5000


@dataclass(frozen=True)
class IntentModel:
    labels: list[str]
    linear: LinearModel
    neighbours: Neighbours
    weighing: Weighing

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        documents: Sequence[list[str]],
        labels: Sequence[str],
        copies: Sequence[tuple[int, list[str]]] = (),
    ) -> IntentModel:
        """Train on texts, their feature names and their labels.

        `copies` are altered documents, each with the place of its original, whose label it has. How to weigh
        is learnt from each third of the texts, as models of the other two see it.
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
        plain = list(map(_plain, texts))

        def train(learnt: NDArray[np.intp]) -> Any:
            """One at a time: liblinear has one source of chance, two would draw from it in any order."""
            rows = np.isin(origins, learnt)
            return LinearSVC(C=1, tol=0.1, random_state=0).fit(matrix[rows], truth[origins][rows])

        def examples(learnt: NDArray[np.intp]) -> Neighbours:
            return Neighbours(
                [[plain[i] for i in learnt if truth[i] == label] for label in range(len(names))]
            )

        folds = list(StratifiedKFold(FOLDS, shuffle=True, random_state=0).split(written, labels))
        everything = np.arange(len(documents))
        model, *judges = map(train, [everything, *(learnt for learnt, _ in folds)])
        evidence = np.empty((len(documents), 2 * len(names)))
        for judge, (learnt, held) in zip(judges, folds, strict=True):
            scores = judge.decision_function(written[held])
            likeness = examples(learnt)([plain[i] for i in held], scores)
            evidence[held] = np.hstack([scores, likeness])
        return cls(
            names.tolist(),
            LinearModel(
                {name: int(place) for name, place in vectoriser.vocabulary_.items()},
                vectoriser.idf_.astype(np.float32),
                np.ascontiguousarray(model.coef_.T, dtype=np.float32),
                model.intercept_.astype(np.float32),
            ),
            examples(everything),
            Weighing.fit(evidence, truth),
        )

    def probabilities(self, text: str, names: list[str]) -> NDArray[np.float64]:
        """The chance of each label for a text and its feature names, in the order of `labels`."""
        scores = self.linear.scores(names)[np.newaxis]
        return self.weighing(np.hstack([scores, self.neighbours([_plain(text)], scores)]))[0]

    def save(self, folder: Path) -> None:
        """Write two plain files into `folder`: no pickle.

        Names are written in lines, each read in a moment: a bot that loads a model goes on talking meanwhile.
        """
        linear, weighing = vars(self.linear).copy(), vars(self.weighing)
        vocabulary = linear.pop("vocabulary")
        words = sorted(vocabulary, key=vocabulary.__getitem__)
        with (folder / "names.jsonl").open("w", encoding="utf8") as file:
            for each in (self.labels, *self.neighbours.examples, *portions(words, AT_ONCE)):
                file.write(json.dumps(each, ensure_ascii=False) + "\n")
        arrays = {f"linear.{key}": value for key, value in linear.items()}
        np.savez(folder / "weights.npz", **arrays, **{f"weighing.{k}": v for k, v in weighing.items()})

    @classmethod
    def load(cls, folder: Path) -> IntentModel:
        """Read what `save` wrote."""
        with (folder / "names.jsonl").open(encoding="utf8") as file:
            labels = json.loads(next(file))
            examples = [json.loads(next(file)) for _ in labels]
            words = [word for line in file for word in json.loads(line)]
        vocabulary = {word: place for place, word in enumerate(words)}
        with np.load(folder / "weights.npz", allow_pickle=False) as arrays:

            def part(of: str) -> dict[str, NDArray[Any]]:
                return {key.split(".")[1]: arrays[key] for key in arrays.files if key.startswith(of)}

            linear = LinearModel(vocabulary, **part("linear"))
            return cls(labels, linear, Neighbours(examples), Weighing(**part("weighing")))


def portions(words: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(words), size):
        yield words[start : start + size]


def _plain(text: str) -> str:
    return normalise(text).replace(" ", "")

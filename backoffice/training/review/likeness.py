"""Which messages are alike: shared pieces of one to three characters, rare ones counting more (TF-IDF), and
the same reading of the bot.

A group has a leader; whatever is like it enough belongs to it. With these weights two messages that are read
alike need some rare piece in common, others much more. What the bot never learned and several messages say is
new: it is read in many ways, so these words count more.
"""

import re
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from backoffice.training.review.domain import Said

PIECES = 1 << 18
"""Pieces are numbered by a hash of theirs; two that share a number do little harm."""
LONGEST = 3
READING = 0.4
ALIKE = 0.2
"""Of 2,000 sentences of the 46 intents, three in ten of them read wrongly, this puts two of three into a
group with others, of which eight in ten are of the group's commonest intent; of 40 ways to ask for one new
thing, each read as anything, half make one group (by the messages' own weights none is greater than 3).
"""
SEVERAL, NEW = 4, 2.0
ROWS_AT_ONCE, MOST_LATE = 500, 100

Matrix = Any


def pieces(text: str) -> set[int]:
    """Numbers of the text's pieces, without signs; every number in it is as good as another."""
    plain = re.sub(r"[\d*]+", "0", re.sub(r"[^\w*]", "", text.lower()))
    ends = range(1, LONGEST + 1)
    return {
        crc32(plain[at : at + length].encode()) % PIECES
        for length in ends
        for at in range(len(plain) - length + 1)
    }


def counted(said: Sequence[Said]) -> Matrix:
    """A row for each message with 1 for each piece."""
    rows = [sorted(pieces(each.text)) for each in said]
    ends = np.cumsum([0, *map(len, rows)])
    numbers = np.array([number for row in rows for number in row], dtype=np.int32)
    return sparse.csr_array(
        (np.ones(len(numbers), dtype=np.float32), numbers, ends), shape=(len(rows), PIECES)
    )


def readings(said: Sequence[Said]) -> Matrix:
    numbers = np.array([crc32(each.read_as.encode()) % PIECES for each in said], dtype=np.int32)
    ends = np.arange(len(said) + 1)
    ones = np.full(len(said), READING, dtype=np.float32)
    return sparse.csr_array((ones, numbers, ends), shape=(len(said), PIECES))


class Learned:
    """In how many of the sentences that the bot learned from each piece is."""

    def __init__(self, texts: Sequence[str] = ()) -> None:
        self.found, self.sentences = frequencies([Said(text, "") for text in texts]), len(texts)


def frequencies(said: Sequence[Said]) -> NDArray[np.float32]:
    return np.asarray(counted(said).sum(axis=0), dtype=np.float32).ravel()


class Scale:
    """How much a piece counts: the rarer in these messages and in what was learned the more."""

    def __init__(self, said: Sequence[Said], learned: Learned | None = None) -> None:
        here, learned = frequencies(said), learned or Learned()
        everywhere, total = here + learned.found, len(said) + learned.sentences
        self._weights = (np.log((1 + total) / (1 + everywhere)) + 1).astype(np.float32)
        if learned.sentences:
            self._weights[(learned.found == 0) & (here >= SEVERAL)] *= NEW

    def rows(self, said: Sequence[Said]) -> Matrix:
        """A row of length 1 for each message, so that the product of two is their likeness, 0 to 1."""
        rows = counted(said)
        rows.data *= self._weights[rows.indices]
        length = np.sqrt(np.asarray(rows.multiply(rows).sum(axis=1)).ravel())
        length[length == 0] = 1
        rows.data *= np.repeat(np.sqrt(1 - READING**2) / length, np.diff(rows.indptr)).astype(np.float32)
        return sparse.hstack([rows, readings(said)]).tocsr()


def grouped(said: Sequence[Said], learned: Learned | None = None) -> list[int]:
    """For each message the place of its group's leader: who is like most others comes first."""
    rows = Scale(said, learned).rows(said)
    other = rows.T.tocsr()
    likes: list[NDArray[np.int32]] = []
    for start in range(0, len(said), ROWS_AT_ONCE):
        near = (rows[start : start + ROWS_AT_ONCE] @ other).tocsr()
        near.data[near.data < ALIKE] = 0
        near.eliminate_zeros()
        likes += np.split(near.indices, near.indptr[1:-1])
    leaders = np.full(len(said), -1)
    for place in sorted(range(len(said)), key=lambda place: -len(likes[place])):
        if leaders[place] < 0:
            free = likes[place][leaders[likes[place]] < 0]
            leaders[free] = place
            leaders[place] = place
    return [int(leader) for leader in leaders]


class Leaders:
    """The leaders of known groups, to find the group of one more message."""

    _late_rows: Matrix

    def __init__(self, groups: Sequence[tuple[int, Said]] = ()) -> None:
        self._groups: list[tuple[int, Said]] = []
        self._settle(groups)

    def add(self, groups: Sequence[tuple[int, Said]]) -> None:
        """Now and then, in all as often as they double, everything is weighed anew."""
        self._late += groups
        if len(self._late) > max(MOST_LATE, len(self._groups)):
            self._settle(self._late)
        elif groups:
            new = self._scale.rows([said for _, said in groups])
            self._late_rows = sparse.vstack([self._late_rows, new]).tocsr()

    def _settle(self, groups: Sequence[tuple[int, Said]]) -> None:
        self._groups += groups
        said = [said for _, said in self._groups]
        self._scale = Scale(said)
        self._columns = self._scale.rows(said).tocsc()
        self._late: list[tuple[int, Said]] = []
        self._late_rows = self._scale.rows([])

    @property
    def newest(self) -> int:
        """The greatest id; 0: none is known."""
        return max((id for id, _ in (*self._groups[-1:], *self._late[-1:])), default=0)

    def nearest(self, said: Said) -> int | None:
        """The id of the group whose leader is most like it, None when none is like it enough."""
        row = self._scale.rows([said])
        likes = np.concatenate(
            [self._columns[:, row.indices] @ row.data, self._late_rows[:, row.indices] @ row.data]
        )
        if not likes.size or likes.max() < ALIKE:
            return None
        best = int(likes.argmax())
        known = len(self._groups)
        return (self._groups[best] if best < known else self._late[best - known])[0]

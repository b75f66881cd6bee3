"""The answer of a stream: classes on disk, and labels that are written out batch by batch."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables import labels
from tidegate.deid.tables.labels import Ladder, Spans
from tidegate.deid.tables.model import SUPPRESSED, Recoding
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tidegate.deid.tables.model import Codes

_STEP = 1 << 18


@dataclass(frozen=True, slots=True)
class Recoded:
    """The answer on disk: a class for every record, and the leaves that each class spans."""

    classes: "Codes"
    low: "NDArray[np.int32]"
    high: "NDArray[np.int32]"
    ladders: tuple[Ladder, ...]

    def batches(self, rows: int = _STEP) -> "Iterator[tuple[Codes, tuple[tuple[str, ...], ...]]]":
        """Give, in the order of the records, their place among the labels and the labels."""
        for start in range(0, len(self.classes), rows):
            mine = np.asarray(self.classes[start : start + rows])
            held, place = np.unique(mine[mine >= 0], return_inverse=True)
            at = np.full(len(mine), SUPPRESSED, np.int32)
            at[mine >= 0] = place
            texts = tuple(
                ladder.texts(self.low[column, held], self.high[column, held])
                for column, ladder in enumerate(self.ladders)
            )
            yield at, texts

    def recoding(self) -> Recoding:
        """Return the answer as that of a table; the classes of the records stay on disk."""
        columns = list(zip(self.ladders, self.low, self.high, strict=True))
        return Recoding(
            np.asarray(self.classes),
            tuple(ladder.texts(low, high) for ladder, low, high in columns),
            np.stack([ladder.losses(low, high) for ladder, low, high in columns]),
        )

    def sizes(self) -> "NDArray[np.int64]":
        """Return the records that are left out, and then those of every class."""
        sizes = np.zeros(self.low.shape[1] + 1, np.int64)
        for start in range(0, len(self.classes), _STEP):
            mine = self.classes[start : start + _STEP]
            sizes += np.bincount(np.asarray(mine) + 1, minlength=len(sizes))
        return sizes

    def losses(self) -> "NDArray[np.float64]":
        """Return the mean penalty of each column over all records; left out ones count 1."""
        sizes = self.sizes()
        own = np.stack(
            [
                ladder.losses(low, high)
                for ladder, low, high in zip(self.ladders, self.low, self.high, strict=True)
            ]
        )
        return np.asarray(((own * sizes[1:]).sum(axis=1) + sizes[0]) / len(self.classes))


def unified(answer: Recoded) -> Recoded:
    """Make one class of those that publish the same, and number them by what they cover."""
    count = answer.low.shape[1]
    every = Spans(np.arange(count, dtype=np.int32), answer.low, answer.high, answer.ladders)
    merged = labels.merge(every, np.arange(count))
    number = np.append(merged.classes, np.int32(SUPPRESSED))
    for start in range(0, len(answer.classes), _STEP):
        mine = slice(start, start + _STEP)
        answer.classes[mine] = number[answer.classes[mine]]
    return Recoded(answer.classes, merged.low, merged.high, answer.ladders)

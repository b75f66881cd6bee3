"""What an attacker sees of a release: classes, their members, and whom a class may be about."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tidegate.deid.covering import cover_labels
from tidegate.deid.tables.model import SUPPRESSED, Recoding, TableInput
from tidegate.kernel.values import dataclass

Numbers: TypeAlias = npt.NDArray[np.intp]
_Flags: TypeAlias = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class View:
    """A release, opened for attack."""

    classes: Numbers
    order: Numbers
    """The published records, class by class."""
    starts: Numbers
    """Where each class begins in `order`; one more at the end."""
    labels: tuple[Numbers, ...]
    """For each column, each class's label, a row of `covers`."""
    covers: tuple[_Flags, ...]
    """For each column, which leaves (columns) a label (row) covers; none for exact values."""
    loss: npt.NDArray[np.float64]

    def members(self, number: int) -> Numbers:
        """Return the records of a class; none for a class that is not there."""
        if number == SUPPRESSED:
            return self.order[:0]
        return self.order[self.starts[number] : self.starts[number + 1]]

    def published(self) -> Numbers:
        """Return the records of all classes."""
        return self.order[self.starts[0] :]

    def find(self, table: TableInput, record: int) -> int:
        """Return the class an attacker takes for a person's: the tightest that covers them all.

        The person's own class covers them, so a person who is published is never missed; another
        class may be tighter, and then the attacker is wrong. `SUPPRESSED` if none covers them.
        """
        fits = np.ones(len(self.loss), bool)
        for labels, cover, column in zip(self.labels, self.covers, table.quasi, strict=True):
            fits &= cover[:, column.codes[record]][labels]
        found = np.flatnonzero(fits)
        return int(found[self.loss[found].argmin()]) if len(found) else SUPPRESSED

    def fitting(self, table: TableInput, number: int) -> Numbers:
        """Return the records of the table whom a class's labels cover, published in it or not."""
        if not self.covers:
            return self.members(number)
        parts = [*zip(self.labels, self.covers, table.quasi, strict=True)]
        parts.sort(key=lambda part: part[1][part[0][number]].mean())  # the narrowest label first
        found: Numbers | None = None
        for labels, cover, column in parts:
            inside = cover[labels[number]]
            if found is None:
                found = np.flatnonzero(inside[column.codes])
            else:
                found = found[inside[column.codes[found]]]
        return np.arange(table.rows) if found is None else found


def open_release(table: TableInput, recoding: Recoding) -> View:
    """Open a release of a table."""
    covers, places = [], []
    for column, labels in zip(table.quasi, recoding.labels, strict=True):
        texts, which = np.unique(np.array(labels, object), return_inverse=True)
        covers.append(cover_labels(column.hierarchy, texts.tolist()))
        places.append(which)
    loss = np.asarray(recoding.losses.sum(axis=0), float)
    return _view(recoding.classes.astype(np.intp), tuple(places), tuple(covers), loss)


def open_exact(table: TableInput) -> View:
    """Open the table itself, as if it were published unchanged: one class an exact record."""
    classes, count = np.zeros(table.rows, np.intp), 1
    for column in table.quasi:
        keys = classes * len(column.hierarchy.leaves) + column.codes
        heads, classes = np.unique(keys, return_inverse=True)
        count = len(heads)
    return _view(classes, (), (), np.zeros(count))


def _view(
    classes: Numbers,
    labels: tuple[Numbers, ...],
    covers: tuple[_Flags, ...],
    loss: npt.NDArray[np.float64],
) -> View:
    order = np.argsort(classes, kind="stable")
    starts = np.searchsorted(classes[order], np.arange(len(loss) + 1))
    return View(classes, order, starts, labels, covers, loss)

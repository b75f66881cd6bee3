"""What became of each quasi-identifier of a recoded table, as shares of all records received."""

from typing import TYPE_CHECKING

from tidegate.deid.tables.model import ANY, Recoding, TableInput
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from tidegate.deid.tables.model import Codes

_DIGITS = 4


@dataclass(frozen=True, slots=True)
class ColumnShares:
    """One column: what is published exactly, what is hidden, and the mean loss."""

    name: str
    exact: float
    hidden: float
    """Nothing is told there: `*`, or the record is left out."""
    loss: float
    """The mean normalised certainty penalty: 0 exact, 1 nothing (Xu et al. 2006)."""


def shares_of(table: TableInput, recoding: Recoding) -> tuple[ColumnShares, ...]:
    """Return the shares of every quasi-identifier; a record left out has lost all of it."""
    sizes = class_sizes(recoding).tolist()
    rows, left_out = table.rows, table.rows - sum(sizes)
    found = []
    for place, column in enumerate(table.quasi):
        labels = recoding.labels[place]
        leaves = set(column.hierarchy.leaves)
        exact = sum(n for label, n in zip(labels, sizes, strict=True) if label in leaves)
        hidden = sum(n for label, n in zip(labels, sizes, strict=True) if label == ANY) + left_out
        kept = zip(recoding.losses[place].tolist(), sizes, strict=True)
        lost = sum(loss * n for loss, n in kept) + left_out
        found.append(ColumnShares(column.name, exact / rows, hidden / rows, lost / rows))
    return tuple(found)


def class_sizes(recoding: Recoding) -> "Codes":
    """Return how many records each published class has."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    published = recoding.classes[recoding.classes >= 0]
    return np.bincount(published, minlength=recoding.class_count).astype(np.int32)


def decimal(share: float) -> str:
    """Write a share with four digits."""
    return f"{share:.{_DIGITS}f}"

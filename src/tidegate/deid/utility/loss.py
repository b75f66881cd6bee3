"""How much a recoding lost, cell by cell.

- NCP, normalised certainty penalty (Xu et al. 2006): the engine's losses, 0 exact to 1 `*`; a
  suppressed record loses 1 in every column.
- Discernibility (Bayardo and Agrawal 2005): the sum of squared class sizes, and the number of all
  records for each suppressed one.
- Non-uniform entropy (De Waal and Willenborg 1999; Gionis and Tassa 2009, definition 2.3): the bits
  needed to tell a record's value from its label, as a share of those needed to tell it from `*`.
- Error, for numbers: the mean distance between a value and the centre of the label published for
  it, as a share of the column's range.
"""

import numpy as np
import numpy.typing as npt

from tidegate.deid.covering import cover_labels
from tidegate.deid.tables.model import SUPPRESSED, Hierarchy, QuasiColumn, Recoding, TableInput
from tidegate.deid.utility.model import ColumnLoss, Loss
from tidegate.kernel.values import dataclass

_BLOCK = 1 << 20


def measure_loss(before: TableInput, after: Recoding) -> Loss:
    """Return what was lost, by column and in all; columns weigh as the table says."""
    sizes = np.zeros(after.class_count, np.int64)
    for start in range(0, before.rows, _BLOCK):
        mine = after.classes[start : start + _BLOCK]
        sizes += np.bincount(mine[mine != SUPPRESSED], minlength=len(sizes))
    missing = int(before.rows - sizes.sum())
    columns = tuple(_lose(column, after, place, sizes) for place, column in enumerate(before.quasi))
    weights = [column.weight for column in before.quasi]
    total = sum(weights)
    ncp = sum(w * one.ncp for w, one in zip(weights, columns, strict=True)) / total if total else 0
    return Loss(
        ncp=float(ncp),
        discernibility=int((sizes**2).sum()) + missing * before.rows,
        suppressed=missing,
        columns=columns,
    )


def centre_of(hierarchy: Hierarchy, covered: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the mean of the numbers each row of leaves covers; NaN where it covers no number."""
    numbers = np.array([as_number(leaf) for leaf in hierarchy.leaves])
    known = covered & ~np.isnan(numbers)
    counts = known.sum(axis=1)
    sums = known @ np.nan_to_num(numbers)
    centres = np.full(len(covered), np.nan)
    np.divide(sums, counts, out=centres, where=counts > 0)
    return centres


def as_number(text: str) -> float:
    """Return the number a text is, or NaN."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _lose(
    column: QuasiColumn, after: Recoding, place: int, sizes: npt.NDArray[np.int64]
) -> ColumnLoss:
    rows = len(column.codes)
    labels, which = np.unique(np.array(after.labels[place], object), return_inverse=True)
    covered = cover_labels(column.hierarchy, labels.tolist())
    seen = _count_pairs(column, after.classes, which)
    missing = rows - int(seen.counts.sum())
    single = covered.sum(axis=1) == 1
    error = None
    numbers = np.array([as_number(leaf) for leaf in column.hierarchy.leaves])
    known = numbers[seen.leaves > 0]
    known = known[~np.isnan(known)]
    if len(known) and known.max() > known.min() and column.hierarchy.ordered:
        apart = np.abs(numbers[seen.codes] - centre_of(column.hierarchy, covered)[seen.labels])
        told = ~np.isnan(apart)
        mean = float(apart[told] @ seen.counts[told]) / max(int(seen.counts[told].sum()), 1)
        error = mean / float(known.max() - known.min()) if told.any() else None
    return ColumnLoss(
        name=column.name,
        ncp=float((after.losses[place] @ sizes + missing) / rows) if rows else 0.0,
        entropy=_entropy(seen, covered),
        changed=float(1 - seen.counts[single[seen.labels]].sum() / rows) if rows else 0.0,
        error=error,
    )


@dataclass(frozen=True, slots=True)
class _Seen:
    """How often each value is published under each label, and how often it stands in the table."""

    codes: npt.NDArray[np.int64]
    labels: npt.NDArray[np.int64]
    counts: npt.NDArray[np.int64]
    leaves: npt.NDArray[np.int64]


def _count_pairs(
    column: QuasiColumn, classes: npt.NDArray[np.int32], which: npt.NDArray[np.intp]
) -> _Seen:
    """Count values and labels block by block, so that millions of records take little memory."""
    width = len(column.hierarchy.leaves)
    pairs, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
    leaves = np.zeros(width, np.int64)
    for start in range(0, len(column.codes), _BLOCK):
        codes, mine = column.codes[start : start + _BLOCK], classes[start : start + _BLOCK]
        leaves += np.bincount(codes, minlength=width)
        kept = mine != SUPPRESSED
        found, often = np.unique(
            which[mine[kept]].astype(np.int64) * width + codes[kept], return_counts=True
        )
        pairs, place = np.unique(np.concatenate((pairs, found)), return_inverse=True)
        counts = np.bincount(place, np.concatenate((counts, often)), len(pairs)).astype(np.int64)
    return _Seen(pairs % width, pairs // width, counts, leaves)


def _entropy(seen: _Seen, covered: npt.NDArray[np.bool_]) -> float:
    """Sum log2 of how rare a value is among the original records that its label covers."""
    counts = seen.leaves.astype(float)
    rows = counts.sum()
    present = counts[counts > 0]
    most = float((present * np.log2(rows / present)).sum())
    if most <= 0:
        return 0.0
    among = covered @ counts
    lost = float(seen.counts @ np.log2(among[seen.labels] / counts[seen.codes]))
    left = counts - np.bincount(seen.codes, seen.counts, len(counts))
    lost += float((left[counts > 0] * np.log2(rows / present)).sum())
    return lost / most

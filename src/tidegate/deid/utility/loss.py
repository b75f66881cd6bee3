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


def measure_loss(before: TableInput, after: Recoding) -> Loss:
    """Return what was lost, by column and in all; columns weigh as the table says."""
    kept = after.classes != SUPPRESSED
    sizes = np.bincount(after.classes[kept], minlength=after.class_count).astype(np.int64)
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
    kept = after.classes != SUPPRESSED
    missing = rows - int(kept.sum())
    labels, which = np.unique(np.array(after.labels[place], object), return_inverse=True)
    covered = cover_labels(column.hierarchy, labels.tolist())
    codes, published = column.codes[kept], which[after.classes[kept]]
    single = (covered.sum(axis=1) == 1)[published]
    error = None
    numbers = np.array([as_number(leaf) for leaf in column.hierarchy.leaves])
    known = numbers[np.unique(column.codes)] if rows else numbers[:0]
    known = known[~np.isnan(known)]
    if len(known) and known.max() > known.min() and column.hierarchy.ordered:
        apart = np.abs(numbers[codes] - centre_of(column.hierarchy, covered)[published])
        apart = apart[~np.isnan(apart)]
        error = float(apart.mean() / (known.max() - known.min())) if len(apart) else None
    return ColumnLoss(
        name=column.name,
        ncp=float((after.losses[place] @ sizes + missing) / rows) if rows else 0.0,
        entropy=_entropy(column, covered, codes, published, missing),
        changed=float(1 - single.sum() / rows) if rows else 0.0,
        error=error,
    )


def _entropy(
    column: QuasiColumn,
    covered: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.int32],
    published: npt.NDArray[np.intp],
    missing: int,
) -> float:
    """Sum log2 of how rare a value is among the original records that its label covers."""
    counts = np.bincount(column.codes, minlength=covered.shape[1]).astype(float)
    rows = counts.sum()
    present = counts[counts > 0]
    most = float((present * np.log2(rows / present)).sum())
    if most <= 0:
        return 0.0
    among = covered @ counts
    lost = float(np.log2(among[published] / counts[codes]).sum())
    if missing:
        left = counts - np.bincount(codes, minlength=len(counts))
        lost += float((left[counts > 0] * np.log2(rows / present)).sum())
    return lost / most

"""Columns as numbers, as an analyst would read them: before, and from what is published.

An exact value is its number, or 1 for its own category. A published interval is read as its centre,
a label of several categories as an equal share of each: what can be done with the published table
and the hierarchies alone.
"""

import numpy as np
import numpy.typing as npt

from tidegate.deid.covering import cover_labels
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.tables.model import SUPPRESSED, QuasiColumn, Recoding, TableInput
from tidegate.deid.utility.loss import as_number, centre_of
from tidegate.kernel.values import dataclass

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Feature:
    """A column as numbers: one, or one share for each of its categories. NaN is missing."""

    names: tuple[str, ...]
    values: Numbers
    """A row for each record."""
    numeric: bool


def kept_rows(before: TableInput, after: Recoding | None) -> npt.NDArray[np.intp]:
    """Return the records that are there: all of them before, those published after."""
    if after is None:
        return np.arange(before.rows)
    return np.flatnonzero(after.classes != SUPPRESSED)


def read_feature(name: str, before: TableInput, after: Recoding | None) -> Feature:
    """Read a column of the original, or of the published records if there is a recoding.

    Raises RecipeInvalidError for a column that is neither quasi-identifier nor sensitive.
    """
    for place, column in enumerate(before.quasi):
        if column.name == name:
            return _read_quasi(column, place, after)
    sensitive = before.find_sensitive(name)
    if sensitive is None:
        raise RecipeInvalidError(
            f"There is no column {name} to measure by; name a quasi-identifier or sensitive one.",
            code="measure_column",
        )
    codes = sensitive.codes[kept_rows(before, after)]
    return _spread(name, sensitive.values, np.eye(len(sensitive.values), dtype=bool), codes)


def _read_quasi(column: QuasiColumn, place: int, after: Recoding | None) -> Feature:
    hierarchy = column.hierarchy
    if after is None:
        every = np.eye(len(hierarchy.leaves), dtype=bool)
        return _spread(column.name, hierarchy.leaves, every, column.codes)
    labels, which = np.unique(np.array(after.labels[place], object), return_inverse=True)
    codes = which[after.classes[after.classes != SUPPRESSED]]
    covered = cover_labels(hierarchy, labels.tolist())
    if _is_numeric(hierarchy.leaves):
        return Feature((column.name,), centre_of(hierarchy, covered)[codes][:, None], numeric=True)
    return _spread(column.name, hierarchy.leaves, covered, codes)


def _is_numeric(texts: tuple[str, ...]) -> bool:
    return all(text == "" or not np.isnan(as_number(text)) for text in texts)


def _spread(
    name: str,
    texts: tuple[str, ...],
    covered: npt.NDArray[np.bool_],
    codes: npt.NDArray[np.signedinteger],
) -> Feature:
    if _is_numeric(texts):
        numbers = np.array([as_number(text) for text in texts])
        return Feature((name,), numbers[codes][:, None], numeric=True)
    here = [place for place, text in enumerate(texts) if text]
    shares = covered[:, here].astype(float)
    sums = shares.sum(axis=1, keepdims=True)
    shares = np.divide(shares, sums, out=np.full_like(shares, np.nan), where=sums > 0)
    return Feature(tuple(texts[place] for place in here), shares[codes], numeric=False)

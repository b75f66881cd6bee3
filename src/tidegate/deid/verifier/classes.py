"""Equivalence classes: the records that publish the same texts in all quasi-identifiers.

Sweeney 2002, definition 2; the counts are whole numbers throughout.
"""

from collections.abc import Iterable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from tidegate.deid.verifier.reading import Column
from tidegate.kernel.values import dataclass

Keys: TypeAlias = npt.NDArray[np.uint64]
Counts: TypeAlias = npt.NDArray[np.int64]
_ROOM = 1 << 63


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of a table: each record's key, and every class's key (rising) and size."""

    keys: Keys
    """Records with equal keys are in one class."""
    bound: int
    """Every key is below it."""
    heads: Keys
    sizes: Counts

    def examples(self) -> Counts:
        """Return a record of each class, in the order of `heads`."""
        return np.unique(self.keys, return_index=True)[1].astype(np.int64)


@dataclass(frozen=True, slots=True)
class Pairs:
    """How often each value of a sensitive column occurs in each class, where it does at all."""

    places: Counts
    """The class of each pair, rising."""
    values: Counts
    counts: Counts
    sizes: Counts
    """The size of every class."""
    whole: Counts
    """How often each value occurs in the published table."""
    texts: tuple[str | None, ...]


def form_classes(columns: Iterable[Column], rows: int) -> Classes:
    """Group the records by the texts of these columns."""
    keys, bound = np.zeros(rows, np.uint64), 1
    for column in columns:
        width = max(len(column.texts), 1)
        if bound * width >= _ROOM:
            heads, places = np.unique(keys, return_inverse=True)
            keys, bound = places.astype(np.uint64), len(heads)
        keys *= np.uint64(width)  # in place: millions of records take eight bytes each, once
        keys += column.codes
        bound *= width
    ordered = np.sort(keys)
    starts = _starts(ordered)
    sizes = np.diff(starts, append=rows).astype(np.int64)
    return Classes(keys, bound, ordered[starts], sizes)


def pair_up(classes: Classes, column: Column) -> Pairs:
    """Count the values of a sensitive column in every class."""
    width = max(len(column.texts), 1)
    if classes.bound * width >= _ROOM:
        ordered = np.searchsorted(classes.heads, classes.keys).astype(np.uint64)
        ordered *= np.uint64(width)
    else:
        ordered = classes.keys * np.uint64(width)
    ordered += column.codes
    ordered.sort()
    starts = _starts(ordered)
    counts = np.diff(starts, append=len(ordered)).astype(np.int64)
    heads = ordered[starts]
    del ordered, starts  # of many millions of records every array counts
    values = (heads % np.uint64(width)).astype(np.int64)
    heads //= np.uint64(width)
    places = np.zeros(len(heads), np.int64)
    np.cumsum(heads[1:] != heads[:-1], out=places[1:])
    whole = np.bincount(column.codes, minlength=width).astype(np.int64)
    return Pairs(places, values, counts, classes.sizes, whole, column.texts)


def _starts(ordered: Keys) -> Counts:
    new = np.empty(len(ordered), bool)
    new[:1] = True
    np.not_equal(ordered[1:], ordered[:-1], out=new[1:])
    return np.flatnonzero(new).astype(np.int64)

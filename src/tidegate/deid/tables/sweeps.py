"""The passes over the records of a part: compiled as loops, and in numpy where nothing compiles.

Both find the same whole numbers. `cuts` calls the names without a tail.
"""

from typing import Any

import numpy as np

from tidegate.deid.tables.compiling import compiled


def survey_loop(rows: Any, start: int, stop: int, work: Any) -> None:
    """Find the lowest and highest leaf of each column."""
    low, high = work.low, work.high
    columns = len(low)
    for column in range(columns):
        low[column] = high[column] = rows[start, column]
    for row in range(start + 1, stop):
        for column in range(columns):
            value = rows[row, column]
            low[column] = min(low[column], value)
            high[column] = max(high[column], value)


def survey_arrays(rows: Any, start: int, stop: int, work: Any) -> None:
    """Find the lowest and highest leaf of each column."""
    mine = rows[start:stop, : len(work.low)]
    mine.min(axis=0, out=work.low)
    mine.max(axis=0, out=work.high)


def count_loop(rows: Any, part: Any, column: int, numbers: Any, work: Any) -> Any:
    """Count the records under each child of the label that all share; return how many children."""
    (start, stop), counts, lows, highs = part, work.counts, work.lows, work.highs
    base = numbers[work.low[column]]
    bins = numbers[work.high[column]] - base + 1
    counts[:bins] = 0
    lows[:bins] = len(numbers)
    highs[:bins] = -1
    for row in range(start, stop):
        value = rows[row, column]
        child = numbers[value] - base
        counts[child] += 1
        lows[child] = min(lows[child], value)
        highs[child] = max(highs[child], value)
    return bins


def count_arrays(rows: Any, part: Any, column: int, numbers: Any, work: Any) -> Any:
    """Count the records under each child of the label that all share; return how many children."""
    (start, stop), base = part, numbers[work.low[column]]
    bins = int(numbers[work.high[column]] - base) + 1
    values = rows[start:stop, column]
    children = numbers[values] - base
    work.counts[:bins] = np.bincount(children, minlength=bins)
    work.lows[:bins] = len(numbers)
    work.highs[:bins] = -1
    np.minimum.at(work.lows, children, values)
    np.maximum.at(work.highs, children, values)
    return bins


def divide_loop(rows: Any, part: Any, cut: Any, at: int, work: Any) -> Any:
    """Count the values on both sides of a cut; return the records below it."""
    (start, stop), (column, place) = part, cut
    work.left[:] = 0
    work.right[:] = 0
    lower = 0
    for row in range(start, stop):
        if rows[row, column] <= place:
            work.left[rows[row, at]] += 1
            lower += 1
        else:
            work.right[rows[row, at]] += 1
    return lower


def divide_arrays(rows: Any, part: Any, cut: Any, at: int, work: Any) -> Any:
    """Count the values on both sides of a cut; return the records below it."""
    (start, stop), (column, place) = part, cut
    below = rows[start:stop, column] <= place
    values = rows[start:stop, at]
    work.left[:] = np.bincount(values[below], minlength=len(work.left))
    work.right[:] = np.bincount(values[~below], minlength=len(work.right))
    return int(np.count_nonzero(below))


def split_loop(rows: Any, ids: Any, part: Any, cut: Any, spare: Any) -> Any:
    """Move the records beyond the cut behind the others, keeping their order."""
    (start, stop), (column, place), (spare_rows, spare_ids) = part, cut, spare
    middle, moved = start, 0
    for row in range(start, stop):
        if rows[row, column] <= place:
            if middle != row:
                rows[middle] = rows[row]
                ids[middle] = ids[row]
            middle += 1
        else:
            spare_rows[moved] = rows[row]
            spare_ids[moved] = ids[row]
            moved += 1
    rows[middle:stop] = spare_rows[:moved]
    ids[middle:stop] = spare_ids[:moved]
    return middle


def split_arrays(rows: Any, ids: Any, part: Any, cut: Any, _spare: Any) -> Any:
    """Move the records beyond the cut behind the others, keeping their order."""
    (start, stop), (column, place) = part, cut
    beyond = rows[start:stop, column] > place
    order = start + np.argsort(beyond, kind="stable")
    rows[start:stop] = rows[order]
    ids[start:stop] = ids[order]
    return stop - int(np.count_nonzero(beyond))


survey = compiled(survey_loop, survey_arrays)
count = compiled(count_loop, count_arrays)
divide = compiled(divide_loop, divide_arrays)
split = compiled(split_loop, split_arrays)

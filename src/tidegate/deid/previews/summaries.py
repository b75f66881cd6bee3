"""Count a column's labels before and after, so that no count tells of a few people."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from tidegate.deid.model import Generalised, People
from tidegate.deid.previews.model import MOST_BARS, Bar, BarKind, ColumnPreview
from tidegate.deid.shares import class_sizes
from tidegate.deid.tables.model import ANY, QuasiColumn

Pair: TypeAlias = tuple[str | None, int]
"""A label, or None for nothing told, and how many records have it."""


def summarise(
    people: People, generalised: tuple[Generalised, ...], fewest: int
) -> tuple[ColumnPreview, ...]:
    """Lay out every quasi-identifier before and after; `generalised` tells its losses."""
    told, sizes = dict(people.texts), class_sizes(people.recoding).tolist()
    return tuple(
        _column(column, one, tuple(zip(told[column.name], sizes, strict=True)), fewest)
        for column, one in zip(people.coded.quasi, generalised, strict=True)
    )


def _column(
    column: QuasiColumn, lost: Generalised, published: tuple[Pair, ...], fewest: int
) -> ColumnPreview:
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    level, ordered = _bands(column), column.hierarchy.ordered
    counts = np.bincount(column.codes, minlength=len(level)).tolist()
    return ColumnPreview(
        lost.column,
        lost.loss,
        lost.exact,
        lost.hidden,
        bars(zip(level, counts, strict=True), fewest, is_ordered=ordered),
        _after(
            published,
            dict(zip(column.hierarchy.leaves, level, strict=True)),
            fewest,
            is_ordered=ordered,
        ),
    )


def _bands(column: QuasiColumn) -> tuple[str, ...]:
    """Return for each value the finest band of its hierarchy that few enough others have."""
    levels = column.hierarchy.labels[:-1] or column.hierarchy.labels
    return next((one for one in levels if len(set(one)) <= MOST_BARS), levels[-1])


def _after(
    published: tuple[Pair, ...], band_of: Mapping[str, str], fewest: int, *, is_ordered: bool
) -> tuple[Bar, ...]:
    """Count what is published; many single values in the bands they were counted in before."""
    texts = {text for text, _ in published if text is not None}
    if not texts <= set(band_of):
        return bars(published, fewest, is_ordered=False)
    place = {leaf: n for n, leaf in enumerate(band_of)}
    in_order = sorted(published, key=lambda one: place.get(one[0] or "", len(place)))
    if len(texts) <= MOST_BARS:
        return bars(in_order, fewest, is_ordered=is_ordered)
    banded = [(band_of[text] if text is not None else None, n) for text, n in in_order]
    return bars(banded, fewest, is_ordered=True)


def bars(pairs: Iterable[Pair], fewest: int, *, is_ordered: bool) -> tuple[Bar, ...]:
    """Return the most frequent labels with their counts, the rest pooled.

    A pool is never smaller than `fewest`, if need be with the least frequent of the labels that
    could be shown alone, so that no count follows from the others either.
    """
    counted: Counter[str | None] = Counter()
    for label, n in pairs:
        counted[None if label in {"", ANY} else label] += n
    present = [(label, n) for label, n in counted.items() if n]
    shown = sorted((one for one in present if one[1] >= fewest), key=lambda one: -one[1])
    few = [one for one in present if one[1] < fewest]
    shown, few = shown[:MOST_BARS], [*shown[MOST_BARS:], *few]
    while few and shown and sum(n for _, n in few) < fewest:
        few.append(shown.pop())
    if is_ordered:
        place = {label: n for n, label in enumerate(counted)}
        shown.sort(key=lambda one: place[one[0]])
    found = [
        Bar(BarKind.NOTHING if label is None else BarKind.LABEL, n, label or "")
        for label, n in shown
    ]
    if few:
        total = sum(n for _, n in few)
        found.append(Bar(BarKind.POOLED, total if total >= fewest else None, labels=len(few)))
    return tuple(found)

"""Count a column's labels before and after, so that no count tells of a few people."""

from collections import Counter
from collections.abc import Iterable

from tidegate.deid.model import Generalised, People
from tidegate.deid.people import class_sizes
from tidegate.deid.previews.model import MOST_BARS, Bar, BarKind, ColumnPreview
from tidegate.deid.tables.model import ANY, QuasiColumn


def summarise(
    people: People, generalised: tuple[Generalised, ...], fewest: int
) -> tuple[ColumnPreview, ...]:
    """Lay out every quasi-identifier before and after; `generalised` tells its losses."""
    told, sizes = dict(people.texts), class_sizes(people.recoding).tolist()
    return tuple(
        ColumnPreview(
            one.column,
            one.loss,
            one.exact,
            one.hidden,
            bars(_before(column), fewest, is_ordered=column.hierarchy.ordered),
            bars(zip(told[column.name], sizes, strict=True), fewest, is_ordered=False),
        )
        for column, one in zip(people.coded.quasi, generalised, strict=True)
    )


def _before(column: QuasiColumn) -> Iterable[tuple[str | None, int]]:
    """Count the values received, in the finest bands that are few enough to read."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    levels = column.hierarchy.labels[:-1] or column.hierarchy.labels
    level = next((one for one in levels if len(set(one)) <= MOST_BARS), levels[-1])
    counts = np.bincount(column.codes, minlength=len(level)).tolist()
    return ((label or None, n) for label, n in zip(level, counts, strict=True))


def bars(
    pairs: Iterable[tuple[str | None, int]], fewest: int, *, is_ordered: bool
) -> tuple[Bar, ...]:
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

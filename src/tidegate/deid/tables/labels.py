"""What classes publish: the tightest label or interval that covers all their members.

A search decides who stands together; what is published is the lowest common ancestor of the
members in each column (Samarati 2001, section 3, "domain and value generalisation"), or in an
ordered column the interval from the least to the greatest where that says more.
"""

import re
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables.encoding import label_numbers, losses_of
from tidegate.deid.tables.model import Hierarchy, Recoding, TableInput
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tidegate.deid.tables.grouping import Kernels

    Counts = NDArray[np.int32]
    Floats = NDArray[np.float64]

_DATE = re.compile(r"\d{4}(-\d\d){1,2}")
_APART = ("", "(other)")


class Ladder:
    """A hierarchy as arrays, for many spans of leaves at once."""

    def __init__(self, hierarchy: Hierarchy) -> None:
        self.hierarchy = hierarchy
        self._numbers = np.stack([label_numbers(labels) for labels in hierarchy.labels])
        self._losses = losses_of(hierarchy)
        leaves = np.arange(len(hierarchy.leaves))
        self._first = np.stack([np.searchsorted(row, row) for row in self._numbers])
        self._last = np.stack([np.searchsorted(row, row, "right") - 1 for row in self._numbers])
        self._run = run_start(hierarchy)
        self._most = max(len(leaves) - 1, 1)

    def levels(self, low: "Counts", high: "Counts") -> "Counts":
        """Return the lowest level at which the ends of each span have one label."""
        found = np.zeros(low.shape, np.int32)
        for numbers in self._numbers[:-1]:
            found += numbers[low] != numbers[high]
        return found

    def is_interval(self, low: "Counts", high: "Counts") -> "NDArray[np.bool_]":
        """Tell which spans an interval covers more tightly than any label."""
        level = self.levels(low, high)
        wider = (self._first[level, low] < low) | (self._last[level, high] > high)
        return wider & (low >= self._run)

    def losses(self, low: "Counts", high: "Counts") -> "Floats":
        """Return the penalty of the tightest label or interval over each span."""
        by_label = self._losses[self.levels(low, high), low]
        inside = (high - low) / self._most
        return np.where(low >= self._run, np.minimum(inside, by_label), by_label)

    def covers(self, low: "Counts", high: "Counts") -> "tuple[Counts, Counts]":
        """Return the first and last leaf that what is published for each span covers."""
        level, interval = self.levels(low, high), self.is_interval(low, high)
        first = np.where(interval, low, self._first[level, low])
        last = np.where(interval, high, self._last[level, high])
        return first.astype(np.int32), last.astype(np.int32)

    def members(self, level: int, codes: "Counts") -> "tuple[Counts, Counts]":
        """Return the first and last leaf under the labels of some leaves at a level."""
        first, last = self._first[level, codes], self._last[level, codes]
        return first.astype(np.int32), last.astype(np.int32)

    def edges(self, low: int, high: int) -> "NDArray[np.int64]":
        """Return the leaves after which a span may be cut: the ends of its label's children."""
        ends = np.array([[low], [high]], np.int32)
        level = int(self.levels(ends[0], ends[1])[0])
        own = 0 if low >= self._run else max(level - 1, 0)
        last = np.unique(self._last[own, low : high + 1])
        return np.asarray(last[last < high], np.int64)

    def texts(self, low: "Counts", high: "Counts") -> tuple[str, ...]:
        """Return what is published for each span."""
        both, place = np.unique(low.astype(np.int64) << 32 | high, return_inverse=True)
        low, high = (both >> 32).astype(np.int32), (both & 0xFFFFFFFF).astype(np.int32)
        rows, interval = self.hierarchy.labels, self.is_interval(low, high).tolist()
        spans = zip(
            self.levels(low, high).tolist(), low.tolist(), high.tolist(), interval, strict=True
        )
        texts = [
            interval_text(rows[0][first], rows[0][last]) if between else rows[level][first]
            for level, first, last, between in spans
        ]
        return tuple(texts[at] for at in place.tolist())


def run_start(hierarchy: Hierarchy) -> int:
    """Return the first leaf that may begin an interval; the number of leaves if none may.

    Missing and unknown values stand before the others in an ordered column and are no part of
    its order.
    """
    if not hierarchy.ordered:
        return len(hierarchy.leaves)
    above = hierarchy.labels[min(1, hierarchy.height - 1)]
    apart = [
        place
        for place, (leaf, label) in enumerate(zip(hierarchy.leaves, above, strict=True))
        if leaf == "" or label in _APART
    ]
    return max(apart, default=-1) + 1


def interval_text(first: str, last: str) -> str:
    """Write an interval with both ends in it: `60-64`, `-5 to -1`, `2022-01-01/2022-01-31`."""
    if _DATE.fullmatch(first) and _DATE.fullmatch(last):
        return f"{first}/{last}"
    return f"{first} to {last}" if "-" in first + last else f"{first}-{last}"


@dataclass(frozen=True, slots=True)
class Spans:
    """Classes by the lowest and highest leaf of their members: [column, class]."""

    classes: "Counts"
    low: "Counts"
    high: "Counts"
    ladders: tuple[Ladder, ...]

    @property
    def count(self) -> int:
        """Return the number of classes."""
        return int(self.low.shape[1])

    def covers(self) -> "tuple[Counts, Counts]":
        """Return the first and last leaf of each label: [column, class]."""
        pairs = [
            ladder.covers(low, high)
            for ladder, low, high in zip(self.ladders, self.low, self.high, strict=True)
        ]
        return np.stack([first for first, _ in pairs]), np.stack([last for _, last in pairs])


def span(table: TableInput, classes: "Counts", loops: "Kernels") -> Spans:
    """Return the spans of classes; classes that publish the same become one.

    Classes are numbered in the order of what they cover, so that the same partition always has
    the same numbers.
    """
    ladders = tuple(Ladder(column.hierarchy) for column in table.quasi)
    count = int(classes.max(initial=-1)) + 1
    pairs = [loops.spans(column.codes, classes, count) for column in table.quasi]
    low, high = np.stack([one for one, _ in pairs]), np.stack([one for _, one in pairs])
    held = np.flatnonzero(high[0] >= 0)
    number = np.full(count + 1, -1, np.int32)
    number[held] = np.arange(len(held), dtype=np.int32)
    spans = Spans(number[classes], low[:, held], high[:, held], ladders)
    return merge(spans, np.arange(len(held)))


def merge(spans: Spans, into: "NDArray[np.int64]") -> Spans:
    """Join each class with the one that `into` names, and then those that publish the same."""
    low, high = spans.low.copy(), spans.high.copy()
    for column in range(len(low)):
        np.minimum.at(low[column], into, spans.low[column])
        np.maximum.at(high[column], into, spans.high[column])
    joined = Spans(spans.classes, low[:, into], high[:, into], spans.ladders)
    both = np.concatenate(joined.covers()).T
    order = np.lexsort(both.T[::-1])
    ranked = both[order]
    step = np.ones(len(order), bool)
    step[1:] = (ranked[1:] != ranked[:-1]).any(axis=1)
    number = np.empty(len(order) + 1, np.int32)
    number[order], number[-1] = np.cumsum(step) - 1, -1
    count = int(step.sum())
    size = (len(low), count)
    outer_low, outer_high = np.full(size, np.iinfo(np.int32).max, np.int32), np.full(size, -1)
    for column in range(len(low)):
        np.minimum.at(outer_low[column], number[:-1], joined.low[column])
        np.maximum.at(outer_high[column], number[:-1], joined.high[column])
    return Spans(number[spans.classes], outer_low, outer_high.astype(np.int32), spans.ladders)


def loss_of(table: TableInput, spans: Spans) -> float:
    """Return the weighted penalty of all cells; a record that is left out loses all of its own."""
    sizes = np.bincount(spans.classes + 1, minlength=spans.count + 1)
    lost = 0.0
    for column, ladder, low, high in zip(
        table.quasi, spans.ladders, spans.low, spans.high, strict=True
    ):
        kept = float((ladder.losses(low, high) * sizes[1:]).sum())
        lost += column.weight * (kept + float(sizes[0]))
    return lost


def publish(spans: Spans) -> Recoding:
    """Return the tightest labels of all classes."""
    columns = list(zip(spans.ladders, spans.low, spans.high, strict=True))
    return Recoding(
        spans.classes,
        tuple(ladder.texts(low, high) for ladder, low, high in columns),
        np.stack([ladder.losses(low, high) for ladder, low, high in columns]),
    )


def publish_node(
    table: TableInput, classes: "Counts", levels: tuple[int, ...], *, proven: bool
) -> tuple[Recoding, Spans]:
    """Return the labels of a full-domain answer, one level a column, and what they cover."""
    count = int(classes.max(initial=-1)) + 1
    kept = np.flatnonzero(classes >= 0)
    member = np.zeros(count, np.int64)
    member[classes[kept]] = kept
    texts, losses, ends = [], [], []
    ladders = tuple(Ladder(column.hierarchy) for column in table.quasi)
    for column, ladder, level in zip(table.quasi, ladders, levels, strict=True):
        codes = column.codes[member]
        row = column.hierarchy.labels[level]
        texts.append(tuple(row[code] for code in codes.tolist()))
        losses.append(losses_of(column.hierarchy)[level, codes])
        ends.append(ladder.members(level, codes))
    low, high = np.stack([one for one, _ in ends]), np.stack([one for _, one in ends])
    answer = Recoding(classes, tuple(texts), np.stack(losses), levels, proven)
    return answer, Spans(classes, low, high, ladders)

"""Join the classes that fail a criterion with their nearest neighbours until none fails.

The last step of local methods: it does nothing to what they already reached, and reaches what a
cut of the table cannot see, such as how many people of a population a label covers. Every
criterion on classes is kept by joining (the generalisation property), so the end is reached at the
latest with one class.
"""

from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables import labels
from tidegate.deid.tables.crowds import people_of
from tidegate.deid.tables.labels import Spans
from tidegate.deid.tables.model import Criterion, TableInput
from tidegate.deid.tables.privacy import judge

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


def mend(table: TableInput, criteria: tuple[Criterion, ...], spans: Spans) -> Spans:
    """Return spans whose classes hold all criteria, as far as one class of all records does."""
    while spans.count > 1:
        fine = judge(table, criteria, spans.classes, people_of(criteria, spans))
        if fine.all():
            break
        into = np.arange(spans.count)
        sizes = np.bincount(spans.classes[spans.classes >= 0], minlength=spans.count)
        weights = np.array([column.weight for column in table.quasi])
        taken = np.zeros(spans.count, bool)
        for number in np.flatnonzero(~fine).tolist():
            if not taken[number]:
                nearest = int(np.argmin(_costs(spans, sizes, weights, number)))
                into[number] = into[nearest] if taken[nearest] else nearest
                taken[number] = taken[nearest] = True
        spans = labels.merge(spans, into)
    return spans


def _costs(spans: Spans, sizes: "NDArray[np.int64]", weights: "Floats", number: int) -> "Floats":
    """Return the loss that joining each class with one adds; infinite for itself."""
    cost = np.zeros(spans.count)
    for column, ladder in enumerate(spans.ladders):
        low, high = spans.low[column], spans.high[column]
        own = ladder.losses(low, high)
        joined = ladder.losses(np.minimum(low, low[number]), np.maximum(high, high[number]))
        added = (joined - own) * sizes + (joined - own[number]) * sizes[number]
        cost += weights[column] * added
    cost[number] = np.inf
    return cost

"""What a published label may stand for: the leaves of a hierarchy that it covers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.tables.model import Hierarchy

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MARKS = ("-", " to ", "/")
"""Between the ends of an interval: numbers, numbers below zero, dates."""


def cover_labels(hierarchy: Hierarchy, labels: Sequence[str]) -> "NDArray[np.bool_]":
    """Tell for each label (a row) which leaves (columns) it covers.

    A label stands on a level of the hierarchy; `a-b`, `a to b` and `a/b` of two leaves cover all
    from a to b. Raises RecipeInvalidError for a label of another hierarchy.
    """
    places = {leaf: place for place, leaf in enumerate(hierarchy.leaves)}
    under: dict[str, set[int]] = {}
    for level in hierarchy.labels:
        for place, label in enumerate(level):
            under.setdefault(label, set()).add(place)
    cover = np.zeros((len(labels), len(places)), bool)
    for row, label in enumerate(labels):
        inside = under.get(label) or _interval(label, places)
        if not inside:
            raise RecipeInvalidError(
                f"A published label of {hierarchy.name} is not of its hierarchy; use the "
                "hierarchy the table was recoded with.",
                code="label_of_no_leaf",
            )
        cover[row, sorted(inside)] = True
    return cover


def _interval(label: str, places: dict[str, int]) -> set[int]:
    for mark in _MARKS:
        for place in range(1, len(label)):
            first, last = label[:place], label[place + len(mark) :]
            if label.startswith(mark, place) and first in places and last in places:
                return set(range(places[first], places[last] + 1))
    return set()

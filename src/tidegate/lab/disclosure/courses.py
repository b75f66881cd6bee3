"""Survival curves against every other result: all curves of one result are looked at together.

The curves of a result are of disjoint groups, so all their steps, and everybody else, are one
partition: its course. The overall curve less the curves of all groups but one is a curve of that
one; so courses, not curves, are what a reader can subtract.

Steps are small, and two curves seldom end theirs on the same days: nearly any two differ somewhere
by fewer people than a cell needs. That alone tells nothing, as long as people are missing on either
side. What is refused is what can be computed: how many people are in a small group that both
results tell about, to within fewer than a cell needs (`nested`).
"""

from collections.abc import Iterator, Sequence
from itertools import product

import numpy as np

from tidegate.kernel.values import dataclass
from tidegate.lab.disclosure.model import Codes, Family, FamilyKind, codes_of
from tidegate.lab.disclosure.nested import Effort, Shared, has_nested_difference


@dataclass(frozen=True, slots=True, eq=False)
class Course:
    """Which step each person is in, of how many curves; 0 is everybody else."""

    codes: Codes
    curves: int


class Courses:
    """What was released so far, as partitions to hold courses against."""

    def __init__(self) -> None:
        self._courses: dict[bytes, Course] = {}
        self._tables: list[Family] = []

    def add(self, release: Sequence[Family]) -> None:
        """Remember the families of one release."""
        self._tables += [family for family in release if family.kind is FamilyKind.CELLS]
        course = course_of(release)
        if course is not None:
            self._courses.setdefault(course.codes.tobytes(), course)

    def are_too_close(self, new: Sequence[Family], min_cell: int) -> bool:
        """Tell whether a new result and an earlier one let fewer than `min_cell` be computed.

        A single curve was held against tables already, by every difference and not only by nested
        ones; so only courses of several curves are held against tables here. Raises
        TooManyToCompareError when there is more to compare than may be.
        """
        effort = Effort()
        return any(
            has_nested_difference(_shared(mine, theirs), min_cell, effort)
            for mine, theirs in self._pairs(new)
        )

    def _pairs(self, new: Sequence[Family]) -> Iterator[tuple[Codes, Codes]]:
        course = course_of(new)
        if course is not None:
            yield from ((course.codes, earlier.codes) for earlier in self._courses.values())
        several = [earlier for earlier in self._courses.values() if earlier.curves > 1]
        if several:
            tables = [codes_of(family) for family in new if family.kind is FamilyKind.CELLS]
            yield from product(tables, (earlier.codes for earlier in several))
        if course is not None and course.curves > 1:
            yield from ((course.codes, codes_of(family)) for family in self._tables)


def course_of(release: Sequence[Family]) -> Course | None:
    """Return all curves of a result as one partition, or None when it has none."""
    curves = [family for family in release if family.kind is FamilyKind.STEPS]
    if not curves:
        return None
    codes, beyond = np.zeros(curves[0].people, dtype=np.int64), 0
    for family in curves:
        own = codes_of(family)
        others = len(family.atoms) - 1
        codes = np.where(own == others, codes, own + beyond + 1)
        beyond += others
    return Course(codes.astype(np.uint16 if beyond < 1 << 16 else np.int64), len(curves))


def _shared(mine: Codes, theirs: Codes) -> Shared:
    """Count the people in each pair of sets, for sets that have anybody."""
    width = int(theirs.max(initial=0)) + 1
    height = int(mine.max(initial=0)) + 1
    pairs = mine.astype(np.int64) * width + theirs
    table = np.bincount(pairs, minlength=height * width).reshape(height, width)
    return table[table.any(axis=1)][:, table.any(axis=0)].astype(np.int64)

"""Survival curves that may leave: the Kaplan-Meier estimator on steps of enough events.

E.L. Kaplan and P. Meier, "Nonparametric estimation from incomplete observations", JASA 53, 1958.
Days are rounded up to a grid; steps are merged until each has enough events; people who leave
without the event go in lots of enough people. The curve is computed from the rounded numbers that
are shown, so that it says nothing more than they do. With limits of one and a base of one it is
the textbook estimator.
"""

from dataclasses import field
from itertools import accumulate, pairwise

import numpy as np
import numpy.typing as npt

from tidegate.kernel.values import dataclass
from tidegate.lab.disclosure.limits import Limits
from tidegate.lab.disclosure.model import Codes, Family, FamilyKind, family_of

Days = npt.NDArray[np.float64]
Truths = npt.NDArray[np.bool_]
PER = 10_000


@dataclass(frozen=True, slots=True)
class SafeStep:
    """One step: on `day`, of `at_risk` people `events` had the event; survival in 1/10,000."""

    day: int
    at_risk: int
    events: int
    survival: int


@dataclass(frozen=True, slots=True)
class SafeCurve:
    """A curve that may be shown: how many people stand behind it, and its steps."""

    people: int
    steps: tuple[SafeStep, ...]


@dataclass(slots=True)
class _Step:
    first: int
    cell: int
    events: Codes
    left_before: Codes


@dataclass(slots=True)
class _Course:
    """What happened to one group, cut into steps; every set holds places of people."""

    steps: list[_Step] = field(default_factory=list)
    tail: Codes = field(default_factory=lambda: np.empty(0, dtype=np.int64))


def grid_of(days: Days, every: int) -> Codes:
    """Round days up to the grid; people whose time is missing or not after day 0 get -1."""
    usable = np.isfinite(days) & (days > 0)
    cells = np.ceil(np.where(usable, days, 0) / every).astype(np.int64)
    return np.where(usable, cells, -1)


def safe_curve(cells: Codes, events: Truths, every: int, limits: Limits) -> tuple[SafeCurve, Codes]:
    """Return the curve of one group and a code for each person: the part they are shown in.

    Codes: 2j for the events of step j, 2j+1 for those who left before it, the last for the rest.
    """
    course = _settled(_cut(cells, events, limits), limits)
    codes = np.full(len(cells), 2 * len(course.steps), dtype=np.int64)
    had = _rounded_parts([len(step.events) for step in course.steps], limits)
    left = _rounded_parts([len(step.left_before) for step in course.steps], limits)
    people = sum(had) + sum(left) + limits.rounded(len(course.tail))
    remaining, shown = people, []
    leaving = [*left[1:], 0]
    for place, step in enumerate(course.steps):
        codes[step.events], codes[step.left_before] = 2 * place, 2 * place + 1
        remaining -= left[place]
        during = leaving[place] if step.cell > step.first else 0
        shown.append((step.cell * every, remaining, had[place], during))
        remaining -= had[place]
    return SafeCurve(people, _estimate(shown)), codes


def _rounded_parts(parts: list[int], limits: Limits) -> list[int]:
    """Round parts so that their running sums are the rounded running sums.

    Steps close at ten, eleven or twelve events; rounding each by itself would lose the ones and
    twos every time, and the curve would hang too high.
    """
    sums = [limits.rounded(total) for total in accumulate(parts)]
    return [after - before for before, after in pairwise([0, *sums])]


def curve_family(index: Codes, codes: Codes, people: int) -> Family:
    """Return the sets that the steps of one curve tell about."""
    return family_of(FamilyKind.STEPS, codes, people, index)


def _estimate(shown: list[tuple[int, int, int, int]]) -> tuple[SafeStep, ...]:
    """Multiply the steps' shares; who left during a step was at risk for half of it.

    The half is the actuarial estimate (S.J. Cutler and F. Ederer, J. Chronic Dis. 8, 1958); a
    step within one place of the grid has nobody who left during it.
    """
    survival, steps = 1.0, []
    for day, at_risk, events, during in shown:
        survival *= 1 - min(1.0, events / (at_risk - during / 2))
        steps.append(SafeStep(day, at_risk, events, round(survival * PER)))
    return tuple(steps)


def _cut(cells: Codes, events: Truths, limits: Limits) -> _Course:
    """Walk through the grid and close a step whenever enough events have gathered."""
    course = _Course()
    leaving: list[Codes] = []
    gathered: list[Codes] = []
    left, first = np.empty(0, dtype=np.int64), 0
    order = np.argsort(cells, kind="stable")
    starts = np.flatnonzero(np.diff(cells[order], prepend=-2))
    for members in np.split(order, starts[1:]):
        happened = members[events[members]]
        if len(happened):
            first = first if gathered else int(cells[members[0]])
            if not gathered and sum(map(len, leaving)) >= limits.min_cell:
                left, leaving = np.concatenate(leaving), []
            gathered.append(happened)
            if sum(map(len, gathered)) >= limits.min_events:
                cell = int(cells[members[0]])
                course.steps.append(_Step(first, cell, np.concatenate(gathered), left))
                gathered, left = [], np.empty(0, dtype=np.int64)
        leaving.append(members[~events[members]])
    _finish(course, gathered, int(cells[order[-1]]))
    rest = [course.tail, left, *leaving]
    course.tail = np.concatenate(rest)
    return course


def _finish(course: _Course, gathered: list[Codes], last_cell: int) -> None:
    """Give the events that did not fill a step to the last step there is."""
    if not gathered:
        return
    if course.steps:
        last = course.steps[-1]
        last.events = np.concatenate([last.events, *gathered])
        last.cell = last_cell
    else:
        course.tail = np.concatenate([course.tail, *gathered])


def _settled(course: _Course, limits: Limits) -> _Course:
    """See to it that the people left at the end are none or enough.

    Where nobody leaves without the event, the last step is not shown: that everybody of a group
    has had the event is said about each of them.
    """
    while course.steps and 0 < len(course.tail) < limits.min_cell:
        lots = [step for step in course.steps if len(step.left_before)]
        if lots:
            lots[-1].left_before = np.concatenate([lots[-1].left_before, course.tail])
            course.tail = course.tail[:0]
        else:
            dropped = course.steps.pop()
            course.tail = np.concatenate([course.tail, dropped.events])
    is_said_of_all = not len(course.tail) and not any(len(one.left_before) for one in course.steps)
    if is_said_of_all and limits.min_cell > 1:  # limits of one hide nothing
        course.tail = course.steps.pop().events
    return course

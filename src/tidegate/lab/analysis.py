"""From rows of people to a result that may leave, with the sets of people it tells about."""

import numpy as np
import numpy.typing as npt

from tidegate.kernel.values import dataclass
from tidegate.lab.disclosure.limits import Limits
from tidegate.lab.disclosure.model import Codes, Family, FamilyKind, family_of
from tidegate.lab.disclosure.survival import SafeCurve, curve_family, grid_of, safe_curve
from tidegate.lab.disclosure.tables import check_enough, safe_table, table_families
from tidegate.lab.errors import SmallCountError, TooCloseError
from tidegate.lab.model import (
    CountResult,
    CrossTableResult,
    Curve,
    Heading,
    Result,
    Shield,
    Step,
    SurvivalResult,
)
from tidegate.lab.query.axes import Axis
from tidegate.lab.query.model import (
    CohortCount,
    ColumnOf,
    CrossTable,
    Everyone,
    KaplanMeier,
    Query,
)

EVERYONE = "everyone"


@dataclass(frozen=True, slots=True, eq=False)
class PersonRows:
    """What the engine returned: one entry a person of the cohort, in columns."""

    index: Codes
    groups: tuple[Codes, ...] = ()
    day: npt.NDArray[np.float64] | None = None
    event: npt.NDArray[np.bool_] | None = None

    def kept(self, mask: npt.NDArray[np.bool_]) -> "PersonRows":
        """Return the rows of the people in `mask`."""
        return PersonRows(
            self.index[mask],
            tuple(codes[mask] for codes in self.groups),
            None if self.day is None else self.day[mask],
            None if self.event is None else self.event[mask],
        )


@dataclass(frozen=True, slots=True)
class Settled:
    """A result that passed the machine's checks, and the sets of people it tells about."""

    result: Result
    families: tuple[Family, ...]


def settle(
    query: Query, axes: tuple[Axis, ...], rows: PersonRows, people: int, limits: Limits
) -> Settled:
    """Return what may be shown; raise SmallCountError or TooCloseError where nothing may."""
    check_enough(len(rows.index), limits)
    if not isinstance(query.cohort, Everyone):
        check_left_out(people - len(rows.index), limits)
    if isinstance(query, CohortCount) and not axes:
        total = limits.rounded(len(rows.index))
        cohort = _cells(np.zeros(len(rows.index), dtype=np.int64), rows, people)
        return Settled(CountResult(total, _shield(limits)), (cohort,))
    if isinstance(query, KaplanMeier):
        return _survival(query, axes, rows, people, limits)
    return _table(query, axes, rows, people, limits)


def check_left_out(left_out: int, limits: Limits) -> None:
    """Raise TooCloseError when a condition leaves out nobody, or only a few.

    The number of all people is known. Were only the few refused, a refusal would tell that
    somebody is left out, and an answer that nobody is: whether anybody has a rare value.
    """
    if left_out < limits.min_cell:
        raise TooCloseError(
            "The conditions leave out nobody, or so few that beside the number of all people they"
            " would be singled out. Change a condition so that at least"
            f" {limits.min_cell} people are left out, or ask about everyone.",
            code="too_close_to_earlier_release",
        )


def _table(
    query: CohortCount | CrossTable,
    axes: tuple[Axis, ...],
    rows: PersonRows,
    people: int,
    limits: Limits,
) -> Settled:
    placed = rows.kept(np.logical_and.reduce([codes >= 0 for codes in rows.groups]))
    last = placed.groups[-1]
    first = placed.groups[0] if len(axes) == 2 else np.zeros_like(last)
    shape = (len(axes[0].groups) if len(axes) == 2 else 1, len(axes[-1].groups))
    counts = np.bincount(first * shape[1] + last, minlength=shape[0] * shape[1]).reshape(shape)
    table, drawn = safe_table(counts, limits)
    families = table_families(placed.index, first, last, drawn, people)
    if isinstance(query, CohortCount):
        result: Result = CountResult(table.total, _shield(limits), heading(axes[0]), table.cells[0])
    else:
        result = CrossTableResult(
            heading(axes[0]),
            heading(axes[1]),
            table.cells,
            table.row_totals,
            table.column_totals,
            table.total,
            _shield(limits),
        )
    return Settled(result, families)


def _survival(
    query: KaplanMeier, axes: tuple[Axis, ...], rows: PersonRows, people: int, limits: Limits
) -> Settled:
    assert rows.day is not None  # noqa: S101 - the compiler returns both for this analysis
    assert rows.event is not None  # noqa: S101
    cells = grid_of(rows.day, query.every)
    groups = axes[0].groups if axes else (EVERYONE,)
    codes = rows.groups[0] if axes else np.zeros(len(rows.index), dtype=np.int64)
    curves, steps = [], []
    outcome = np.full(len(rows.index), -1, dtype=np.int64)
    for place, group in enumerate(groups):
        members = np.flatnonzero((codes == place) & (cells >= 0))
        if len(members) < limits.min_cell:
            curves.append(Curve(group, None))
            continue
        safe, parts = safe_curve(cells[members], rows.event[members], query.every, limits)
        had = (parts % 2 == 0) & (parts < 2 * len(safe.steps))
        outcome[members] = 2 * place + np.where(had, 0, 1)
        steps.append(curve_family(rows.index[members], parts, people))
        curves.append(_curve(group, safe))
    if not steps:
        raise SmallCountError(
            "No group has enough people with a time of follow-up; widen the cohort or the groups.",
            code="groups_too_small",
        )
    if len(steps) < len(groups) or not _takes_everyone(query):
        check_left_out(people - int((outcome >= 0).sum()), limits)
    result = SurvivalResult(
        tuple(curves), query.every, _shield(limits), heading(axes[0]) if axes else None
    )
    return Settled(result, (_cells(outcome, rows, people), *steps))


def _takes_everyone(query: KaplanMeier) -> bool:
    """Tell whether the time of follow-up comes from a column alone, under no condition."""
    return isinstance(query.time, ColumnOf) or query.time.where is None


def _cells(codes: Codes, rows: PersonRows, people: int) -> Family:
    return family_of(FamilyKind.CELLS, codes, people, rows.index)


def _curve(group: str, safe: SafeCurve) -> Curve:
    steps = tuple(Step(s.day, s.at_risk, s.events, s.survival) for s in safe.steps)
    return Curve(group, safe.people, steps)


def heading(axis: Axis) -> Heading:
    """Return an axis as a result carries it."""
    title = axis.title
    return Heading(axis.name, title.en, title.zh_hant, title.zh_hans, axis.groups)


def _shield(limits: Limits) -> Shield:
    return Shield(limits.min_cell, limits.round_to, limits.min_events)

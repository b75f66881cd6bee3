"""Tables that may leave: suppression, rounding, and the sets of people they tell about.

Shown cells are rounded one by one. What the hidden cells of a row or column hold together is one
part more, and every total is the sum of its rounded parts, so that totals say nothing about how
the parts were rounded (controlled rounding: L.H. Cox, JASA 82, 1987).
"""

import numpy as np
import numpy.typing as npt

from tidegate.kernel.values import dataclass
from tidegate.lab.disclosure.limits import Limits
from tidegate.lab.disclosure.model import Codes, Family, FamilyKind, family_of
from tidegate.lab.disclosure.network import Arc, protect, unsafe_arcs
from tidegate.lab.errors import SmallCountError

Shown = int | None
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SafeTable:
    """A table with nothing in it that may not be shown; None stands for a hidden number."""

    cells: tuple[tuple[Shown, ...], ...]
    row_totals: tuple[Shown, ...]
    column_totals: tuple[Shown, ...]
    total: int


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """Which numbers of a table are shown."""

    cells: npt.NDArray[np.bool_]
    rows: npt.NDArray[np.bool_]
    columns: npt.NDArray[np.bool_]


def check_enough(people: int, limits: Limits) -> None:
    """Raise SmallCountError when fewer people than the minimum are in a cohort."""
    if people < limits.min_cell:
        raise SmallCountError(
            f"Fewer than {limits.min_cell} people are in this cohort; widen its conditions.",
            code="cohort_too_small",
        )


def safe_table(counts: Counts, limits: Limits) -> tuple[SafeTable, Drawn]:
    """Return what may be shown of a table of people, and which numbers that leaves.

    A table of one row is a list of groups with a total. Raises SmallCountError where not even the
    total can be shown.
    """
    check_enough(int(counts.sum()), limits)
    drawn = _draw(counts, limits)
    rounded = np.where(drawn.cells, _round_all(counts, limits), 0)
    hidden = np.where(drawn.cells, 0, counts)
    spare = limits.rounded(int(hidden.sum()))
    row_parts = _margin(hidden.sum(axis=1), drawn.rows, spare, limits)
    column_parts = _margin(hidden.sum(axis=0), drawn.columns, spare, limits)
    table = SafeTable(
        tuple(_shown(row, mask) for row, mask in zip(rounded, drawn.cells, strict=True)),
        _shown(rounded.sum(axis=1) + row_parts, drawn.rows),
        _shown(rounded.sum(axis=0) + column_parts, drawn.columns),
        int(rounded.sum()) + spare,
    )
    return table, drawn


def table_families(
    index: Codes, rows: Codes, columns: Codes, drawn: Drawn, people: int
) -> tuple[Family, ...]:
    """Return the sets a table tells about: shown cells with row remainders, and with column ones.

    A remainder is what the hidden cells of a line hold together: a reader gets it by subtraction.
    Lines whose total is hidden are known only as a pool.
    """
    height, width = drawn.cells.shape
    cells = rows * width + columns
    visible = drawn.cells[rows, columns]
    beyond, pool = height * width, height * width + max(height, width)

    def family(lines: Codes, shown: npt.NDArray[np.bool_]) -> Family:
        remainder = np.where(shown[lines], beyond + lines, pool)
        return family_of(FamilyKind.CELLS, np.where(visible, cells, remainder), people, index)

    by_row = family(rows, drawn.rows)
    if drawn.cells.all() or height == 1:
        return (by_row,)
    return (by_row, family(columns, drawn.columns))


def _draw(counts: Counts, limits: Limits) -> Drawn:
    height, width = counts.shape
    if height == 1:
        arcs = tuple(Arc(0, 1, int(n)) for n in counts[0])
        safe = _protected((*arcs, Arc(1, 0, int(counts.sum()))), limits)
        mask = np.array([[arc.shown for arc in safe[:-1]]])
        return Drawn(mask, np.array([True]), mask[0])
    total_rows, total_columns = height + width, height + width + 1
    arcs = tuple(Arc(r, height + c, int(counts[r, c])) for r in range(height) for c in range(width))
    by_row = tuple(Arc(total_rows, r, int(n)) for r, n in enumerate(counts.sum(axis=1)))
    by_column = tuple(
        Arc(height + c, total_columns, int(n)) for c, n in enumerate(counts.sum(axis=0))
    )
    total = Arc(total_columns, total_rows, int(counts.sum()))
    safe = _protected((*arcs, *by_row, *by_column, total), limits)
    marks = np.array([arc.shown for arc in safe])
    cells, rest = marks[: height * width].reshape(height, width), marks[height * width :]
    return Drawn(cells, rest[:height], rest[height : height + width])


def _protected(arcs: tuple[Arc, ...], limits: Limits) -> tuple[Arc, ...]:
    safe = protect(arcs, limits.min_cell)
    if not safe[-1].shown or unsafe_arcs(safe, limits.min_cell):
        raise SmallCountError(
            "So few people fall in some groups that the table cannot be shown; use fewer or wider"
            " groups.",
            code="groups_too_small",
        )
    return safe


def _margin(remainders: Counts, shown: npt.NDArray[np.bool_], spare: int, limits: Limits) -> Counts:
    """Round the remainders of the shown lines, and the pool of the others, to sum to `spare`."""
    parts = [*(int(n) for n in remainders[shown]), int(remainders[~shown].sum())]
    rounded = round_to_sum(parts, spare, limits.round_to)
    result = np.zeros_like(remainders)
    result[shown] = rounded[:-1]
    return result


def round_to_sum(parts: list[int], total: int, base: int) -> list[int]:
    """Round each part down or up to a multiple of `base` so that together they make `total`.

    Those nearest to the next multiple go up first; exact multiples stay. Such a choice exists for
    every multiple `total` next to the parts' own sum.
    """
    floors = [part // base * base for part in parts]
    ups = (total - sum(floors)) // base
    order = sorted(range(len(parts)), key=lambda place: (floors[place] - parts[place], place))
    for place in order[:ups]:
        floors[place] += base
    return floors


def _round_all(counts: Counts, limits: Limits) -> Counts:
    base = limits.round_to
    return (2 * counts + base) // (2 * base) * base


def _shown(numbers: Counts, mask: npt.NDArray[np.bool_]) -> tuple[Shown, ...]:
    return tuple(int(number) if keep else None for number, keep in zip(numbers, mask, strict=True))

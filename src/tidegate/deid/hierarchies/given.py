"""Hierarchies that a user wrote: a row a leaf, from the value to `*`, as ARX reads them."""

import csv
from collections.abc import Iterable

from tidegate.deid.errors import HierarchyError
from tidegate.deid.hierarchies.model import Branch, Grower
from tidegate.deid.tables.model import ANY

_DELIMITERS = (";", "\t", "|", ",")


def read_rows(text: str, name: str) -> tuple[tuple[str, ...], ...]:
    """Read `leaf;level 1;…;*` lines; the delimiter is the one that the first line uses most.

    Raises HierarchyError with the line's number where lines are of different lengths.
    """
    lines = text.removeprefix("\ufeff").splitlines()
    first = lines[0] if lines else ""
    delimiter = max(_DELIMITERS, key=first.count)
    rows = [tuple(cell.strip() for cell in row) for row in csv.reader(lines, delimiter=delimiter)]
    return check_rows([row for row in rows if row], name)


def check_rows(rows: Iterable[tuple[str, ...]], name: str) -> tuple[tuple[str, ...], ...]:
    """Return the rows if they are of one length, monotone, and no leaf stands twice."""
    found = tuple(rows)
    if not found:
        raise HierarchyError(
            f"The hierarchy given for {name} is empty; write a line for every value.",
            code="hierarchy_empty",
            column=name,
        )
    leaves: dict[str, tuple[str, ...]] = {}
    for place, row in enumerate(found, start=1):
        if len(row) != len(found[0]):
            raise HierarchyError(
                f"Line {place} of the hierarchy given for {name} has {len(row)} cells, line 1"
                f" has {len(found[0])}; give every value the same number of levels.",
                code="hierarchy_levels_ragged",
                column=name,
            )
        if leaves.setdefault(row[0], row) != row:
            raise HierarchyError(
                f"Line {place} of the hierarchy given for {name} repeats a value with other"
                " labels; keep one of them.",
                code="hierarchy_leaves_repeated",
                column=name,
            )
    _check_monotone(found, name)
    return found


def _check_monotone(rows: tuple[tuple[str, ...], ...], name: str) -> None:
    for level in range(1, len(rows[0]) - 1):
        above: dict[str, str] = {}
        for place, row in enumerate(rows, start=1):
            if above.setdefault(row[level], row[level + 1]) != row[level + 1]:
                raise HierarchyError(
                    f"Line {place} of the hierarchy given for {name} puts a label of level {level}"
                    f" under another label of level {level + 1} than an earlier line does; every"
                    " level must group the groups of the one before.",
                    code="hierarchy_not_monotone",
                    column=name,
                )


def grow_given(rows: tuple[tuple[str, ...], ...]) -> Grower:
    """Place a value where the user's row puts it; the order of the rows is kept."""
    places = {row[0]: place for place, row in enumerate(rows)}
    uppers = [tuple(label or ANY for label in row[1:]) for row in rows]

    def grow(value: str) -> Branch | None:
        text = value.strip()
        place = places.get(text)
        return None if place is None else Branch(text, uppers[place], (place,))

    return grow

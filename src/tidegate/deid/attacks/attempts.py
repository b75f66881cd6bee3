"""The attacks, each for one target after the other: succeeded or not.

| attack | the attacker knows | wants | source |
|---|---|---|---|
| linkage | a register: the target's exact values | which record is theirs | Sweeney 2002 |
| known value | that, and the sensitive value | which record is theirs | Martin et al. 2007 |
| inference | a register: the target's exact values | the value | Machanavajjhala et al. 2007 |
| singling out | only the release | a description of just one person | WP 216; Cohen, Nissim 2020 |
| minimality | a register, the method and its k | the sensitive value | Wong et al. 2007 |
| composition | a register and two releases | the sensitive value, for sure | Ganta et al. 2008 |
"""

from collections.abc import Iterable

import numpy as np

from tidegate.deid.attacks.view import Numbers, View
from tidegate.deid.tables.model import TableInput

Outcomes = list[bool]


def link(view: View, chosen: Numbers, targets: Numbers, draw: np.random.Generator) -> Outcomes:
    """Pick one of the records of the class that is taken for each target's."""
    return [
        _is_picked(view.members(number), target, draw)
        for number, target in zip(chosen.tolist(), targets.tolist(), strict=True)
    ]


def link_by_value(
    view: View, chosen: Numbers, targets: Numbers, values: Numbers, draw: np.random.Generator
) -> Outcomes:
    """Pick one of those records of the class that have the target's sensitive value."""
    done = []
    for number, target in zip(chosen.tolist(), targets.tolist(), strict=True):
        members = view.members(number)
        done.append(_is_picked(members[values[members] == values[target]], target, draw))
    return done


def infer(view: View, chosen: Numbers, targets: Numbers, values: Numbers) -> Outcomes:
    """Guess the commonest value of the class, or of the release where no class is found."""
    done = []
    for number, target in zip(chosen.tolist(), targets.tolist(), strict=True):
        members = view.members(number)
        seen = values[members if len(members) else view.published()]
        done.append(bool(len(seen)) and commonest(seen) == values[target])
    return done


def commonest(values: Numbers) -> int:
    """Return the commonest value, the first of several."""
    return int(np.bincount(values).argmax())


def single_out(
    view: View,
    table: TableInput,
    tries: int,
    draw: np.random.Generator,
    values: Numbers | None = None,
) -> Outcomes:
    """Describe a published class by its labels; that is one person or more.

    With `values`, the description names the value that is rarest in the class besides.
    """
    published = np.sort(view.published())
    done = []
    for record in draw.choice(published, tries) if len(published) else ():
        number = int(view.classes[record])
        fitting = view.fitting(table, number)
        if values is not None:
            counts = np.bincount(values[view.members(number)])
            rarest = np.where(counts > 0, counts, table.rows + 1).argmin()
            fitting = fitting[values[fitting] == rarest]
        done.append(len(fitting) == 1)
    return done


def guess_single(
    table: TableInput, tries: int, draw: np.random.Generator, values: Numbers | None = None
) -> Outcomes:
    """Describe a person by values drawn apart from each other, as one could without the release."""
    columns = [column.codes for column in table.quasi]
    if values is not None:
        columns = [*columns, values.astype(np.int32)]
    done = []
    for _ in range(tries):
        first, *rest = columns
        fitting = np.flatnonzero(first == first[draw.integers(table.rows)])
        for codes in rest:
            fitting = fitting[codes[fitting] == codes[draw.integers(table.rows)]]
        done.append(len(fitting) == 1)
    return done


def infer_by_minimality(
    view: View, table: TableInput, chosen: Numbers, targets: Numbers, values: Numbers, k: int
) -> tuple[Outcomes, float]:
    """Guess for those whose group was large enough to be published apart, and was not.

    A method that generalises no more than it must kept the group together with others only since
    one of the two parts had too few different values, the smaller one more likely: so the commonest
    value of the class is likelier there than elsewhere in it. Returns the outcomes, and the chance
    of the same guess for any member of those classes.
    """
    done, chances = [], []
    for number, target in zip(chosen.tolist(), targets.tolist(), strict=True):
        members = view.members(number)
        if not _could_stand_alone(table, members, target, k):
            continue
        guess = commonest(values[members])
        done.append(bool(guess == values[target]))
        chances.append(float((values[members] == guess).mean()))
    return done, float(np.mean(chances)) if chances else 0.0


def _could_stand_alone(table: TableInput, members: Numbers, target: int, k: int) -> bool:
    for column in table.quasi:
        alike = int((column.codes[members] == column.codes[target]).sum())
        if k <= alike <= len(members) - alike:
            return True
    return False


def is_told(sets: Iterable[Numbers], value: int) -> bool:
    """Tell whether these sets of values have just one in common, and it is the right one."""
    common: set[int] | None = None
    for values in sets:
        here = set(values.tolist())
        common = here if common is None else common & here
    return common == {value}


def _is_picked(members: Numbers, target: int, draw: np.random.Generator) -> bool:
    return bool(len(members)) and int(draw.choice(members)) == target

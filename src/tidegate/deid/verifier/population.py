"""What somebody who knows a population learns: whom each published class may be about.

A person may be behind a class if every label of the class covers the person's exact value. The
classes of a locally recoded table overlap, so a person may be counted for more than one of them.
"""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from tidegate.deid.verifier.classes import Classes, Counts
from tidegate.deid.verifier.errors import ClaimInvalidError
from tidegate.deid.verifier.model import Population, Risk, Tree
from tidegate.deid.verifier.reading import Codes, Column, Table, read_table
from tidegate.kernel.values import dataclass

_AMBIGUOUS = "\0"
_Cover = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Known:
    """How many people of the population each class may be about, and how many none is about."""

    people: Counts
    outside: int


def count_people(
    population: Population, quasi: Sequence[str], table: Table, classes: Classes
) -> Known:
    """Count the people of the population whom each published class covers.

    Raises ClaimInvalidError if the population lacks a column, a label covers nothing that is
    known, or a class has more records than people: the published are people of the population.
    """
    outside = read_table(population.table, population.delimiter)
    lacking = [name for name in quasi if name not in outside.names]
    if lacking:
        raise ClaimInvalidError(
            f"The population lacks the column {lacking[0]}; give it the quasi-identifiers.",
            code="population_column",
        )
    columns = [outside.column(name) for name in quasi]
    covers = [
        _cover(name, table.column(name).texts, known.texts, population.trees.get(name))
        for name, known in zip(quasi, columns, strict=True)
    ]
    examples = classes.examples()
    labels = np.stack([table.column(name).codes[examples] for name in quasi])
    people, seen = _count(labels, covers, columns)
    if (people < classes.sizes).any():
        raise ClaimInvalidError(
            "A published class has more records than the population has such people; the "
            "population must hold everybody who is in the table.",
            code="population_misfit",
        )
    return Known(people, int((~seen).sum()))


def _cover(
    name: str, labels: Sequence[str | None], known: Sequence[str | None], tree: Tree | None
) -> _Cover:
    """Tell for every published label which of the population's values it covers."""
    leaves = [row[0] for row in tree or ()]
    places = {leaf: place for place, leaf in enumerate(leaves)}
    under = _leaves_under(tree or ())
    cover = np.zeros((len(labels), len(known)), bool)
    for number, label in enumerate(labels):
        inside = under.get(label or "") or _interval(label or "", leaves, places) or {label or ""}
        cover[number] = [(value or "") in inside for value in known]
        if tree is not None and not inside <= places.keys():
            raise ClaimInvalidError(
                f"A published label of {name} is not in its hierarchy, or means different values "
                "on two levels of it; claim the right one.",
                code="label_unknown",
            )
    return cover


def _leaves_under(tree: Tree) -> dict[str, set[str]]:
    """Return the leaves of every label; one that means different leaves on two levels has none."""
    if len({len(row) for row in tree}) > 1:
        raise ClaimInvalidError(
            "The rows of a hierarchy have different lengths; claim a label on every level.",
            code="tree_misfit",
        )
    under: dict[str, set[str]] = {}
    for level in zip(*tree, strict=True):
        here: dict[str, set[str]] = {}
        for row, text in zip(tree, level, strict=True):
            here.setdefault(text, set()).add(row[0])
        for text, leaves in here.items():
            under[text] = leaves if under.get(text, leaves) == leaves else {_AMBIGUOUS}
    return under


def _interval(label: str, leaves: Sequence[str], places: dict[str, int]) -> set[str]:
    """Return the leaves of a label `a-b`, `a to b` or `a/b`: all from one leaf to another."""
    for mark in ("-", " to ", "/"):
        head, found, tail = label.partition(mark)
        while found:
            if head in places and tail in places:
                return {*leaves[places[head] : places[tail] + 1]}
            more, found, tail = tail.partition(mark)
            head += mark + more
    return set()


def _count(
    labels: Codes, covers: Sequence[_Cover], columns: Sequence[Column]
) -> tuple[Counts, npt.NDArray[np.bool_]]:
    """Narrow the population column by column, once for all classes that begin alike."""
    order = np.lexsort(labels[::-1])
    people = np.zeros(labels.shape[1], np.int64)
    seen = np.zeros(len(columns[0].codes), bool)
    waiting = [(0, order, np.arange(len(seen)))]
    while waiting:
        depth, classes, persons = waiting.pop()
        if depth == len(covers):
            people[classes] = len(persons)
            seen[persons] = True
            continue
        mine = labels[depth][classes]
        codes = columns[depth].codes[persons]
        for part in np.split(classes, np.flatnonzero(mine[1:] != mine[:-1]) + 1):
            inside = covers[depth][labels[depth][part[0]]][codes]
            waiting.append((depth + 1, part, persons[inside]))
    return people, seen


def weigh_risks(sizes: Counts, known: Known | None) -> tuple[Risk, Risk, Risk]:
    """Return the prosecutor's, the journalist's and the marketer's risk.

    El Emam and Dankar 2008; El Emam 2013, chapter 16 (pR_b and pR_c, jR_b and jR_c, mR). Without
    a population the published records stand for it, which can only overstate the two.
    """
    records = int(sizes.sum())
    classes = len(sizes)
    prosecutor = Risk("prosecutor", Fraction(1, int(sizes.min())), Fraction(classes, records))
    people = sizes if known is None else known.people
    pairs, times = np.unique(np.stack([sizes, people]), axis=1, return_counts=True)
    named = sum(
        Fraction(size * count, many)
        for size, many, count in zip(*pairs.tolist(), times.tolist(), strict=True)
    ) / Fraction(records)
    mean = max(named, Fraction(classes, int(people.sum())))
    journalist = Risk("journalist", Fraction(1, int(people.min())), mean)
    return prosecutor, journalist, Risk("marketer", named, named)


def presence(sizes: Counts, known: Known) -> tuple[Fraction, Fraction]:
    """Return the least and greatest chance that a person of the population is in the table.

    Nergiz, Atzori, Clifton 2007: records over people, class by class; 0 for whom no class covers.
    """
    rates = {*zip(sizes.tolist(), known.people.tolist(), strict=True)}
    chances = [Fraction(size, people) for size, people in rates]
    return Fraction(0) if known.outside else min(chances), max(chances)

"""How many people of a population each class may be about."""

from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables.labels import Spans
from tidegate.deid.tables.model import Criterion, DeltaPresence, RiskThreshold

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int32]
    Counts = NDArray[np.int64]


def people_of(criteria: tuple[Criterion, ...], spans: Spans) -> "dict[int, Counts]":
    """Return for each criterion with a population, by its place, the people of each class."""
    return {
        place: count_people(*spans.covers(), one.population)[0]
        for place, one in enumerate(criteria)
        if isinstance(one, DeltaPresence | RiskThreshold) and one.population
    }


def count_people(
    first: "Codes", last: "Codes", population: "tuple[Codes, ...]"
) -> "tuple[Counts, int]":
    """Count the people whose leaf each class covers in every column, and whom no class covers.

    Classes of a locally recoded table overlap, so one person may stand behind several. People are
    sorted by the column of most values, so that a class looks at its own stretch alone.
    """
    lead = int(np.argmax([int(codes.max(initial=0)) for codes in population]))
    order = np.argsort(population[lead], kind="stable")
    columns = [codes[order] for codes in population]
    starts = np.searchsorted(columns[lead], first[lead], "left")
    stops = np.searchsorted(columns[lead], last[lead], "right")
    people, seen = np.zeros(first.shape[1], np.int64), np.zeros(len(order), bool)
    for number in range(first.shape[1]):
        mine = np.arange(starts[number], stops[number])
        for column, codes in enumerate(columns):
            if column != lead:
                own = codes[mine]
                mine = mine[(own >= first[column, number]) & (own <= last[column, number])]
        people[number] = len(mine)
        seen[mine] = True
    return people, int((~seen).sum())


def outside(criterion: DeltaPresence, spans: Spans) -> int:
    """Return the people of a criterion's population whom no class covers."""
    return count_people(*spans.covers(), criterion.population)[1]

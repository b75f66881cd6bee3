"""The groups a query sorts people into, in order, with the words that head them."""

from itertools import pairwise

from tidegate.catalogue.model import OTHER_CATEGORY, Codebook, Column
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.lab.query.model import ColumnOf, Grouping, Picked, Query, Whether
from tidegate.lab.query.rules import Reader, group_values

MISSING = "(missing)"
YES, NO = "yes", "no"


@dataclass(frozen=True, slots=True)
class Axis:
    """One grouping: a title and its groups; a person's code is the place of their group."""

    name: str
    title: Multilingual
    groups: tuple[str, ...]


def axes_of(query: Query, codebook: Codebook) -> tuple[Axis, ...]:
    """Return the axes of a checked query: none, one or two."""
    return tuple(_axis(grouping, codebook) for grouping in groupings_of(query))


def groupings_of(query: Query) -> tuple[Grouping, ...]:
    """Return the groupings of a query in order."""
    found = (getattr(query, name, None) for name in ("by", "rows", "columns"))
    return tuple(grouping for grouping in found if grouping is not None)


def band_names(bands: tuple[object, ...]) -> tuple[str, ...]:
    """Name the bands that cut points make; a band holds its lower cut point."""
    cuts = [str(cut) for cut in bands]
    middle = (f"{low} – <{high}" for low, high in pairwise(cuts))
    return (f"<{cuts[0]}", *middle, f"≥{cuts[-1]}")


def _axis(grouping: Grouping, codebook: Codebook) -> Axis:
    if isinstance(grouping.of, Whether):
        title = Multilingual("Meets the condition", "符合條件", "符合条件")
        return Axis("condition", title, (YES, NO))
    column = column_of(grouping.of, codebook)
    title = column.label if column.label.en else Multilingual(column.name)
    names = band_names(grouping.bands) if grouping.bands else group_values(column)
    if any(category.value == OTHER_CATEGORY for category in column.categories):
        names = (*names, OTHER_CATEGORY)
    if isinstance(grouping.of, Picked) or column.missing:
        names = (*names, MISSING)
    return Axis(column.name, title, names)


def column_of(variable: ColumnOf | Picked, codebook: Codebook) -> Column:
    """Return the column a variable's value comes from."""
    return Reader(codebook).variable(variable)


def places_of(grouping: Grouping, axis: Axis, codebook: Codebook) -> tuple[int, ...]:
    """Return, for each code the engine may answer, its place on the axis; -1 is no place.

    Codes are the bands or values in order, then `other`, then `missing`.
    """
    if isinstance(grouping.of, Whether):
        return (0, 1)
    column = column_of(grouping.of, codebook)
    known = len(grouping.bands) + 1 if grouping.bands else len(group_values(column))
    groups = {name: place for place, name in enumerate(axis.groups) if place >= known}
    return (*range(known), groups.get(OTHER_CATEGORY, -1), groups.get(MISSING, -1))

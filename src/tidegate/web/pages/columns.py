"""The columns a query may name: as a list to choose from, and as what a typed name is held to."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from tidegate.catalogue.model import UNNAMED, HarvestedRecord
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass

MOST_NEAR = 3


class ColumnUnknownError(InvalidError):
    """A query names a column the dataset does not have."""


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    """One column to choose: table.column, and what its codebook says of it."""

    name: str
    label: Multilingual = UNNAMED
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ColumnGroup:
    """The columns of one table of one dataset."""

    title: Multilingual
    table: str
    choices: tuple[ColumnChoice, ...]


def column_groups(records: Iterable[HarvestedRecord]) -> tuple[ColumnGroup, ...]:
    """Return the columns of these datasets by table, in the order of their codebooks."""
    found: dict[tuple[str, str], list[ColumnChoice]] = {}
    titles: dict[str, Multilingual] = {}
    for dataset in {record.dataset.id: record.dataset for record in records}.values():
        titles[dataset.id] = dataset.title
        words = {one.name: one for one in dataset.codebook}
        for name in dataset.columns:
            said = words.get(name)
            choice = ColumnChoice(name, said.label, said.unit) if said else ColumnChoice(name)
            found.setdefault((dataset.id, name.partition(".")[0]), []).append(choice)
    return tuple(
        ColumnGroup(titles[dataset], table, tuple(choices))
        for (dataset, table), choices in found.items()
    )


def check_names(named: Iterable[tuple[str, str]], known: Sequence[str]) -> None:
    """Raise ColumnUnknownError, naming what is near, for the first column that is not known.

    Where nothing is known of the columns, the provider's own check says what is wrong.
    """
    if not known:
        return
    for table, column in named:
        name = f"{table}.{column}"
        if name not in known:
            raise ColumnUnknownError(
                f"The dataset has no column {name}; choose one from the list.",
                code="query_column_unknown",
                column=name,
                near=", ".join(_near(table, column, known)),
            )


def _near(table: str, column: str, known: Sequence[str]) -> list[str]:
    """Return what may have been meant: a like column of that table, else a like name of any."""
    of_table = {one.partition(".")[2]: one for one in known if one.startswith(f"{table}.")}
    like = [of_table[one] for one in get_close_matches(column, of_table, MOST_NEAR)]
    return like or get_close_matches(f"{table}.{column}", known, MOST_NEAR)

"""Turn the columns of a file into the numbers the engine works on."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.files.errors import TableUnreadableError
from tidegate.deid.files.model import Progress, Received, silently
from tidegate.deid.files.reading import iterate_batches
from tidegate.deid.hierarchies.model import Grown, HierarchyChoice, Kind, Unknown
from tidegate.deid.hierarchies.service import build, guess
from tidegate.deid.recipe.model import ColumnPlan, CriterionName, Role, TableRecipe
from tidegate.deid.spellings import gather
from tidegate.deid.tables.model import QuasiColumn, SensitiveColumn, TableInput
from tidegate.deid.tables.spooling import mapped, room, unnamed
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from tidegate.deid.tables.model import Codes


_STEP = 1 << 20
_DIVERSE = {CriterionName.DISTINCT_L, CriterionName.ENTROPY_L, CriterionName.RECURSIVE_L}

Gathered: TypeAlias = tuple[dict[str, int], Any]
"""A column: the number of each different text, and the number of every record."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A file's quasi-identifiers and sensitive columns as numbers, and the recipe made definite."""

    table: TableInput
    recipe: TableRecipe
    grown: Mapping[str, Grown]
    """By quasi-identifier."""
    population: "tuple[Codes, ...]" = ()


class Growing:
    """A column while it is read: each different text gets the next number.

    The numbers of the records stand on the disk of a folder where one is named, else in memory.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.numbers: dict[str, int] = {}
        self._parts: list[Any] = []
        self._file = unnamed(folder) if folder else None

    def add(self, values: Any) -> None:
        """Take the next part of the column: an Arrow array of text without nulls."""
        import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

        coded = values.dictionary_encode()
        texts = coded.dictionary.to_pylist()
        known = [self.numbers.setdefault(text, len(self.numbers)) for text in texts]
        if known:
            places = coded.indices  # read as they lie: to_numpy would load pandas first
            here = np.frombuffer(places.buffers()[1], np.int32, len(places), places.offset * 4)
            self._keep(np.array(known, np.int32)[here])

    def _keep(self, part: Any) -> None:
        if self._file is None:
            self._parts.append(part)
        else:
            self._file.write(part.tobytes())

    def codes(self) -> Any:
        """Return the number of every record's text."""
        import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

        if self._file is not None:
            with self._file as file:
                return mapped(file, np.int32)
        return np.concatenate(self._parts) if self._parts else np.zeros(0, np.int32)


def encode(
    received: Received,
    recipe: TableRecipe,
    population: Received | None = None,
    progress: Progress = silently,
    folder: Path | None = None,
) -> Coded:
    """Read the file once and give every record a leaf in each quasi-identifier's hierarchy.

    Columns are mapped from files in `folder`, if one is given, and else are in memory. Raises
    TableUnreadableError, HierarchyError, or RecipeInvalidError where recipe and file name
    different columns.
    """
    check_fits(received, recipe)
    quasi = [plan.name for plan in recipe.of_role(Role.QUASI)]
    sensitive = [plan.name for plan in recipe.of_role(Role.SENSITIVE)]
    columns = _gather(received, [*quasi, *sensitive], progress, folder)
    if not len(columns[quasi[0]][1]):
        raise TableUnreadableError(
            f"{received.path.name} has names and no record, so there is nothing to anonymise.",
            code="table_empty",
        )
    known = _gather(population, quasi, silently) if population else {}
    if population and len(known[quasi[0]][1]) < len(columns[quasi[0]][1]):
        raise TableUnreadableError(
            f"{population.path.name} has {len(known[quasi[0]][1])} people, and the table more"
            f" records ({len(columns[quasi[0]][1])}); the population has everybody who is in the"
            " table: name that file.",
            code="population_small",
        )
    return encode_columns(columns, recipe, known, folder)


def encode_columns(
    columns: Mapping[str, Gathered],
    recipe: TableRecipe,
    known: Mapping[str, Gathered] | None = None,
    folder: Path | None = None,
) -> Coded:
    """Give every record a leaf in each quasi-identifier's hierarchy; `known` is a population.

    Leaves stand on the disk of `folder`, if one is given.

    Raises HierarchyError where a value is unknown and the recipe refuses such.
    """
    quasi, sensitive = recipe.of_role(Role.QUASI), recipe.of_role(Role.SENSITIVE)
    people = known or {}
    definite = {plan.name: _definite(plan, columns[plan.name]) for plan in (*quasi, *sensitive)}
    grown = {p.name: _grow(definite[p.name], columns[p.name], people.get(p.name)) for p in quasi}
    table = TableInput(
        tuple(_quasi(plan, columns[plan.name], grown[plan.name], folder) for plan in quasi),
        tuple(
            _sensitive(
                definite[plan.name], columns[plan.name], folder, _spellings(plan, recipe, columns)
            )
            for plan in sensitive
        ),
    )
    plans = tuple(definite.get(plan.name, plan) for plan in recipe.columns)
    leaves = tuple(_leaves(people[plan.name], grown[plan.name]) for plan in quasi if people)
    return Coded(table, replace(recipe, columns=plans), grown, leaves)


def check_fits(received: Received, recipe: TableRecipe) -> None:
    """Refuse a recipe that plans other columns than the file has; none may be forgotten."""
    planned = {plan.name for plan in recipe.columns}
    lacking = [name for name in received.names if name not in planned]
    strange = [plan.name for plan in recipe.columns if plan.name not in received.names]
    if strange or lacking:
        words = f"has no column {strange[0]}" if strange else f"has a column {lacking[0]}"
        also = "which the recipe plans" if strange else "about which the recipe says nothing"
        raise RecipeInvalidError(
            f"{received.path.name} {words}, {also}; a recipe gives every column of its file a"
            " role.",
            code="recipe_columns",
            column=(strange or lacking)[0],
        )


def _gather(
    received: Received, names: list[str], progress: Progress, folder: Path | None = None
) -> dict[str, Gathered]:
    """Return each column's texts with their numbers, and the number of every record."""
    lacking = [name for name in names if name not in received.names]
    if lacking:
        raise TableUnreadableError(
            f"{received.path.name} has no column {lacking[0]}, which the recipe needs there.",
            code="table_column_missing",
        )
    growing = {name: Growing(folder) for name in names}
    size, done = max(received.path.stat().st_size, 1), 0
    for batch in iterate_batches(received):
        for name, column in growing.items():
            column.add(batch.column(name))
        done += batch.nbytes
        progress(min(done / size, 1.0), "reading")
    return {name: (column.numbers, column.codes()) for name, column in growing.items()}


def _counts(column: Gathered) -> dict[str, int]:
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    numbers, codes = column
    sizes = np.zeros(len(numbers), np.int64)
    for start in range(0, len(codes), _STEP):
        sizes += np.bincount(codes[start : start + _STEP], minlength=len(numbers))
    return dict(zip(numbers, sizes.tolist(), strict=True))


def _definite(plan: ColumnPlan, column: Gathered) -> ColumnPlan:
    if plan.hierarchy is not None:
        return plan
    return replace(plan, hierarchy=guess(plan.name, _counts(column)))


def _grow(
    plan: ColumnPlan,
    column: Gathered,
    known: Gathered | None,
) -> Grown:
    counts = _counts(column)
    for value in known[0] if known else ():  # learned from the table alone, but with their leaves
        counts.setdefault(value, 0)
    return build(plan.name, counts, plan.hierarchy or HierarchyChoice(Kind.FLAT, Unknown.OTHER))


def _leaves(column: Gathered, grown: Grown, folder: Path | None = None) -> Any:
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    numbers, codes = column
    return _renumbered(np.array([grown.leaf_of[text] for text in numbers], np.int32), codes, folder)


def _renumbered(numbers: Any, codes: Any, folder: Path | None) -> Any:
    """Give every record another number, on disk if there is a folder for it."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    if folder is None:
        return numbers[codes]
    found = room(folder, np.int32, len(codes))
    for start in range(0, len(codes), _STEP):
        mine = slice(start, start + _STEP)
        found[mine] = numbers[codes[mine]]
    return found


def _quasi(plan: ColumnPlan, column: Gathered, grown: Grown, folder: Path | None) -> QuasiColumn:
    weight = float(Fraction(plan.weight))
    return QuasiColumn(plan.name, _leaves(column, grown, folder), grown.hierarchy, weight)


def _spellings(
    plan: ColumnPlan, recipe: TableRecipe, columns: Mapping[str, Gathered]
) -> Mapping[str, str]:
    """Return the usual spelling of each text whose value is spelt in several ways.

    Only where different values are counted. Raises RecipeInvalidError if distances are too, which
    are about the texts that are published.
    """
    asked = {one.criterion for one in recipe.criteria if one.column == plan.name}
    if not asked & _DIVERSE:
        return {}
    usual = gather(_counts(columns[plan.name]))
    if asked - _DIVERSE and any(text != other for text, other in usual.items()):
        raise RecipeInvalidError(
            f"Values of {plan.name} differ in spelling alone (spaces, case, width, 1 and 1.0), so"
            " they count as one for diversity and as several for closeness; write each in one way,"
            " or ask for one of the two.",
            code="recipe_spellings",
            column=plan.name,
        )
    return usual


def _sensitive(
    plan: ColumnPlan, column: Gathered, folder: Path | None, usual: Mapping[str, str]
) -> SensitiveColumn:
    """Give each published value of a sensitive column a number, in its hierarchy's order.

    `usual` has the spelling that stands for others.
    """
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    numbers, codes = column
    choice = plan.hierarchy or HierarchyChoice(Kind.FLAT, Unknown.OTHER)
    grown = build(plan.name, _counts(column), choice)
    kept = {usual.get(text, text) for text in numbers}
    texts = sorted(kept, key=lambda text: (grown.leaf_of[text], text))
    place = {text: n for n, text in enumerate(texts)}
    levels = tuple(
        tuple(level[grown.leaf_of[text]] for text in texts) for level in grown.hierarchy.labels[1:]
    )
    tree = replace(grown.hierarchy, labels=(tuple(texts), *levels))
    renumbered = _renumbered(
        np.array([place[usual.get(text, text)] for text in numbers], np.int32), codes, folder
    )
    return SensitiveColumn(plan.name, renumbered, tuple(texts), tree)

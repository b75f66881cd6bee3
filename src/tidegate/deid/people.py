"""The table of people in a version: code it, recode it, and say what every class publishes.

Numbers and dates are published as the centre of their class, so that they keep their type and
`age >= 60` its meaning; categories as the label of their branch, and as nothing where that is `*`.
"""

from dataclasses import replace
from typing import Any

from tidegate.catalogue.model import Column, Table
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.files.coding import Growing, encode_columns
from tidegate.deid.identifiers import scrub
from tidegate.deid.model import Batches, People, Progress, silently
from tidegate.deid.recipe.model import Action, ColumnPlan, Role, TableRecipe
from tidegate.deid.recipe.question import question_of
from tidegate.deid.tables.model import ANY, Method, TableInput
from tidegate.deid.transforms import as_type, type_of
from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class Coded:
    """A table of people as numbers, and its recipe with every hierarchy named."""

    table: str
    recipe: TableRecipe
    input: TableInput
    persons: tuple[str | None, ...]
    unknown: tuple[tuple[str, int], ...]


def code(table: Table, recipe: TableRecipe, source: Batches) -> Coded | None:
    """Give every record a leaf in each quasi-identifier's hierarchy; None if there is no record.

    Raises RecipeInvalidError if a person has several rows, HierarchyError.
    """
    quasi, sensitive = recipe.of_role(Role.QUASI), recipe.of_role(Role.SENSITIVE)
    columns = {plan.name: Growing() for plan in (*quasi, *sensitive)}
    persons: list[str | None] = []
    for batch in source():
        for name, column in columns.items():
            values = batch.column(name)
            plan = next((one for one in sensitive if one.name == name), None)
            shown = values if plan is None else _as_published(values, table, plan)
            column.add(shown.fill_null(""))
        if table.person_key:
            persons.extend(batch.column(table.person_key).to_pylist())
    _check_persons(table, persons)
    gathered = {name: (column.numbers, column.codes()) for name, column in columns.items()}
    if not len(gathered[quasi[0].name][1]):
        return None
    found = encode_columns(gathered, recipe)
    unknown = tuple((name, one.unknown) for name, one in found.grown.items() if one.unknown)
    return Coded(table.name, found.recipe, found.table, tuple(persons), unknown)


def recode(coded: Coded, method: Method | None = None, progress: Progress = silently) -> People:
    """Recode coded people as their recipe asks, or by another method, and say what is published.

    Raises NotAnonymousError where the recipe cannot be reached.
    """
    from tidegate.deid.files.publishing import texts_of  # noqa: PLC0415 - numpy
    from tidegate.deid.tables.engine import anonymise  # noqa: PLC0415 - numpy

    recipe = replace(coded.recipe, method=method) if method else coded.recipe
    recoding = anonymise(coded.input, question_of(recipe), progress)
    shown = texts_of(coded.input, recoding, recipe)
    texts = tuple(
        (name, tuple(None if text in {"", ANY} else text for text in each))
        for name, each in shown.items()
    )
    return People(coded.table, recipe, coded.input, recoding, texts, coded.persons, coded.unknown)


def _check_persons(table: Table, persons: list[str | None]) -> None:
    if len(set(persons)) != len(persons):
        raise RecipeInvalidError(
            f"{table.name} has several rows for one person (or rows without a key), so its classes"
            " would count rows, not people; keep quasi-identifiers in a table with one row each.",
            code="person_rows_repeat",
        )


def _as_published(values: Any, table: Table, plan: ColumnPlan) -> Any:
    """Write a sensitive column as it will be published, so that values are counted as shown."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    column = table.find_column(plan.name) or Column(plan.name, "string")
    if plan.action is Action.SCRUB:
        texts = values.to_pylist()
        clean = {text: scrub(text)[0] if text else text for text in set(texts)}
        return pa.array([clean[text] for text in texts], pa.string())
    return as_type(values, type_of(column)).cast(pa.string())

"""Recipes of whole versions: draw the default one from a codebook, read a written one, check both.

The document is `tidegate-deid-version/1`: what is asked for, and under `columns` what a table's
recipe says about a column (see `deid.recipe`), by `table.column`. What is left out is as in the
default recipe, so that a person writes only what is to be different.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.model import Recipe, TablePlan
from tidegate.deid.recipe.documents import (
    check_criteria,
    column_document,
    criterion_document,
    number_text,
    read_column,
    read_criteria,
)
from tidegate.deid.recipe.model import (
    USUAL_K,
    Action,
    Asked,
    ColumnPlan,
    CriterionName,
    Publish,
    Role,
)
from tidegate.deid.tables.model import Method
from tidegate.kernel.canonical import canonical_json, sha256_hex

FORMAT = "tidegate-deid-version/1"
_KEYS = {"format", "name", "k", "criteria", "method", "suppression", "threshold", "columns"}
_GONE = {Action.REMOVE, Action.EMPTY}
_SAFE = {
    ColumnRole.DIRECT_IDENTIFIER: {*_GONE, Action.PSEUDONYMISE},
    ColumnRole.PERSON_KEY: {*_GONE, Action.PSEUDONYMISE},
    ColumnRole.QUASI_IDENTIFIER: _GONE,
    ColumnRole.DATE: {*_GONE, Action.SHIFT_DATE},
}
"""The actions that leave nothing of a column's role behind; any other role takes any action."""
_GENERALISED = {ColumnRole.QUASI_IDENTIFIER, ColumnRole.DATE}


def default_recipe(codebook: Codebook, k: int = USUAL_K) -> Recipe:
    """Draw the usual recipe from the column roles: fail closed, generalise to k."""
    tables = tuple(
        TablePlan(table.name, tuple(_usual(column, table) for column in table.columns))
        for table in codebook.tables
    )
    asked = (Asked(CriterionName.K_ANONYMITY, k=k),)
    return Recipe("default", tables, asked, threshold=f"1/{k}" if k > 1 else "1/2")


def _usual(column: Column, table: Table) -> ColumnPlan:
    name, kind = column.name, column.identifier_kind
    kept = Action.SCRUB if column.type == "string" else Action.KEEP
    if column.role is ColumnRole.QUASI_IDENTIFIER:
        return ColumnPlan(name, Role.QUASI, publish=Publish.CENTRE)
    if column.role is ColumnRole.DIRECT_IDENTIFIER:
        return ColumnPlan(name, Role.DIRECT, Action.REMOVE, kind)
    if column.role is ColumnRole.PERSON_KEY:
        return ColumnPlan(name, Role.DIRECT, Action.PSEUDONYMISE, kind)
    if column.role is ColumnRole.DATE:
        can_shift = table.person_key and column.type == "date"
        return ColumnPlan(name, Role.OTHER, Action.SHIFT_DATE if can_shift else Action.REMOVE)
    role = Role.SENSITIVE if column.role is ColumnRole.SENSITIVE else Role.OTHER
    return ColumnPlan(name, role, kept)


def read_recipe(document: Mapping[str, Any], codebook: Codebook) -> Recipe:
    """Read a document over the default recipe; `{"k": 20}` is one.

    Raises RecipeInvalidError that names what is wrong and what may stand there.
    """
    columns = document.get("columns", {})
    base = default_recipe(codebook, _k(document))
    known = {f"{plan.table}.{column.name}" for plan in base.tables for column in plan.columns}
    is_known = document.get("format", FORMAT) == FORMAT and not set(document) - _KEYS
    if not is_known or not isinstance(columns, Mapping) or set(columns) - known:
        raise RecipeInvalidError(
            "The recipe names columns or settings that do not exist; write table.column as in the"
            " codebook.",
            code="recipe_unknown_name",
        )
    tables = tuple(
        TablePlan(
            plan.table,
            tuple(_written(one, columns, f"{plan.table}.{one.name}") for one in plan.columns),
        )
        for plan in base.tables
    )
    return Recipe(
        name=str(document.get("name", "written")),
        tables=tables,
        criteria=read_criteria(document["criteria"]) if "criteria" in document else base.criteria,
        method=_method(document.get("method", Method.LOCAL.value)),
        suppression=_number(document.get("suppression", "0.02"), "suppression"),
        threshold=_number(document.get("threshold", base.threshold), "threshold"),
    )


def _k(document: Mapping[str, Any]) -> int:
    value = document.get("k", USUAL_K)
    if not isinstance(value, int) or isinstance(value, bool) or value < 2:
        raise RecipeInvalidError(
            "k in a recipe must be a whole number, 2 or more.", code="recipe_numbers", setting="k"
        )
    return value


def _method(value: Any) -> Method:
    if value not in {each.value for each in Method}:
        allowed = ", ".join(each.value for each in Method)
        raise RecipeInvalidError(
            f"The method of a recipe is one of: {allowed}.", code="recipe_value", key="method"
        )
    return Method(value)


def _number(value: Any, name: str) -> str:
    is_number = isinstance(value, int | str | float) and not isinstance(value, bool)
    written = number_text(str(value)) if is_number else None
    if written is None:
        raise RecipeInvalidError(
            f"{name} in a recipe must be a number such as 0.02 or 1/11.",
            code="recipe_value",
            key=name,
        )
    return written


def _written(plan: ColumnPlan, columns: Mapping[str, Any], where: str) -> ColumnPlan:
    if where not in columns:
        return plan
    written = columns[where]
    if not isinstance(written, Mapping) or "name" in written:
        raise RecipeInvalidError(
            f"What the recipe says about {where} must be an object, without a name.",
            code="recipe_value",
            key=where,
        )
    usual = column_document(plan)
    same = written.get("role", plan.role.value) == plan.role.value
    above = usual if same else {"name": plan.name}
    return read_column({**above, **written}, f"columns.{where}")


def check_recipe(recipe: Recipe, codebook: Codebook) -> None:
    """Refuse a recipe that leaves an identifier in, or that cannot be run."""
    _check_numbers(recipe)
    for table in codebook.tables:
        plans = recipe.find_table(table.name)
        for column in table.columns:
            found = (one for one in (plans.columns if plans else ()) if one.name == column.name)
            _check_column(next(found, None), column, table)
    if sum(bool(plan.of_role(Role.QUASI)) for plan in recipe.tables) > 1:
        raise RecipeInvalidError(
            "Quasi-identifiers stand in several tables; keep them in one table with one row"
            " for each person, and give the others another role or remove them.",
            code="recipe_two_quasi_tables",
        )
    people = recipe.of_people()
    if people is not None:
        check_criteria(people)


def _check_column(plan: ColumnPlan | None, column: Column, table: Table) -> None:
    if plan is None:
        raise RecipeInvalidError(
            f"The recipe says nothing about {table.name}.{column.name}; plan every column.",
            code="recipe_unsafe",
            column=column.name,
        )
    safe = _SAFE.get(column.role)
    is_quasi = plan.role is Role.QUASI
    is_safe = column.role in _GENERALISED if is_quasi else safe is None or plan.action in safe
    if safe is not None and not is_safe:
        ways = [*sorted(safe), *(["generalise"] if column.role in _GENERALISED else [])]
        raise RecipeInvalidError(
            f"{table.name}.{column.name} is a {column.role.value}; the recipe must"
            f" {' or '.join(ways)} it.",
            code="recipe_unsafe",
            column=column.name,
        )
    can_shift = column.type == "date" and table.person_key
    if plan.action is Action.SHIFT_DATE and not can_shift:
        raise RecipeInvalidError(
            f"{column.name} cannot be shifted: that takes ISO dates and a person key.",
            code="recipe_shift_impossible",
            column=column.name,
        )


def _check_numbers(recipe: Recipe) -> None:
    threshold, suppression = Fraction(recipe.threshold), Fraction(recipe.suppression)
    if recipe.k < 2 or not 0 <= suppression < 1 or not 0 < threshold < 1:
        raise RecipeInvalidError(
            "A recipe needs k-anonymity with k of 2 or more, a suppression from 0 to under 1 and a"
            " threshold between 0 and 1.",
            code="recipe_numbers",
        )


def recipe_document(recipe: Recipe) -> dict[str, Any]:
    """Return the whole recipe as a document for canonical JSON; reading it gives it again."""
    columns = {
        f"{plan.table}.{one.name}": {k: v for k, v in column_document(one).items() if k != "name"}
        for plan in recipe.tables
        for one in plan.columns
    }
    return {
        "format": FORMAT,
        "name": recipe.name,
        "criteria": [criterion_document(asked) for asked in recipe.criteria],
        "method": recipe.method.value,
        "suppression": recipe.suppression,
        "threshold": recipe.threshold,
        "columns": columns,
    }


def recipe_digest(recipe: Recipe) -> str:
    """Return the SHA-256 of the recipe's canonical form."""
    return sha256_hex(canonical_json(recipe_document(recipe)))

"""Recipes: draw the default one from a codebook, read a written one, check both."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.model import Action, ColumnRule, Recipe
from tidegate.kernel.canonical import canonical_json, sha256_hex

_SAFE = {
    ColumnRole.DIRECT_IDENTIFIER: (Action.REMOVE, Action.PSEUDONYMISE),
    ColumnRole.PERSON_KEY: (Action.REMOVE, Action.PSEUDONYMISE),
    ColumnRole.QUASI_IDENTIFIER: (Action.REMOVE, Action.GENERALISE),
    ColumnRole.DATE: (Action.REMOVE, Action.SHIFT_DATE, Action.GENERALISE),
}
"""The actions that leave nothing of a column's role behind; any other role takes any action."""


def default_recipe(codebook: Codebook, k: int = 10) -> Recipe:
    """Draw the usual recipe from the column roles: fail closed, generalise to k."""
    rules = tuple(
        ColumnRule(table.name, column.name, _usual(column, table), column.identifier_kind)
        for table, column in codebook.columns()
    )
    return Recipe("default", rules, k=k, threshold=f"1/{k}")


def _usual(column: Column, table: Table) -> Action:
    usual = {
        ColumnRole.DIRECT_IDENTIFIER: Action.REMOVE,
        ColumnRole.PERSON_KEY: Action.PSEUDONYMISE,
        ColumnRole.QUASI_IDENTIFIER: Action.GENERALISE,
    }
    if column.role is ColumnRole.DATE:
        can_shift = table.person_key and column.type == "date"
        return Action.SHIFT_DATE if can_shift else Action.REMOVE
    return usual.get(column.role, Action.SCRUB if column.type == "string" else Action.KEEP)


def read_recipe(document: Mapping[str, Any], codebook: Codebook) -> Recipe:
    """Read `{"k": 10, "columns": {"table.column": {…}}}` over the default recipe."""
    k = _whole(document.get("k", 10), "k")
    base = default_recipe(codebook, k)
    written = document.get("columns", {})
    unknown = set(document) - {"name", "k", "suppressed_per_mille", "threshold", "columns"}
    known = {f"{rule.table}.{rule.column}" for rule in base.rules}
    if unknown or not isinstance(written, Mapping) or set(written) - known:
        raise RecipeInvalidError(
            "The recipe names columns or settings that do not exist; write table.column as in the"
            " codebook.",
            code="recipe_unknown_name",
        )
    rules = tuple(_written_rule(r, written.get(f"{r.table}.{r.column}")) for r in base.rules)
    return Recipe(
        name=str(document.get("name", "written")),
        rules=rules,
        k=k,
        suppressed_per_mille=_whole(
            document.get("suppressed_per_mille", 20), "suppressed_per_mille"
        ),
        threshold=str(document.get("threshold", f"1/{k}")),
    )


def _whole(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise RecipeInvalidError(f"{name} in a recipe must be a whole number.", setting=name)
    return value


def _written_rule(rule: ColumnRule, written: Any) -> ColumnRule:
    if written is None:
        return rule
    try:
        groups = tuple(tuple(sorted(dict(group).items())) for group in written.get("groups", ()))
        widths = tuple(str(width) for width in written.get("widths", ()))
        action = Action(written["action"])
    except (KeyError, ValueError, TypeError, AttributeError):
        actions = ", ".join(action.value for action in Action)
        raise RecipeInvalidError(
            f"The rule of {rule.column} needs an action out of: {actions}.", column=rule.column
        ) from None
    return ColumnRule(rule.table, rule.column, action, rule.kind, groups, widths)


def check_recipe(recipe: Recipe, codebook: Codebook) -> None:
    """Refuse a recipe that misses a column or leaves an identifier in (fail closed)."""
    rules = {(rule.table, rule.column): rule for rule in recipe.rules}
    _check_numbers(recipe)
    for table, column in codebook.columns():
        rule = rules.get((table.name, column.name))
        safe = _SAFE.get(column.role)
        if rule is None or (safe and rule.action not in safe):
            raise RecipeInvalidError(
                f"{table.name}.{column.name} is a {column.role.value}; the recipe must"
                f" {' or '.join(safe or ('name it',))}.",
                code="recipe_unsafe",
                column=column.name,
            )
        if rule.action is Action.SHIFT_DATE and (column.type != "date" or not table.person_key):
            raise RecipeInvalidError(
                f"{column.name} cannot be shifted: that takes ISO dates and a person key.",
                code="recipe_shift_impossible",
                column=column.name,
            )
    if len({rule.table for rule in recipe.rules if rule.action is Action.GENERALISE}) > 1:
        raise RecipeInvalidError(
            "Quasi-identifiers stand in several tables; keep them in one table with one row"
            " for each person, and give the others another role or remove them.",
            code="recipe_two_quasi_tables",
        )


def _check_numbers(recipe: Recipe) -> None:
    try:
        threshold = Fraction(recipe.threshold)
    except (ValueError, ZeroDivisionError):
        raise RecipeInvalidError("The threshold must be a fraction such as 1/10.") from None
    if recipe.k < 2 or not 0 <= recipe.suppressed_per_mille <= 1000 or not 0 < threshold < 1:
        raise RecipeInvalidError(
            "k must be 2 or more, suppression 0 to 1000 per mille, the threshold between 0 and 1.",
            code="recipe_numbers",
        )


def recipe_document(recipe: Recipe) -> dict[str, Any]:
    """Return the recipe as a document for canonical JSON."""
    return {
        "name": recipe.name,
        "k": recipe.k,
        "suppressed_per_mille": recipe.suppressed_per_mille,
        "threshold": recipe.threshold,
        "rules": [
            {
                "table": rule.table,
                "column": rule.column,
                "action": rule.action.value,
                "kind": rule.kind,
                "groups": [dict(group) for group in rule.groups],
                "widths": list(rule.widths),
            }
            for rule in recipe.rules
        ],
    }


def recipe_digest(recipe: Recipe) -> str:
    """Return the SHA-256 of the recipe's canonical form."""
    return sha256_hex(canonical_json(recipe_document(recipe)))

"""Turn a recipe's criteria into the engine's question, and into the claim others can verify."""

from collections.abc import Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.recipe.documents import criterion_document
from tidegate.deid.recipe.model import Asked, CriterionName, TableRecipe
from tidegate.deid.tables.model import (
    ANY,
    Criterion,
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    KAnonymity,
    Question,
    RecursiveL,
    RiskThreshold,
    SensitiveColumn,
    TCloseness,
)

if TYPE_CHECKING:
    from tidegate.deid.tables.model import Codes

_STEP = 1 << 20


def question_of(recipe: TableRecipe, population: "tuple[Codes, ...]" = ()) -> Question:
    """Return what the engine is asked. Raises RecipeInvalidError if a population is lacking."""
    if not population and any(asked.needs_population for asked in recipe.criteria):
        raise RecipeInvalidError(
            "The recipe has a criterion about people who are not in the table; give the"
            " population's file with --population.",
            code="recipe_population_missing",
        )
    criteria = tuple(_criterion(asked, population) for asked in recipe.criteria)
    return Question(criteria, recipe.method, float(recipe.most_suppressed))


def _criterion(asked: Asked, population: "tuple[Codes, ...]") -> Criterion:
    name = asked.criterion
    if name is CriterionName.K_ANONYMITY:
        return KAnonymity(asked.k)
    if name is CriterionName.T_CLOSENESS:
        return TCloseness(asked.column, _float(asked.t), asked.distance)
    if name is CriterionName.DELTA_PRESENCE:
        return DeltaPresence(_float(asked.least), _float(asked.most), population)
    if name is CriterionName.RISK:
        known = population if asked.needs_population else ()
        return RiskThreshold(asked.attacker, _float(asked.most), known)
    return _diversity(asked)


def _diversity(asked: Asked) -> Criterion:
    if asked.criterion is CriterionName.DISTINCT_L:
        return DistinctL(asked.column, _float(asked.l))
    if asked.criterion is CriterionName.ENTROPY_L:
        return EntropyL(asked.column, _float(asked.l))
    return RecursiveL(asked.column, _float(asked.c), int(asked.l))


def _float(text: str) -> float:
    return float(Fraction(text))


def claimed(
    recipe: TableRecipe, sensitive: Mapping[str, SensitiveColumn]
) -> tuple[dict[str, Any], ...]:
    """Return the criteria as plain data that a stranger can check: with order and hierarchy."""
    return tuple(_claimed(asked, sensitive) for asked in recipe.criteria)


def _claimed(asked: Asked, sensitive: Mapping[str, SensitiveColumn]) -> dict[str, Any]:
    written = criterion_document(asked)
    if asked.criterion is not CriterionName.T_CLOSENESS or asked.distance is Distance.EQUAL:
        return written
    column = sensitive[asked.column]
    if asked.distance is Distance.ORDERED:
        return {**written, "order": list(column.values)}
    levels = column.hierarchy.labels if column.hierarchy else (column.values, (ANY,))
    return {**written, "hierarchy": [list(row) for row in zip(*levels, strict=True)]}


def only_published(column: SensitiveColumn, published: Any) -> SensitiveColumn:
    """Leave out of a sensitive column's values those that are not published."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    counts = np.zeros(len(column.values), np.int64)
    for start in range(0, len(published), _STEP):
        mine = slice(start, start + _STEP)
        counts += np.bincount(column.codes[mine][published[mine]], minlength=len(counts))
    there = np.flatnonzero(counts).tolist()
    values = tuple(column.values[code] for code in there)
    tree = column.hierarchy
    if tree is not None:
        levels = tuple(tuple(level[code] for code in there) for level in tree.labels)
        tree = replace(tree, labels=levels)
    return SensitiveColumn(column.name, column.codes, values, tree)

"""Preview recipes with Mondrian cuts, on a bounded part of a table, beside the usual recipe."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.deid import recipes, risk
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.model import AttackerRisk, Batches, Counted, People, Recipe, TablePlan
from tidegate.deid.people import Coded, code, recode
from tidegate.deid.previews.model import (
    FEWEST,
    MOST_RECORDS,
    Look,
    Point,
    Preview,
    ProposedColumn,
    ProposedRecipe,
)
from tidegate.deid.previews.summaries import summarise
from tidegate.deid.recipe import service as recipe_service
from tidegate.deid.recipe.model import CriterionName, Difference, Proposal, Role, TableRecipe
from tidegate.deid.recipe.question import claimed, only_published
from tidegate.deid.shares import class_sizes, decimal
from tidegate.deid.tables.model import Method, TableInput

if TYPE_CHECKING:
    from tidegate.deid.verifier.model import Claim, Verdict

_CURVE = (2, 3, 5, 7, 11, 20, 50, 100)
"""The values of k the curve has, besides the recipe's own."""


def preview(
    recipe: Recipe, usual: Recipe, codebook: Codebook, sources: Mapping[str, Batches]
) -> Preview:
    """Say what a recipe would publish and lose, beside the usual one or another.

    Raises RecipeInvalidError for a recipe that cannot be run or generalises nothing,
    NotAnonymousError where what it asks cannot be reached, HierarchyError.
    """
    recipes.check_recipe(recipe, codebook)
    plan = recipe.people
    table = codebook.find_table(plan.table) if plan else None
    if plan is None or table is None:
        raise RecipeInvalidError(
            "The recipe names no quasi-identifier, so there is nothing to preview; name those"
            " columns by which somebody could know a person.",
            code="recipe_no_quasi",
        )
    kept = list(sampled(sources[table.name], table.rows))
    looked_at, fewest = sum(batch.num_rows for batch in kept), max(FEWEST, recipe.k)
    coded = _coded(recipe, table, lambda: iter(kept))
    edited = _look(coded, recipe, fewest)
    return Preview(
        table.name,
        table.rows,
        looked_at,
        fewest,
        alone(coded.input),
        edited,
        _usual(usual, table, lambda: iter(kept), fewest),
        differences(usual, recipe),
    )


def sampled(source: Batches, rows: int, most: int = MOST_RECORDS) -> Iterator[Any]:
    """Yield every n-th record, at most `most`: the same ones each time."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    step, seen, taken = max(1, -(-rows // most)), 0, 0
    for batch in source():
        places = range(-seen % step, batch.num_rows, step)[: most - taken]
        seen, taken = seen + batch.num_rows, taken + len(places)
        yield (
            batch
            if step == 1 and len(places) == batch.num_rows
            else batch.take(pa.array(places, pa.int64()))
        )
        if taken >= most:
            return


def _usual(usual: Recipe, table: Table, source: Batches, fewest: int) -> Look | None:
    """Look at the usual recipe; None where it has nothing to say of this table."""
    plan = usual.people
    if plan is None or plan.table != table.name:
        return None
    try:
        return _look(_coded(usual, table, source), usual, fewest)
    except NotAnonymousError:
        return None


def _coded(recipe: Recipe, table: Table, source: Batches) -> Coded:
    of_people = recipe.of_people()
    coded = code(table, of_people, source) if of_people else None
    if coded is None:
        raise RecipeInvalidError(
            f"{table.name} has no record, so there is nothing to preview.", code="preview_empty"
        )
    return coded


def alone(table: TableInput) -> int:
    """Count the records that no other is like in all quasi-identifiers, before anything is done."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched

    rows = np.column_stack([column.codes for column in table.quasi])
    _, sizes = np.unique(rows, axis=0, return_counts=True)
    return int((sizes == 1).sum())


def _look(coded: Coded, recipe: Recipe, fewest: int) -> Look:
    people = recode(coded, Method.PREVIEW)
    verdict = _verify(people, recipe)
    return Look(
        recipe_digest=recipes.recipe_digest(recipe),
        k=recipe.k,
        published=verdict.records,
        suppressed=coded.input.rows - verdict.records,
        classes=verdict.classes,
        smallest=verdict.smallest,
        largest=verdict.largest,
        risk_max=str(Fraction(1, verdict.smallest)),
        risk_mean=str(Fraction(verdict.classes, verdict.records)),
        threshold=recipe.threshold,
        is_within=verdict.holds and Fraction(1, verdict.smallest) <= Fraction(recipe.threshold),
        criteria=tuple(
            Counted(one.criterion, one.column, one.asked, one.achieved, one.holds)
            for one in verdict.criteria
        ),
        risks=tuple(
            AttackerRisk(one.attacker, str(one.greatest), str(one.mean)) for one in verdict.risks
        ),
        loss=risk.mean_loss(people),
        columns=summarise(people, risk.generalised(people), fewest),
        curve=tuple(_point(coded, k) for k in sorted({*_CURVE, recipe.k})),
    )


def _point(coded: Coded, k: int) -> Point:
    """Return what another k would lose and risk, everything else as the recipe asks."""
    asked = tuple(
        replace(one, k=k) if one.criterion is CriterionName.K_ANONYMITY else one
        for one in coded.recipe.criteria
    )
    other = replace(coded, recipe=replace(coded.recipe, criteria=asked))
    try:
        people = recode(other, Method.PREVIEW)
    except NotAnonymousError:
        return Point(k, "", "")
    smallest = int(class_sizes(people.recoding).min())
    return Point(k, risk.mean_loss(people), decimal(1 / smallest))


def _verify(people: People, recipe: Recipe) -> "Verdict":
    """Have the independent verifier count what would be published of these records."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    from tidegate.deid.verifier.service import verify  # noqa: PLC0415 - numpy

    classes = people.recoding.classes
    here = classes >= 0
    published = pa.array(classes[here])
    columns = {name: pa.array(texts, pa.string()).take(published) for name, texts in people.texts}
    for one in people.coded.sensitive:
        columns[one.name] = pa.array(one.values, pa.string()).take(pa.array(one.codes[here]))
    batch = pa.record_batch(list(columns.values()), names=list(columns))
    return verify(lambda: [batch], _claim(people, recipe, tuple(columns), int(here.sum())))


def _claim(people: People, recipe: Recipe, columns: tuple[str, ...], published: int) -> "Claim":
    from tidegate.deid.verifier.model import Claim  # noqa: PLC0415 - only here

    here = people.recoding.classes >= 0
    quasi = tuple(name for name, _ in people.texts)
    sensitive = {one.name: only_published(one, here) for one in people.coded.sensitive}
    return Claim(
        columns=columns,
        quasi=quasi,
        criteria=claimed(people.recipe, sensitive),
        received=people.coded.rows,
        suppressed=people.coded.rows - published,
        suppression=recipe.suppression,
        sensitive=tuple(sensitive),
        pseudonyms=quasi,
    )


# --- comparison and proposals


def differences(before: Recipe, after: Recipe) -> tuple[Difference, ...]:
    """Return where two recipes of a version differ, table by table; their names do not count."""
    found: dict[str, Difference] = {}
    for old in before.tables:
        new = after.find_table(old.table) or TablePlan(old.table, ())
        for one in recipe_service.compare(_alone(before, old), _alone(after, new)):
            is_column = one.where.startswith("columns.")
            name = one.where.removeprefix("columns.")
            where = f"columns.{old.table}.{name}" if is_column else one.where
            found.setdefault(where, Difference(where, one.before, one.after))
    if before.threshold != after.threshold:
        found["threshold"] = Difference("threshold", before.threshold, after.threshold)
    return tuple(found.values())


def _alone(recipe: Recipe, plan: TablePlan) -> TableRecipe:
    return TableRecipe("", plan.columns, recipe.criteria, recipe.method, recipe.suppression)


def propose(usual: Recipe, codebook: Codebook, sources: Mapping[str, Batches]) -> ProposedRecipe:
    """Return the usual recipe, and for each column why it has its role.

    A role that a person gave in the codebook stands; what name and values look like is told
    beside it, so that a role that was forgotten can be seen.
    """
    columns = tuple(
        _proposed(table, column, plan.role, plan.action.value, seen)
        for table in codebook.tables
        for column, plan, seen in zip(
            table.columns,
            (usual.find_table(table.name) or TablePlan(table.name, ())).columns,
            _seen(table, sources),
            strict=True,
        )
    )
    return ProposedRecipe(recipes.recipe_document(usual), columns)


def _seen(table: Table, sources: Mapping[str, Batches]) -> tuple[Proposal, ...]:
    names = [column.name for column in table.columns]
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    source = sources.get(table.name)
    for batch in sampled(source, table.rows) if source else ():
        for name in names:
            for value in batch.column(name).value_counts().to_pylist():
                text = value["values"] or ""
                counts[name][text] = counts[name].get(text, 0) + value["counts"]
    return recipe_service.propose(counts)


def _proposed(
    table: Table, column: Column, role: Role, action: str, seen: Proposal
) -> ProposedColumn:
    is_given = column.role is not ColumnRole.OTHER
    return ProposedColumn(
        column=f"{table.name}.{column.name}",
        role=role.value,
        action="" if role is Role.QUASI else action,
        reason="codebook" if is_given else "nothing",
        seen=seen.plan.role.value,
        seen_reason=seen.reason,
    )

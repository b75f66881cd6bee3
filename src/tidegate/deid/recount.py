"""Count again, from what was written, by another way than the one that wrote it.

The reader knows the output and the recipe, not the search: it re-reads every row, forms the
equivalence classes by value and looks for identifiers that should be gone.
"""

from collections import Counter
from collections.abc import Mapping

from tidegate.deid.errors import RecountError
from tidegate.deid.identifiers import scrub
from tidegate.deid.model import Action, Batches, Recipe, Recount, TableCount


def recount(written: Mapping[str, Batches], recipe: Recipe) -> Recount:
    """Read every written table and count rows, classes and identifiers left in text."""
    quasi_table = recipe.quasi_table()
    quasi = [r.column for r in recipe.for_table(quasi_table) if r.action is Action.GENERALISE]
    classes: Counter[str] = Counter()
    rows: list[tuple[str, int]] = []
    left = 0
    for table, batches in written.items():
        removed = {r.column for r in recipe.for_table(table) if r.action is Action.REMOVE}
        count = 0
        for batch in batches():
            left += len(removed & set(batch.schema.names)) + _identifiers(batch)
            if table == quasi_table:
                picked = [batch.column(name).to_pylist() for name in quasi]
                classes.update(repr(key) for key in zip(*picked, strict=True))
            count += batch.num_rows
        rows.append((table, count))
    sizes = classes.values()
    return Recount(
        rows=tuple(rows),
        classes=len(classes),
        smallest=min(sizes, default=0),
        largest=max(sizes, default=0),
        records=sum(sizes),
        identifiers_left=left,
    )


def _identifiers(batch: object) -> int:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched

    found = 0
    for column in batch.columns:  # type: ignore[attr-defined]
        if column.type == pa.string():
            found += sum(scrub(value)[1] for value in set(column.to_pylist()) if value)
    return found


def check_recount(count: Recount, recipe: Recipe, tables: tuple[TableCount, ...]) -> None:
    """Refuse output whose independent count does not bear out what the run said."""
    promised = tuple((table.table, table.rows_out) for table in tables)
    if dict(promised) != dict(count.rows):
        raise RecountError(
            "The rows written are not the rows counted; run the de-identification again.",
            code="recount_rows",
        )
    if any(table.rows_out + table.suppressed != table.rows_in for table in tables):
        raise RecountError("Rows were lost or made up; run again.", code="recount_lost")
    if recipe.quasi_table() and count.records and count.smallest < recipe.k:
        raise RecountError(
            f"A class of {count.smallest} records was written where {recipe.k} were promised.",
            code="recount_small_class",
        )
    if count.identifiers_left:
        raise RecountError(
            f"{count.identifiers_left} identifiers are still in the text; change the recipe.",
            code="recount_identifiers_left",
        )

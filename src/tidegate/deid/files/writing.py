"""Write the published file: the columns' names and order, quotes where needed, nothing else."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from tidegate.deid.files.errors import TableUnreadableError
from tidegate.deid.files.model import Progress, Received
from tidegate.deid.files.reading import iterate_batches
from tidegate.deid.files.sorting import pile_of, sort_apart, sort_held
from tidegate.deid.identifiers import scrub
from tidegate.deid.pseudonyms import Pseudonymiser
from tidegate.deid.recipe.model import Action, ColumnPlan, Order, Role, TableRecipe
from tidegate.deid.tables.model import SUPPRESSED

_FORMULA = re.compile(r"[\s]*(?:[=@]|[+-](?=\S).*[(|!])|[\t\r]", re.DOTALL)
"""How a cell begins that a spreadsheet may run (CWE-1236); not a number, nor a plain sign."""
_HELD = 500_000
"""Records that are sorted in memory; more are sorted by way of the disk."""


def published_names(recipe: TableRecipe, received: Received) -> tuple[str, ...]:
    """Return the names of the columns that are published, in the received order."""
    gone = {plan.name for plan in recipe.columns if plan.action is Action.REMOVE}
    return tuple(name for name in received.names if name not in gone)


def write_published(
    path: Path,
    received: Received,
    recipe: TableRecipe,
    classes: Any,
    texts: Mapping[str, tuple[str, ...]],
    names: Pseudonymiser | None,
    progress: Progress,
    *,
    keep_formulas: bool = False,
) -> int:
    """Write every record that has a class, flushed to the disk; return how many they were.

    `texts` has the published text of each class, by quasi-identifier. Raises TableUnreadableError
    for a column with cells that a spreadsheet would run, unless they are kept.
    """
    look = _look_away if keep_formulas else _look_for_formulas
    look((name, name) for name in published_names(recipe, received))
    look((name, text) for name, each in texts.items() for text in dict.fromkeys(each))
    plans = {plan.name: plan for plan in recipe.columns}
    columns = [plans[name] for name in published_names(recipe, received)]
    recoded = _recoded(received, columns, classes, texts, names, look)
    written, total = 0, max(int((classes != SUPPRESSED).sum()), 1)
    with path.open("wb") as file:
        batches: Iterable[Any] = (batch for _, batch in recoded)
        names_first = [plan.name for plan in columns if plan.name in texts]
        if recipe.order is Order.SORTED and total > _HELD:
            piles = pile_of(classes, [texts[name] for name in names_first], _HELD)
            batches = sort_apart(recoded, piles, names_first, path.parent)
        elif recipe.order is Order.SORTED:
            batches = sort_held(list(batches), names_first)
        file.write(_lines([[plan.name] for plan in columns], received.delimiter))
        for batch in batches:
            file.write(_lines(batch.columns, received.delimiter))
            written += batch.num_rows
            progress(written / total, "writing")
        file.flush()
        os.fsync(file.fileno())
    return written


def _recoded(
    received: Received,
    columns: list[ColumnPlan],
    classes: Any,
    texts: Mapping[str, tuple[str, ...]],
    names: Pseudonymiser | None,
    look: Callable[[Iterable[tuple[str, str]]], None],
) -> Iterator[tuple[Any, Any]]:
    """Yield the class of each record that is published, and the records."""
    import numpy as np  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow as pa  # noqa: PLC0415

    labels = {name: pa.array(each, pa.large_string()) for name, each in texts.items()}
    changes = {plan.name: _change(plan, names) for plan in columns}
    start = 0
    for batch in iterate_batches(received):
        here = classes[start : start + batch.num_rows]
        start += batch.num_rows
        places = np.flatnonzero(here != SUPPRESSED)
        mine = np.asarray(here[places])
        taken, of_class = pa.array(places), pa.array(mine)
        made = [
            labels[plan.name].take(of_class)
            if plan.role is Role.QUASI
            else _changed(batch.column(plan.name).take(taken), plan.name, changes[plan.name], look)
            for plan in columns
        ]
        yield mine, pa.record_batch(made, names=[plan.name for plan in columns])


def _change(plan: ColumnPlan, names: Pseudonymiser | None) -> Callable[[str], str] | None:
    if plan.action is Action.EMPTY:
        return lambda _: ""
    if plan.action is Action.SCRUB:
        return lambda text: scrub(text)[0]
    if plan.action is Action.PSEUDONYMISE and names is not None:
        kind = plan.kind or "person"
        return lambda text: names.pseudonym(text, kind) if text.strip() else ""
    return None


def _changed(
    column: Any,
    name: str,
    change: Callable[[str], str] | None,
    look: Callable[[Iterable[tuple[str, str]]], None],
) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415

    if change is None:
        suspects = column.filter(pc.match_substring_regex(column, r"^\s*[=@+\-]|^[\t\r]"))
        look((name, text) for text in suspects.to_pylist())
        return column.cast(pa.large_string())
    coded = column.dictionary_encode()
    told = [change(text) for text in coded.dictionary.to_pylist()]
    look((name, text) for text in told)
    return pa.array(told, pa.large_string()).take(coded.indices)


def _look_away(cells: Iterable[tuple[str, str]]) -> None:
    del cells


def _look_for_formulas(cells: Iterable[tuple[str, str]]) -> None:
    """Refuse a column of which a spreadsheet would run a cell, as whoever filled it in wished."""
    for name, text in cells:
        if _FORMULA.match(text):
            raise TableUnreadableError(
                f"Cells of the column {name} begin as formulas do (=, @, a tab, or + or - before a"
                " call), and a spreadsheet that opens the table may run them; correct them, name"
                " the column in --empty or --remove, or say --keep-formulas.",
                code="table_formulas",
            )


def _lines(columns: Iterable[Any], delimiter: str) -> bytes:
    """Return records as CSV lines (RFC 4180), a field quoted if it could be misread."""
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415

    cells = [_quoted(pa.array(column, pa.large_string()), delimiter) for column in columns]
    if not len(cells[0]):
        return b""
    if len(cells) == 1:  # an empty line would be no record
        cells = [pc.replace_substring_regex(cells[0], "^$", '""')]
    lines = pc.binary_join_element_wise(*cells, pa.scalar(delimiter, pa.large_string()))
    return ("\n".join(lines.to_pylist()) + "\n").encode()


def _quoted(column: Any, delimiter: str) -> Any:
    import pyarrow as pa  # noqa: PLC0415 - heavy: loaded when rows are touched
    import pyarrow.compute as pc  # noqa: PLC0415

    needs = pc.match_substring_regex(column, f'["\\r\\n{delimiter}]')
    if not pc.any(needs).as_py():
        return column
    doubled = pc.replace_substring(column, '"', '""')
    mark, nothing = pa.scalar('"', pa.large_string()), pa.scalar("", pa.large_string())
    inside = pc.binary_join_element_wise(mark, doubled, mark, nothing)
    return pc.if_else(needs, inside, column)

"""Recode a table so that it holds what is asked, and lose as little as the method can.

The one door of the engine. It knows no files, no recipes and no people: leaves come in, classes
with labels go out. The same input gives the same answer to the last byte, with and without
compiled loops.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError, RecountError
from tidegate.deid.tables import (
    cuts,
    kernels,
    labels,
    lattice,
    mending,
    mondrian,
    peeling,
    picking,
    reach,
)
from tidegate.deid.tables.compiling import is_kept
from tidegate.deid.tables.crowds import outside, people_of
from tidegate.deid.tables.encoding import is_in_order
from tidegate.deid.tables.grouping import Kernels
from tidegate.deid.tables.labels import Spans, loss_of
from tidegate.deid.tables.model import (
    Attacker,
    Criterion,
    DeltaPresence,
    Hierarchy,
    KAnonymity,
    Method,
    Question,
    Recoding,
    RiskThreshold,
    TableInput,
)
from tidegate.deid.tables.privacy import (
    CLOSE,
    columns_of,
    count_table,
    judge,
    mean_risk,
    smallest_for,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

WORTH_COMPILING = 250_000
"""Records from which compiling pays in the very run that does it: it takes half a minute."""

Progress = Callable[[float, str], None]


def silent(_share: float, _step: str) -> None:
    """Tell nobody how far the work is."""


def anonymise(
    table: TableInput,
    question: Question,
    progress: Progress = silent,
    *,
    compiled: bool | None = None,
) -> Recoding:
    """Return classes and labels that hold every criterion, with at most the suppression asked.

    `progress` is told the share that is done and the step. `compiled` chooses the loops, which
    changes the time and never the answer; if it is not given they are compiled where that was done
    before or the table is large. Raises RecipeInvalidError for a question that the table
    cannot be asked, NotAnonymousError if no generalisation holds it.
    """
    check(table, question)
    loops = _choose(table.rows, question.method, progress, compiled=compiled)
    _check_reachable(table, question, loops)
    progress(0.0, "search")
    if question.method is Method.FULL_DOMAIN:
        answer, spans = _full_domain(table, question, loops, progress)
    else:
        answer, spans = _local(table, question, loops, progress)
    progress(0.95, "check")
    _check_answer(table, question, answer, spans)
    progress(1.0, "done")
    return answer


def _choose(rows: int, method: Method, progress: Progress, *, compiled: bool | None) -> Kernels:
    """Choose the loops, and say so where they have to be compiled first."""
    is_ready = is_kept(picking.pick if method is Method.FULL_DOMAIN else cuts.grow)
    if compiled is None and rows < WORTH_COMPILING and not is_ready:
        compiled = False
    loops = kernels.choose(compiled=compiled)
    if not is_ready and not isinstance(loops, kernels.NumpyKernels):
        progress(0.0, "compiling (once, half a minute)")
    return loops


def check(table: TableInput, question: Question) -> None:
    """Raise RecipeInvalidError if the table cannot be asked the question."""
    if not table.quasi or not table.rows:
        raise RecipeInvalidError(
            "There is nothing to anonymise: name at least one quasi-identifier, and a table that "
            "has rows.",
            code="table_empty",
        )
    if not question.criteria or not 0 <= question.suppression < 1:
        raise RecipeInvalidError(
            "A recipe needs at least one criterion, and leaves out a share of 0 to below 1.",
            code="question_malformed",
        )
    for quasi in table.quasi:
        check_hierarchy(quasi.hierarchy)
        _check_codes(quasi.name, quasi.codes, len(quasi.hierarchy.leaves), table.rows)
    for column in table.sensitive:
        _check_codes(column.name, column.codes, len(column.values), table.rows)
    for name in columns_of(question.criteria):
        if table.find_sensitive(name) is None:
            raise RecipeInvalidError(
                f"A criterion speaks of {name}, which is no sensitive column of the table; name "
                "it as one, or drop the criterion.",
                code="criterion_column",
            )
    for one in question.criteria:
        _check_population(one, len(table.quasi))


def check_hierarchy(hierarchy: Hierarchy) -> None:
    """Raise RecipeInvalidError for a hierarchy that would publish labels that are not true."""
    if not is_in_order(hierarchy):
        raise RecipeInvalidError(
            f"The leaves of the hierarchy of {hierarchy.name} do not stand in its order: those of "
            "one label must be neighbours, up to one label for all; sort them.",
            code="hierarchy_order",
        )


def _check_codes(name: str, codes: "NDArray[np.int32]", leaves: int, rows: int) -> None:
    if len(codes) != rows or codes.min() < 0 or codes.max() >= leaves:
        raise RecipeInvalidError(
            f"The column {name} has values that are not in its hierarchy; extend the hierarchy.",
            code="codes_misfit",
        )


def _check_population(one: Criterion, columns: int) -> None:
    if isinstance(one, DeltaPresence | RiskThreshold) and len(one.population) not in {0, columns}:
        raise RecipeInvalidError(
            "The population of a criterion lacks quasi-identifiers; give it all of them.",
            code="population_misfit",
        )
    if isinstance(one, DeltaPresence) and not one.population:
        raise RecipeInvalidError(
            "delta-presence compares with a population; name its file, or drop the criterion.",
            code="population_missing",
        )


def _check_reachable(table: TableInput, question: Question, loops: Kernels) -> None:
    """Raise NotAnonymousError if even one class of all records fails."""
    whole = labels.span(table, np.zeros(table.rows, np.int32), loops)
    lacking = _lacking(table, question.criteria, whole)
    if lacking:
        raise NotAnonymousError(
            "Even if all records were alike, this cannot be reached. "
            + " ".join(reach.say(one, table) for one in lacking),
            code="unreachable",
        )


def _local(
    table: TableInput, question: Question, loops: Kernels, progress: Progress
) -> tuple[Recoding, Spans]:
    asked = Question(
        (*question.criteria, *_by_size(question.criteria)), question.method, question.suppression
    )
    # Where a column is ordered and records are few, cuts between any two values can lose less than
    # levels do, so that local recoding takes the better of both partitions.
    is_fast = not isinstance(loops, kernels.NumpyKernels)
    found = [mondrian.cut(table, asked, compiled=is_fast)]
    if question.method is Method.LOCAL:
        found.append(peeling.peel(table, asked, loops, progress))
    mended = [
        mending.mend(table, question.criteria, labels.span(table, classes, loops))
        for classes in found
    ]
    spans = mended[0] if len(mended) == 1 else min(mended, key=lambda one: loss_of(table, one))
    return labels.publish(spans), spans


def _by_size(criteria: tuple[Criterion, ...]) -> tuple[KAnonymity, ...]:
    """Bound the marketer's risk by the size of every class, which is enough for their mean."""
    return tuple(
        KAnonymity(smallest_for(one.most))
        for one in criteria
        if isinstance(one, RiskThreshold) and one.attacker is Attacker.MARKETER
    )


def _full_domain(
    table: TableInput, question: Question, loops: Kernels, progress: Progress
) -> tuple[Recoding, Spans]:
    found = lattice.search(table, question, loops, progress)
    return labels.publish_node(table, found.classes, found.node, proven=found.proven)


def _failures(table: TableInput, criteria: tuple[Criterion, ...], spans: Spans) -> list[str]:
    """Return the names of the criteria that do not hold."""
    return [type(one).__name__ for one in _lacking(table, criteria, spans)]


def _lacking(table: TableInput, criteria: tuple[Criterion, ...], spans: Spans) -> list[Criterion]:
    """Return the criteria that do not hold."""
    people = people_of(criteria, spans)
    lacking: list[Criterion] = []
    for place, one in enumerate(criteria):
        known = {0: people[place]} if place in people else {}
        fine = bool(judge(table, (one,), spans.classes, known).all())
        if isinstance(one, RiskThreshold) and one.attacker is Attacker.MARKETER:
            tally = count_table(table, spans.classes, ())
            fine = mean_risk(tally, people.get(place)) <= one.most + CLOSE
        if isinstance(one, DeltaPresence) and one.least > 0:
            fine = fine and outside(one, spans) == 0
        if not fine:
            lacking.append(one)
    return lacking


def _check_answer(table: TableInput, question: Question, answer: Recoding, spans: Spans) -> None:
    """Raise RecountError if the answer does not hold what was asked: an error of the engine."""
    left_out = int(np.count_nonzero(answer.classes < 0))
    lacking = _failures(table, question.criteria, spans)
    if left_out > int(question.suppression * table.rows + CLOSE):
        lacking.append("suppression")
    if len(set(zip(*answer.labels, strict=True))) != answer.class_count:
        lacking.append("distinct classes")
    if lacking or left_out == table.rows:
        raise RecountError(
            f"The engine's answer does not hold {', '.join(lacking) or 'any record'}; nothing is "
            "published. Please report it with the recipe.",
            code="engine_recount",
        )

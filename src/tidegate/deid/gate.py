"""Nothing is de-identified before the independent verifier has said so, from what was written."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from tidegate.deid.errors import RecountError
from tidegate.deid.model import (
    Batches,
    People,
    Recipe,
    Recount,
    RunResult,
    TableCount,
    TablePlan,
)
from tidegate.deid.recipe.model import Action, Role
from tidegate.deid.recipe.question import claimed, only_published
from tidegate.deid.tables.model import SensitiveColumn

if TYPE_CHECKING:
    from tidegate.deid.verifier.model import Claim

_KEYED = (Action.PSEUDONYMISE, Action.SHIFT_DATE, Action.EMPTY)
"""What leaves values that only a key's holder, or nobody, can read back."""


def recount(recipe: Recipe, run: RunResult, written: Mapping[str, Batches]) -> Recount:
    """Have every written table verified.

    Raises NotBorneOutError with what was found, RecountError if a table is not there.
    """
    from tidegate.deid.verifier.service import inspect, require, verify  # noqa: PLC0415 - numpy

    rows, people = [], None
    for count in run.tables:
        batches = written.get(count.table)
        if batches is None or count.rows_out + count.suppressed != count.rows_in:
            raise RecountError(
                f"The table {count.table} was not written whole; run the de-identification again.",
                code="recount_lost",
            )
        if not count.rows_out and not any(batch.num_rows for batch in batches()):
            rows.append((count.table, 0))
            continue
        claim = claim_of(recipe, run, count)
        verdict = require((verify if claim.quasi else inspect)(batches, claim))
        people = verdict if claim.quasi else people
        rows.append((count.table, verdict.records))
    return Recount(tuple(rows), people)


def claim_of(recipe: Recipe, run: RunResult, count: TableCount) -> "Claim":
    """Return what is claimed for one written table."""
    from tidegate.deid.verifier.model import Claim  # noqa: PLC0415 - only here

    plan = recipe.find_table(count.table)
    is_people = run.people is not None and run.people.table == count.table
    sensitive = _sensitive(run.people) if run.people is not None and is_people else {}
    quasi = tuple(one.name for one in plan.of_role(Role.QUASI)) if plan and is_people else ()
    of_people = recipe.of_people()
    return Claim(
        columns=dict(run.columns)[count.table],
        quasi=quasi,
        criteria=claimed(of_people, sensitive) if of_people and is_people else (),
        received=count.rows_in,
        suppressed=count.suppressed,
        suppression=recipe.suppression if is_people else "1",
        sensitive=tuple(dict.fromkeys((*sensitive, *_treated(plan, Action.SCRUB)))),
        pseudonyms=(*_treated(plan, *_KEYED), *quasi),
    )


def _treated(plan: TablePlan | None, *actions: Action) -> tuple[str, ...]:
    """Return the columns treated in some ways; text that was struck through may tell much still."""
    return tuple(name for action in actions for name in (plan.of_action(action) if plan else ()))


def _sensitive(people: People) -> dict[str, SensitiveColumn]:
    """Return the sensitive columns with those values alone that are published."""
    published = people.recoding.classes >= 0
    return {one.name: only_published(one, published) for one in people.coded.sensitive}

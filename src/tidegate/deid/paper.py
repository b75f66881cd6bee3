"""The report of a version as a document that others can read, sign and check.

It is a table's report (`tidegate-deid-report/1`, see `deid.reports`) about the table of people,
with what a node knows besides: the attacks that were tried, and the versions it was checked with.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.deid.attacks.model import AttackResult
from tidegate.deid.gate import claim_of
from tidegate.deid.model import People, Recipe, Recount, RunResult
from tidegate.deid.recipe.service import digest
from tidegate.deid.releases.model import ReleaseVerdict
from tidegate.deid.reports.documents import assemble, claim_document
from tidegate.deid.reports.model import Publication

_SEED = 1
_DIGITS = 4


def write_document(
    recipe: Recipe,
    run: RunResult,
    count: Recount,
    release: ReleaseVerdict | None,
    received_sha256: Mapping[str, str],
    tool: str,
) -> dict[str, Any] | None:
    """Return the report's document; None if no table has quasi-identifiers, or nobody in it.

    `received_sha256`: of each table's object as this node keeps it, encrypted.
    """
    people, verdict = run.people, count.people
    if people is None or verdict is None:
        return None
    counted = next(one for one in run.tables if one.table == people.table)
    publication = Publication(
        recipe=people.recipe,
        digest=digest(people.recipe),
        table=people.coded,
        recoding=people.recoding,
        claim=claim_document(claim_of(recipe, run, counted)),
        received_sha256=received_sha256.get(people.table, ""),
        received_columns=tuple(plan.name for plan in people.recipe.columns),
        unknown=dict(people.unknown),
        tool=tool,
    )
    more: dict[str, Any] = {"attacks": [_attack(one) for one in _attacks(people, recipe.k)]}
    if release is not None:
        more["releases"] = {
            "versions": ", ".join(release.releases[:-1]),
            "people": release.people,
            "smallest": release.smallest,
        }
    return assemble(publication, verdict, more)


def _attacks(people: People, k: int) -> tuple[AttackResult, ...]:
    from tidegate.deid.attacks.service import run  # noqa: PLC0415 - numpy

    names = tuple(column.name for column in people.coded.sensitive)
    return run(people.coded, people.recoding, k=k, seed=_SEED, sensitive=names)


def _attack(one: AttackResult) -> dict[str, Any]:
    return {
        "attack": one.name,
        "tried": one.tried,
        "succeeded": one.succeeded,
        "rate": _decimal(one.rate),
        "low": _decimal(one.low),
        "high": _decimal(one.high),
        "guessing": _decimal(one.baseline),
        "unprotected": "" if one.unprotected is None else _decimal(one.unprotected),
    }


def _decimal(share: float) -> str:
    return f"{share:.{_DIGITS}f}"

"""The report of a version as a document that others can read, sign and check.

It is a table's report (`tidegate-deid-report/1`, see `deid.reports`) about the table of people,
with what a node knows besides: the attacks that were tried, and the versions it was checked with.
"""

from collections.abc import Mapping
from typing import Any

from tidegate.deid.gate import claim_of
from tidegate.deid.model import Recipe, Recount, RunResult
from tidegate.deid.recipe.question import question_of
from tidegate.deid.recipe.service import digest
from tidegate.deid.releases.model import ReleaseVerdict
from tidegate.deid.reports.documents import assemble, claim_document
from tidegate.deid.reports.measures import measure_all
from tidegate.deid.reports.model import Measures, Publication


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
    seed = int(publication.digest[:8], 16)
    more = measure_all(
        people.coded,
        people.recoding,
        Measures(),
        question=question_of(people.recipe),
        k=verdict.smallest,
        seed=seed,
    )
    if release is not None:
        more["releases"] = {
            "versions": ", ".join(release.releases[:-1]),
            "people": release.people,
            "smallest": release.smallest,
        }
    return assemble(publication, verdict, more)

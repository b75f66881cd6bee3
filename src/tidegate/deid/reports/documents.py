"""The document of a report: made from facts, written canonically, read back into a claim.

It holds no value of a record: a hierarchy that the recipe gives row by row is told by its digest,
and criteria on distances name sensitive values only as far as they are published.
"""

import json
from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from tidegate.deid.recipe.documents import told
from tidegate.deid.recipe.model import Role
from tidegate.deid.reports.binding import unbound
from tidegate.deid.reports.errors import ReportUnreadableError
from tidegate.deid.reports.model import FORMAT, Publication
from tidegate.deid.shares import decimal, shares_of
from tidegate.deid.verifier.model import Claim, Population, Tree, Verdict
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.values import dataclass

_PARTS = ("recipe", "input", "output", "claim", "criteria", "classes", "risks", "suppression")
_COUNTED: tuple[Mapping[str, object], ...] = ({"criterion": "k_anonymity", "k": 1},)
"""What every table holds: asked where all that is claimed takes a population."""


def assemble(
    publication: Publication, verdict: Verdict, more: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return the report's document; `more` has sections such as `utility`, `attacks`, `releases`.

    Everything the independent count found stands as it was counted: risks as exact fractions.
    """
    received = publication.table.rows
    suppressed = received - verdict.records
    return {
        "format": FORMAT,
        "tool": publication.tool,
        "recipe": {"digest": publication.digest, "document": told(publication.recipe)},
        "input": {
            "records": received,
            "sha256": publication.received_sha256,
            "columns": list(publication.received_columns),
        },
        "output": {
            "records": verdict.records,
            "sha256": verdict.sha256,
            "columns": list(verdict.columns),
        },
        "method": {
            "name": publication.recipe.method.value,
            "proven": publication.recoding.proven,
            "levels": list(publication.recoding.levels),
        },
        "claim": dict(publication.claim),
        "criteria": criteria_of(verdict),
        "classes": _classes(verdict),
        "risks": _risks(verdict),
        "suppression": {
            "limit": publication.recipe.suppression,
            "records": suppressed,
            "share": decimal(suppressed / received),
        },
        "generalisation": list(_generalisation(publication)),
        **(more or {}),
    }


def criteria_of(verdict: Verdict) -> list[dict[str, Any]]:
    """Return what was counted of each criterion, as plain data."""
    return [
        {
            "criterion": one.criterion,
            "column": one.column,
            "asked": one.asked,
            "achieved": one.achieved,
            "holds": one.holds,
        }
        for one in verdict.criteria
    ]


def _classes(verdict: Verdict) -> dict[str, Any]:
    mean = Fraction(verdict.records, verdict.classes)
    return {
        "count": verdict.classes,
        "smallest": verdict.smallest,
        "largest": verdict.largest,
        "mean": str(mean),
    }


def _risks(verdict: Verdict) -> list[dict[str, str]]:
    return [
        {"attacker": risk.attacker, "greatest": str(risk.greatest), "mean": str(risk.mean)}
        for risk in verdict.risks
    ]


def _generalisation(publication: Publication) -> Iterator[dict[str, Any]]:
    """Yield what became of each quasi-identifier."""
    recoding, table = publication.recoding, publication.table
    plans = {plan.name: plan for plan in publication.recipe.of_role(Role.QUASI)}
    shares = shares_of(table, recoding)
    for labels, column, share in zip(recoding.labels, table.quasi, shares, strict=True):
        choice = plans[column.name].hierarchy
        yield {
            "column": column.name,
            "kind": choice.kind.value if choice else "",
            "source": column.hierarchy.source,
            "values": len(column.hierarchy.leaves),
            "levels": column.hierarchy.height,
            "published": len(set(labels)),
            "exact": decimal(share.exact),
            "hidden": decimal(share.hidden),
            "ncp": decimal(share.loss),
            "unknown": publication.unknown.get(column.name, 0),
        }


def write(document: Mapping[str, Any]) -> bytes:
    """Write a report canonically (RFC 8785)."""
    return canonical_json(document)


def read(text: str) -> dict[str, Any]:
    """Read a report's document; ReportUnreadableError says what is lacking."""
    try:
        document = json.loads(text, parse_float=str)
    except (json.JSONDecodeError, RecursionError):
        raise ReportUnreadableError(
            "The report is not JSON; give the file that --report wrote.", code="report_not_json"
        ) from None
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ReportUnreadableError(
            f'This is no report of a table: it must have "format": "{FORMAT}".',
            code="report_format",
        )
    lacking = next((part for part in _PARTS if part not in document), None)
    if lacking is not None:
        raise ReportUnreadableError(
            f"The report lacks {lacking}; give the file that --report wrote.",
            code="report_incomplete",
        )
    return document


# --- claims


def claim_document(claim: Claim) -> dict[str, Any]:
    """Return a claim as plain data; the population is not in it, it is never published."""
    return {
        "columns": list(claim.columns),
        "quasi": list(claim.quasi),
        "sensitive": list(claim.sensitive),
        "pseudonyms": list(claim.pseudonyms),
        "criteria": [dict(one) for one in claim.criteria],
        "received": claim.received,
        "suppressed": claim.suppressed,
        "suppression": claim.suppression,
        "delimiter": claim.delimiter,
    }


COVERS = "tidegate-deid-covers/1"


def covers_of(trees: Mapping[str, Tree]) -> bytes:
    """Write what each label covers in a population, canonically. It holds values of people."""
    rows = {name: [list(row) for row in tree] for name, tree in trees.items()}
    return canonical_json({"format": COVERS, "columns": rows})


def read_covers(content: bytes) -> dict[str, Tree]:
    """Read it again. Raises ReportUnreadableError."""
    try:
        told = json.loads(content)
        if told["format"] != COVERS:
            raise ValueError
        return {
            str(name): tuple(tuple(str(text) for text in row) for row in rows)
            for name, rows in told["columns"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise ReportUnreadableError(
            "The file of --covers is not the one that was written with the report; name that.",
            code="covers_unreadable",
        ) from None


@dataclass(frozen=True, slots=True)
class Claimed:
    """What a report claims, and what it takes to verify more than the file alone bears out."""

    claim: Claim
    unverifiable: tuple[str, ...]
    """Criteria about a population that was not given."""
    population: Mapping[str, str]
    """`sha256`, `covers_sha256` and `delimiter` of the population it was published with."""
    releases: Mapping[str, int]
    """`number` and `k` of a release that was held beside earlier ones; empty if it was not."""


def claim_of(document: Mapping[str, Any], people: Population | None = None) -> Claimed:
    """Read what a report claims of its table, the table's SHA-256 among it.

    With the population, criteria about it are claimed too.
    """
    written = document["claim"]
    try:
        criteria = tuple(dict(one) for one in written["criteria"])
        here = tuple(one for one in criteria if people is not None or not _needs_population(one))
        claim = Claim(
            columns=tuple(written["columns"]),
            quasi=tuple(written["quasi"]),
            criteria=here or (_COUNTED if criteria else ()),
            received=int(written["received"]),
            suppressed=int(written["suppressed"]),
            suppression=str(written["suppression"]),
            sensitive=tuple(written["sensitive"]),
            pseudonyms=tuple(written["pseudonyms"]),
            population=people,
            sha256=str(document["output"]["sha256"]),
            delimiter=str(written["delimiter"]),
        )
        known = {key: str(value) for key, value in dict(written.get("population", {})).items()}
        beside = {key: int(value) for key, value in dict(written.get("releases", {})).items()}
    except (KeyError, TypeError, ValueError):
        raise ReportUnreadableError(
            "The report's claim is incomplete or malformed; give the file that --report wrote.",
            code="report_incomplete",
        ) from None
    rest = tuple(str(one["criterion"]) for one in criteria if one not in here)
    return Claimed(claim, rest, known, beside)


def _needs_population(criterion: Mapping[str, Any]) -> bool:
    name = criterion.get("criterion")
    return name == "delta_presence" or (
        name == "risk" and criterion.get("attacker") == "journalist"
    )


def misstated(
    document: Mapping[str, Any], verdict: Verdict, *, with_people: bool = False
) -> tuple[str, ...]:
    """Return the sections of a report that say something else than the count, or each other."""
    found: dict[str, Any] = {
        "classes": _classes(verdict),
        "criteria": criteria_of(verdict),
        "risks": _risks(verdict),
    }
    said = dict(document)
    about = [one for one in _list(document, "criteria") if _about_people(one)]
    if about and not with_people:
        said["criteria"] = [one for one in _list(document, "criteria") if one not in about]
        if not said["criteria"]:
            del found["criteria"]
    if not with_people and (about or dict(document["claim"]).get("population")):
        del found["risks"]  # they were counted with a population that is not here
    wrong = [name for name, section in found.items() if said.get(name) != section]
    out = document["output"]
    if not isinstance(out, Mapping) or out.get("records") != verdict.records:
        wrong.append("output")
    return tuple(dict.fromkeys((*wrong, *unbound(document))))


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    return value if isinstance(value, list) else []


def _about_people(one: Any) -> bool:
    if not isinstance(one, Mapping):
        return False
    asked = str(one.get("asked", ""))
    return one.get("criterion") == "delta_presence" or (
        one.get("criterion") == "risk" and asked.startswith("journalist")
    )

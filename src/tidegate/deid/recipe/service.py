"""Read and write recipes, tell two apart, and propose one for a person to confirm."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from tidegate.deid.hierarchies.model import Counts, Kind
from tidegate.deid.hierarchies.service import guess
from tidegate.deid.identifiers import suggest
from tidegate.deid.recipe import documents
from tidegate.deid.recipe.model import (
    USUAL_K,
    Action,
    Asked,
    ColumnPlan,
    CriterionName,
    Difference,
    Proposal,
    Role,
    TableRecipe,
)
from tidegate.kernel.canonical import canonical_json, sha256_hex

_SENSITIVE = re.compile(
    r"diagnos|disease|(?:^|_)(?:icd\d*|dx|hiv|result|outcome|drug|atc|medication|salary|income)"
    r"(?:_|$)|诊断|診斷|疾病|结果|結果|藥物|药物|收入"
)
_SAMPLE = 1000
_KEY_ROWS = 20
_WHOLE = re.compile(r"\s*[0-9]+(?:\.0+)?\s*")
_SHORT = 4
_MANY = 100
_LONG_TEXT = 40
_QUASI_KINDS = {Kind.AGE, Kind.PLACE, Kind.SEX, Kind.ETHNICITY, Kind.OCCUPATION, Kind.DATE}


def read(text: str) -> TableRecipe:
    """Read a recipe's JSON; RecipeInvalidError names the key that is wrong and what may stand."""
    return documents.read(documents.parse(text))


def read_document(value: Any) -> TableRecipe:
    """Read a recipe that is a document already."""
    return documents.read(value)


def column_document(plan: ColumnPlan) -> dict[str, Any]:
    """Return one column's part of the document."""
    return documents.column_document(plan)


def document(recipe: TableRecipe) -> dict[str, Any]:
    """Return the whole document."""
    return documents.document(recipe)


def write(recipe: TableRecipe) -> bytes:
    """Write a recipe canonically (RFC 8785); reading it again gives an equal one."""
    return canonical_json(documents.document(recipe))


def digest(recipe: TableRecipe) -> str:
    """Return the SHA-256 by which reports name a recipe: of its canonical form as they tell it.

    So a report's digest can be computed from the report; given rows are bound by their own.
    """
    return sha256_hex(canonical_json(documents.told(recipe)))


def compare(before: TableRecipe, after: TableRecipe) -> tuple[Difference, ...]:
    """Return what differs, column by column and criterion by criterion, in document order."""
    old, new = dict(_flat(before)), dict(_flat(after))
    places = [*old, *(place for place in new if place not in old)]
    return tuple(
        Difference(place, old.get(place, ""), new.get(place, ""))
        for place in places
        if old.get(place) != new.get(place)
    )


def _flat(recipe: TableRecipe) -> Iterator[tuple[str, str]]:
    written = documents.document(recipe)
    for key in ("name", "method", "suppression", "order"):
        yield key, str(written[key])
    for column in written["columns"]:
        for key, value in column.items():
            if key != "name":
                yield f"columns.{column['name']}.{key}", _told(value)
    yield "columns", ", ".join(column["name"] for column in written["columns"])
    for asked in written["criteria"]:
        about = f".{asked['column']}" if "column" in asked else ""
        kind = f".{asked['attacker']}" if "attacker" in asked else ""
        rest = {k: v for k, v in asked.items() if k not in {"criterion", "column"}}
        yield f"criteria.{asked['criterion']}{about}{kind}", _told(rest)


def _told(value: Any) -> str:
    return value if isinstance(value, str) else canonical_json(value).decode()


# --- proposals


def propose(columns: Mapping[str, Counts]) -> tuple[Proposal, ...]:
    """Propose a role for every column from its name and values. A person confirms or corrects."""
    return tuple(_propose(name, counts) for name, counts in columns.items())


def recipe_of(proposals: tuple[Proposal, ...], k: int = USUAL_K) -> TableRecipe:
    """Return the recipe that proposals amount to; it may lack a quasi-identifier still."""
    asked = Asked(CriterionName.K_ANONYMITY, k=k)
    return TableRecipe("proposed", tuple(each.plan for each in proposals), (asked,))


def _propose(name: str, counts: Counts) -> Proposal:
    there = [value for value in counts if value.strip()]
    finding = suggest(name, there[:_SAMPLE])
    if finding is not None and finding.role in {"direct_identifier", "person_key"}:
        plan = ColumnPlan(name, Role.DIRECT, Action.EMPTY, kind=finding.kind)
        return Proposal(plan, finding.reason)
    if re.search(_SENSITIVE, name.strip().lower()):
        return Proposal(ColumnPlan(name, Role.SENSITIVE), "name")
    choice = guess(name, counts)
    if finding is not None or choice.kind in _QUASI_KINDS:
        reason = finding.reason if finding is not None else "values"
        return Proposal(ColumnPlan(name, Role.QUASI, hierarchy=choice), reason)
    if choice.kind in {Kind.ICD10, Kind.ATC}:
        return Proposal(ColumnPlan(name, Role.SENSITIVE), "values")
    if choice.kind in {Kind.CATEGORY, Kind.FLAT} and there:
        return _propose_text(name, counts, there)
    return _propose_number(name, counts, there)


def _propose_number(name: str, counts: Counts, there: list[str]) -> Proposal:
    if _is_numbering(counts, there):
        return Proposal(ColumnPlan(name, Role.DIRECT, Action.EMPTY), "values")
    return Proposal(ColumnPlan(name, Role.OTHER), "nothing")


def _is_numbering(counts: Counts, there: list[str]) -> bool:
    """Tell whether nearly each record has another whole number: a long one, or one of a series.

    Numbers of people are such. The verifier would refuse it under any name but a sensitive one.
    """
    if not _names_nearly_all(counts, there) or not all(map(_WHOLE.fullmatch, there)):
        return False
    whole = [value.strip().split(".")[0] for value in there]
    numbers = [int(text) for text in whole]
    is_series = len(numbers) >= _MANY and max(numbers) - min(numbers) < 2 * len(numbers)
    return is_series or max(map(len, whole)) > _SHORT


def _names_nearly_all(counts: Counts, there: list[str]) -> bool:
    """Tell whether nine of ten records that have a value have one of their own."""
    rows, alone = sum(counts[value] for value in there), sum(counts[value] == 1 for value in there)
    return rows >= _KEY_ROWS and alone * 10 >= rows * 9


def _propose_text(name: str, counts: Counts, there: list[str]) -> Proposal:
    if sum(map(len, there)) > _LONG_TEXT * len(there):
        return Proposal(ColumnPlan(name, Role.OTHER, Action.SCRUB), "values")
    if _names_nearly_all(counts, there):  # a value for each record: a key, or as good
        return Proposal(ColumnPlan(name, Role.DIRECT, Action.EMPTY), "values")
    return Proposal(ColumnPlan(name, Role.OTHER), "nothing")

"""Build the hierarchy of one column, by the recipe's choice or by what the values look like."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping

from tidegate.deid.errors import HierarchyError
from tidegate.deid.hierarchies import codes, dates, given, learned, numbers, people
from tidegate.deid.hierarchies.model import (
    Branch,
    Counts,
    Grower,
    Grown,
    HierarchyChoice,
    Kind,
    Unknown,
)
from tidegate.deid.hierarchies.rules import assemble
from tidegate.kernel.values import dataclass

_FEW = 12
_AGE = re.compile(r"(?:^|_)age(?:$|_)|年龄|年齡|歲|岁")
_SEX = re.compile(r"(?:^|_)(?:sex|gender)(?:$|_)|性别|性別")
_ETHNICITY = re.compile(r"ethnic|(?:^|_)race(?:$|_)|nationality|民族|族裔|种族|種族")
_OCCUPATION = re.compile(r"occupation|profession|(?:^|_)job(?:$|_)|isco|职业|職業")
_NAMED = {
    Kind.SEX: _SEX,
    Kind.ETHNICITY: _ETHNICITY,
    Kind.OCCUPATION: _OCCUPATION,
    Kind.PLACE: None,
}
_MOST = 0.9
_NEARLY_ALL = 0.95


@dataclass(frozen=True, slots=True)
class _Plan:
    """How one kind grows."""

    grow: Callable[[Counts], Grower]
    depth: int
    source: str
    ordered: bool = False


def read_rows(text: str, name: str) -> tuple[tuple[str, ...], ...]:
    """Read a hierarchy that a user wrote, `leaf;level 1;…;*` a line, as ARX reads them."""
    return given.read_rows(text, name)


def count(values: Iterable[str | None]) -> Counts:
    """Count a column's values; None is a missing one."""
    return Counter("" if value is None else value for value in values)


def build(name: str, values: Counts | Iterable[str], choice: HierarchyChoice) -> Grown:
    """Build the hierarchy of a column from its values (with their counts, if a mapping).

    Raises HierarchyError when values are unknown and the choice refuses them, or when a given
    hierarchy is not one.
    """
    counts = values if isinstance(values, Mapping) else count(values)
    if not counts:
        raise HierarchyError(
            f"{name} has no values, so it needs no hierarchy; leave it out of the recipe.",
            code="hierarchy_empty",
            column=name,
        )
    plan = _plan(name, choice)
    return assemble(
        name,
        counts,
        plan.grow(counts),
        depth=plan.depth,
        source=plan.source,
        ordered=plan.ordered,
        unknown=choice.unknown,
    )


def _plan(name: str, choice: HierarchyChoice) -> _Plan:
    if choice.kind is Kind.GIVEN:
        rows = given.check_rows(choice.rows, name)
        return _Plan(
            lambda _: given.grow_given(rows), len(rows[0]) - 1, "given", ordered=choice.ordered
        )
    if choice.kind is Kind.AGE:
        source = f"ages above {choice.top} pooled" if choice.top else "bands of 5, 10, 20 years"
        return _Plan(
            lambda _: numbers.grow_ages(choice.top), numbers.AGE_DEPTH, source, ordered=True
        )
    return _PLANS[choice.kind]


def _flat(_counts: Counts) -> Grower:
    return lambda value: Branch(value.strip(), (), (value.strip(),))


_PLANS: Mapping[Kind, _Plan] = {
    Kind.ICD10: _Plan(lambda _: codes.grow_icd10, codes.ICD10_DEPTH, "ICD-10 (2019) code ranges"),
    Kind.ATC: _Plan(lambda _: codes.grow_atc, codes.ATC_DEPTH, "ATC code levels"),
    Kind.PLACE: _Plan(people.grow_places, people.PLACE_DEPTH, "districts of the Greater Bay Area"),
    Kind.DATE: _Plan(dates.grow_dates, dates.DEPTH, "calendar", ordered=True),
    Kind.SEX: _Plan(lambda _: people.grow_sex, 0, "words for sex"),
    Kind.ETHNICITY: _Plan(
        people.grow_peoples, people.GROUP_DEPTH, "GB/T 3304-1991 and census groups"
    ),
    Kind.OCCUPATION: _Plan(people.grow_occupations, people.OCCUPATION_DEPTH, "ISCO-08"),
    Kind.NUMBER: _Plan(numbers.learn_bands, numbers.LEARNED_DEPTH, "learned", ordered=True),
    Kind.CATEGORY: _Plan(learned.learn_pools, len(learned.SHARES), "learned"),
    Kind.FLAT: _Plan(_flat, 0, "exact or nothing"),
}


def guess(name: str, values: Counts | Iterable[str]) -> HierarchyChoice:
    """Guess a column's hierarchy from its name and values; what nobody knows gets a branch.

    A guess never refuses a value: lists are only guessed where they know nearly all of them.
    """
    counts = values if isinstance(values, Mapping) else count(values)
    return HierarchyChoice(_guess_kind(name, counts), Unknown.OTHER)


def _guess_kind(name: str, counts: Counts) -> Kind:
    folded = re.sub(r"[^\w]+", "_", name.strip().lower())
    different = sum(bool(value.strip()) for value in counts)
    if not different:
        return Kind.FLAT
    if _are_numbers(counts):
        return _guess_number(folded, counts, different)
    if dates.are_dates(counts):
        return Kind.DATE
    return _guess_list(folded, counts) or (Kind.CATEGORY if different > 2 else Kind.FLAT)


def _guess_number(folded: str, counts: Counts, different: int) -> Kind:
    if _AGE.search(folded) and people.share_known(counts, numbers.grow_ages(0)) > _NEARLY_ALL:
        return Kind.AGE
    return Kind.NUMBER if different > _FEW else Kind.FLAT


def _guess_list(folded: str, counts: Counts) -> Kind | None:
    """Return the list that knows nearly all values; where words are many, the name must fit too."""
    for kind, pattern in _NAMED.items():
        known = people.share_known(counts, _PLANS[kind].grow(counts))
        if known >= _MOST and (pattern is None or pattern.search(folded)):
            return kind
    if codes.are_atc(counts):
        return Kind.ATC
    return Kind.ICD10 if codes.are_icd10(counts) else None


def _are_numbers(counts: Counts) -> bool:
    """Tell numbers from codes that only look like some: those with leading zeros."""
    if numbers.share_of_numbers(counts) < _NEARLY_ALL:
        return False
    padded = (value.strip().lstrip("-") for value in counts)
    return not any(len(text) > 1 and text[0] == "0" and text[1].isdigit() for text in padded)

"""Read criteria from plain data and judge each by what the file has. What is unknown is refused."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import TypeAlias

from tidegate.deid.verifier import closeness, diversity
from tidegate.deid.verifier.classes import Classes, Pairs
from tidegate.deid.verifier.errors import ClaimInvalidError
from tidegate.deid.verifier.model import Checked, Risk
from tidegate.deid.verifier.population import Known, presence
from tidegate.kernel.values import dataclass

_Plain: TypeAlias = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Facts:
    """What was counted in the file, by the name of the sensitive column."""

    classes: Classes
    pairs: Mapping[str, Pairs]
    meant: Mapping[str, Pairs]
    """The same, values that differ in spelling alone counted as one."""
    risks: tuple[Risk, ...]
    known: Known | None


def judge(asked: _Plain, facts: Facts) -> Checked:
    """Judge one criterion.

    Raises ClaimInvalidError for one that is unknown, lacks a part or has one nobody knows.
    """
    name = str(asked.get("criterion", ""))
    found = _KNOWN.get(name)
    if found is None:
        raise ClaimInvalidError(
            f"The criterion {name or 'without a name'} is not known, so it cannot be verified.",
            code="criterion_unknown",
        )
    judged, needs, may = found
    lacking = [part for part in needs if part not in asked]
    strange = [part for part in asked if part not in {"criterion", *needs, *may}]
    if lacking or strange:
        raise ClaimInvalidError(
            f"The criterion {name} {'lacks' if lacking else 'has an unknown part'} "
            f"{(lacking or strange)[0]}; claim it as the report's format says.",
            code="criterion_malformed",
        )
    return judged(asked, facts)


def columns_of(criteria: tuple[_Plain, ...]) -> tuple[str, ...]:
    """Return the sensitive columns that criteria name."""
    return tuple(dict.fromkeys(str(one["column"]) for one in criteria if "column" in one))


def diverse_columns(criteria: tuple[_Plain, ...]) -> tuple[str, ...]:
    """Return the sensitive columns whose different values are counted."""
    return columns_of(tuple(one for one in criteria if one.get("criterion") in _DIVERSE))


def exact(value: object, part: str) -> Fraction:
    """Read a number exactly: a whole number, a decimal as written, or a text such as `1/11`."""
    try:
        return Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        raise ClaimInvalidError(
            f"{part} is not a number; write it as 11, 0.09 or 1/11.", code="number_malformed"
        ) from None


def _checked(asked: _Plain, bound: str, achieved: str, *, holds: bool) -> Checked:
    return Checked(str(asked["criterion"]), str(asked.get("column", "")), bound, achieved, holds)


def _k_anonymity(asked: _Plain, facts: Facts) -> Checked:
    smallest = int(facts.classes.sizes.min())
    holds = smallest >= exact(asked["k"], "k")
    return _checked(asked, str(asked["k"]), str(smallest), holds=holds)


def _distinct_l(asked: _Plain, facts: Facts) -> Checked:
    fewest = diversity.fewest_values(facts.meant[str(asked["column"])])
    return _checked(asked, str(asked["l"]), str(fewest), holds=fewest >= exact(asked["l"], "l"))


def _entropy_l(asked: _Plain, facts: Facts) -> Checked:
    least = exact(asked["l"], "l")
    if least <= 0:
        raise ClaimInvalidError("l must be above zero.", code="number_malformed")
    achieved, holds = diversity.entropy_holds(facts.meant[str(asked["column"])], least)
    return _checked(asked, str(asked["l"]), achieved, holds=holds)


def _recursive_l(asked: _Plain, facts: Facts) -> Checked:
    bound, least = exact(asked["c"], "c"), exact(asked["l"], "l")
    if least.denominator != 1 or least < 1:
        raise ClaimInvalidError("l must be a whole number above zero.", code="number_malformed")
    pairs = facts.meant[str(asked["column"])]
    achieved, holds = diversity.recursive_holds(pairs, bound, int(least))
    return _checked(asked, f"c={asked['c']}, l={asked['l']}", achieved, holds=holds)


def _t_closeness(asked: _Plain, facts: Facts) -> Checked:
    pairs, kind = facts.pairs[str(asked["column"])], asked["distance"]
    if kind == "equal":
        found = closeness.equal_distance(pairs)
    elif kind == "ordered":
        order = asked.get("order")
        line = None if order is None else [str(text) for text in _rows(order)]
        found = closeness.ordered_distance(pairs, line)
    elif kind == "hierarchical":
        tree = tuple(tuple(str(x) for x in _rows(row)) for row in _rows(asked.get("hierarchy")))
        found = closeness.hierarchical_distance(pairs, tree)
    else:
        raise ClaimInvalidError(
            "The distance of t-closeness is equal, ordered or hierarchical; this one is unknown.",
            code="distance_unknown",
        )
    return _checked(asked, str(asked["t"]), str(found), holds=found <= exact(asked["t"], "t"))


def _rows(value: object) -> tuple[object, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ClaimInvalidError(
            "An order or hierarchy of a sensitive column is missing or no list; claim it whole.",
            code="order_missing",
        )
    return tuple(value)


def _delta_presence(asked: _Plain, facts: Facts) -> Checked:
    if facts.known is None:
        raise ClaimInvalidError(
            "delta-presence cannot be verified without the population it is about; give it.",
            code="population_missing",
        )
    low, high = presence(facts.classes.sizes, facts.known)
    holds = exact(asked["least"], "least") <= low and high <= exact(asked["most"], "most")
    return _checked(asked, f"{asked['least']} to {asked['most']}", f"{low} to {high}", holds=holds)


def _risk(asked: _Plain, facts: Facts) -> Checked:
    found = next((risk for risk in facts.risks if risk.attacker == asked["attacker"]), None)
    if found is None:
        raise ClaimInvalidError(
            "The attacker of a risk is prosecutor, journalist or marketer; this one is unknown.",
            code="attacker_unknown",
        )
    value = found.mean if found.attacker == "marketer" else found.greatest
    bound = f"{found.attacker} {asked['most']}"
    return _checked(asked, bound, str(value), holds=value <= exact(asked["most"], "most"))


_KNOWN: dict[str, tuple[Callable[[_Plain, Facts], Checked], tuple[str, ...], tuple[str, ...]]] = {
    "k_anonymity": (_k_anonymity, ("k",), ()),
    "distinct_l": (_distinct_l, ("column", "l"), ()),
    "entropy_l": (_entropy_l, ("column", "l"), ()),
    "recursive_l": (_recursive_l, ("column", "c", "l"), ()),
    "t_closeness": (_t_closeness, ("column", "t", "distance"), ("order", "hierarchy")),
    "delta_presence": (_delta_presence, ("least", "most"), ()),
    "risk": (_risk, ("attacker", "most"), ()),
}
_DIVERSE = ("distinct_l", "entropy_l", "recursive_l")

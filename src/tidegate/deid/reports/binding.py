"""Whether a report's parts belong together: recipe and digest, recipe and claim, claim and figures.

A table is verified against the claim. So a claim that asks for less than the recipe, which people
read and sign, would be a guarantee that nobody gave.
"""

from collections.abc import Callable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from tidegate.deid.recipe.model import Action, Role
from tidegate.deid.shares import decimal
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.errors import InvalidError

_KEYED = {Action.EMPTY, Action.PSEUDONYMISE, Action.SHIFT_DATE}
_PUBLISHED_ONLY = ("order", "hierarchy")
"""What a claim adds to a criterion of the recipe, so that a stranger can count."""


def unbound(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections that contradict the recipe or the claim; one that cannot be read, too."""
    checks: tuple[tuple[str, Callable[[Mapping[str, Any]], bool]], ...] = (
        ("recipe", _is_recipe),
        ("claim", _is_claim),
        ("input", _is_input),
        ("output", _is_output),
        ("suppression", _is_suppression),
    )
    for name, holds in checks:
        try:
            is_bound = holds(document)
        except (KeyError, TypeError, ValueError, AttributeError, ZeroDivisionError, InvalidError):
            is_bound = False
        if not is_bound:
            yield name


def _is_recipe(document: Mapping[str, Any]) -> bool:
    written = document["recipe"]
    return bool(sha256_hex(canonical_json(written["document"])) == written["digest"])


def _is_claim(document: Mapping[str, Any]) -> bool:
    claim, recipe = document["claim"], document["recipe"]["document"]
    asked = [
        {part: value for part, value in one.items() if part not in _PUBLISHED_ONLY}
        for one in claim["criteria"]
    ]
    quasi = _named(recipe, lambda one: one["role"] == Role.QUASI)
    sensitive = _named(recipe, lambda one: one["role"] == Role.SENSITIVE)
    struck = _named(recipe, lambda one: one.get("action") == Action.SCRUB)
    keyed = _named(recipe, lambda one: one.get("action") in _KEYED)
    return (
        asked == recipe["criteria"]
        and claim["quasi"] == quasi
        and {*sensitive} <= {*claim["sensitive"]} <= {*sensitive, *struck}
        and {*claim["pseudonyms"]} <= {*quasi, *keyed}
        and Fraction(claim["suppression"]) == Fraction(recipe["suppression"])
    )


def _named(recipe: Mapping[str, Any], fits: Callable[[Mapping[str, Any]], bool]) -> list[str]:
    return [one["name"] for one in recipe["columns"] if fits(one)]


def _is_input(document: Mapping[str, Any]) -> bool:
    told, columns = document["input"], document["recipe"]["document"]["columns"]
    gone = {one["name"] for one in columns if one.get("action") == Action.REMOVE}
    left = [name for name in told["columns"] if name not in gone]
    return (
        told["records"] == document["claim"]["received"]
        and sorted(told["columns"]) == sorted(one["name"] for one in columns)
        and left == document["claim"]["columns"]
    )


def _is_output(document: Mapping[str, Any]) -> bool:
    return bool(document["output"]["columns"] == document["claim"]["columns"])


def _is_suppression(document: Mapping[str, Any]) -> bool:
    claim = document["claim"]
    return bool(
        document["suppression"]
        == {
            "limit": claim["suppression"],
            "records": claim["suppressed"],
            "share": decimal(claim["suppressed"] / claim["received"]),
        }
    )

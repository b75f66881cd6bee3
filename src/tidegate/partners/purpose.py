"""Purposes of studies as codes of the Data Use Ontology, and which one covers which."""

from collections.abc import Iterable

from tidegate.policy.model import covered_by, find_purpose
from tidegate.policy.model import covers as purpose_covers


def find_code(text: str) -> str | None:
    """Return the DUO code that a shorthand, code or IRI names, or None."""
    found = find_purpose(text.strip())
    return None if found is None else found.code


def covers(granted: Iterable[str], asked: str) -> bool:
    """Tell whether one of the granted purposes is the asked one or a broader one."""
    want = find_purpose(asked)
    if want is None:
        return False
    known = (find_purpose(one) for one in granted)
    return any(one is not None and purpose_covers(one, want) for one in known)


def covered_codes(granted: Iterable[str]) -> tuple[str, ...]:
    """Return the codes of every purpose the granted ones cover, broad and narrow, sorted."""
    return covered_by(tuple(granted))

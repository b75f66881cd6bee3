"""Gather the spellings of one value: two ways to write it are no diversity, and no two people.

The verifier has its own idea of what is one value (`deid.verifier.spellings`); where they differ,
nothing is published.
"""

import re
from collections.abc import Iterable, Mapping
from unicodedata import normalize

_NUMBER = re.compile(r"(?P<sign>[+-]?)0*(?P<whole>[0-9]+?)(?:\.(?P<rest>[0-9]*?)0*)?")
_UNSEEN = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_ABSENT = ("", "na", "n/a", "nan", "null", "none", "-", "--", ".", "?")


def gather(counts: Mapping[str, int]) -> dict[str, str]:
    """Return for every text the most frequent spelling of its value."""
    groups: dict[str, list[str]] = {}
    for text in counts:
        groups.setdefault(meaning(text), []).append(text)
    return {text: _usual(texts, counts) for texts in groups.values() for text in texts}


def _usual(texts: Iterable[str], counts: Mapping[str, int]) -> str:
    return min(texts, key=lambda text: (-counts[text], text))


def meaning(text: str) -> str:
    """Return what all spellings of a value have in common."""
    folded = _UNSEEN.sub("", normalize("NFKC", text).casefold())
    plain = " ".join(normalize("NFKC", folded).split())
    number = _NUMBER.fullmatch(plain)
    if number is not None:  # of any length: Decimal would round
        sign, whole, rest = number["sign"].strip("+"), number["whole"], number["rest"]
        value = f"{whole}.{rest}" if rest else whole
        return value if value == "0" else f"{sign}{value}"
    return "" if plain in _ABSENT else plain

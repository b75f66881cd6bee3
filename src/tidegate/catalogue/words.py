"""Words as the search sees them: scripts folded, Chinese in pairs of characters, English stemmed.

Chinese is matched by overlapping pairs (bigrams), since a two-character word is the normal query
and no dictionary is needed; Traditional and Simplified are folded to Simplified character by
character, the same way on both sides, so that a passage keeps its length and place.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import cache
from typing import Any

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_HAN_RUN = re.compile(f"[{_HAN}]+")
_LATIN_WORD = re.compile(r"[a-z0-9]+(?:['’][a-z]+)?")
_TOKEN = re.compile(f"[{_HAN}]+|[a-z0-9]+")


class _Folding(dict[int, str]):
    """A translation table that learns each character at its first sight."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _fold_character(chr(code))
        return folded


_FOLDING = _Folding()


def _fold_character(character: str) -> str:
    plain = unicodedata.normalize("NFKC", character)
    plain = plain.casefold() if len(plain) == 1 else character.casefold()
    folded = _to_simplified(plain) if _HAN_RUN.match(plain) else plain
    return folded if len(folded) == 1 else character


def _to_simplified(character: str) -> str:
    return str(_converter().convert(character))


@cache
def _converter() -> Any:
    from opencc import OpenCC  # noqa: PLC0415 - reads its dictionaries; only a search needs them

    return OpenCC("hk2s")


def fold(text: str) -> str:
    """Fold width, case and Chinese script; the result is as long as `text`."""
    return text.translate(_FOLDING)


def han_runs(folded: str) -> tuple[str, ...]:
    """Return the unbroken stretches of Chinese characters in folded text."""
    return tuple(_HAN_RUN.findall(folded))


def latin_words(folded: str) -> tuple[str, ...]:
    """Return the words and numbers in Latin letters in folded text."""
    return tuple(_LATIN_WORD.findall(folded))


def pairs(run: str) -> tuple[str, ...]:
    """Return what to look for to find a Chinese run: its pairs, or the one character itself."""
    return (run,) if len(run) == 1 else tuple(run[at : at + 2] for at in range(len(run) - 1))


def grams(folded: str) -> str:
    """Return every character and pair of the Chinese runs, parted by spaces, for the index."""
    return " ".join(_grams(folded))


def _grams(folded: str) -> Iterator[str]:
    for run in han_runs(folded):
        yield from run
        if len(run) > 1:
            yield from pairs(run)


def tokens(folded: str) -> tuple[str, ...]:
    """Return the Chinese runs and Latin words of folded text in their order."""
    return tuple(_TOKEN.findall(folded))

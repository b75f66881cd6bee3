"""Values that differ in spelling alone: to a reader they say the same, so they are no diversity.

Spaces, width and composition of characters (Unicode Standard Annex 15, NFKC), case, characters
that are not seen, zeros about a number, and the usual ways to write that a value is missing.
"""

import re
import unicodedata

import numpy as np

from tidegate.deid.verifier.reading import Column

_NUMBER = re.compile(r"([+-]?)0*([0-9]+)(?:\.([0-9]*))?")
_MISSING = {"", "na", "n/a", "nan", "null", "none", "-", "--", ".", "?"}


def unspelt(column: Column) -> Column:
    """Return the column with one text for all spellings of a value; itself if there are none."""
    numbers: dict[str, int] = {}
    places = [numbers.setdefault(_plain(text or ""), len(numbers)) for text in column.texts]
    if len(numbers) == len(places):
        return column
    narrow = np.min_scalar_type(len(numbers))
    return Column(np.array(places, narrow)[column.codes], tuple(numbers))


def _plain(text: str) -> str:
    wide = unicodedata.normalize("NFKC", text).casefold()
    seen = "".join(
        one for one in wide if unicodedata.category(one) not in {"Cf", "Cc"} or one in " \t\r\n"
    )
    plain = " ".join(unicodedata.normalize("NFKC", seen).split())
    number = _NUMBER.fullmatch(plain)
    if number is not None:
        sign, whole, rest = number[1], number[2], (number[3] or "").rstrip("0")
        is_zero = whole == "0" and not rest
        return f"{'-' if sign == '-' and not is_zero else ''}{whole}{'.' if rest else ''}{rest}"
    return "" if plain in _MISSING else plain

"""Lists of names in English, Traditional and Simplified Chinese, found by any spelling."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from tidegate.deid.hierarchies.model import Counts
from tidegate.kernel.values import dataclass

_FILLERS = re.compile(r"\b(?:district|city|province|county|new area|sar|and)\b")
_SUFFIXES = re.compile("特别行政区|特別行政區|新區|新区|[區区市縣县省]")
_NOT_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Name:
    """One thing's names: in the three written forms, and however else it is spelled."""

    forms: tuple[str, str, str]
    others: tuple[str, ...] = ()

    def spellings(self) -> tuple[str, ...]:
        """Return every spelling."""
        return (*self.forms, *self.others)


def read_name(line: str) -> Name:
    """Read `English|Traditional|Simplified|other|…`; a single Chinese form serves for both."""
    parts = line.split("|")
    english, *chinese = parts
    forms = (english, *(chinese or [english]))
    simplified = forms[2] if len(forms) > 2 else forms[1]
    return Name((english, forms[1], simplified), tuple(parts[3:]))


@cache
def load(name: str) -> Mapping[str, Any]:
    """Read one of the lists beside this module."""
    path = files("tidegate.deid.hierarchies").joinpath(f"{name}.toml")
    return tomllib.loads(path.read_text(encoding="utf-8"))


def fold(text: str) -> str:
    """Reduce a spelling to what matters: no case, accents, spaces, or words such as district."""
    wide = unicodedata.normalize("NFKD", text).casefold()
    bare = "".join(c for c in wide if not unicodedata.combining(c))
    bare = _FILLERS.sub(" ", bare.replace("&", " "))
    folded = _NOT_WORD.sub("", _SUFFIXES.sub("", bare))
    return folded or _NOT_WORD.sub("", bare)


def choose_form(counts: Counts, names: Iterable[Name]) -> int:
    """Return which written form the column uses most: 0 English, 1 Traditional, 2 Simplified.

    Characters tell: those that stand only in the one or only in the other form of the names.
    """
    forms = [name.forms for name in names]
    traditional = {c for each in forms for c in each[1]}
    simplified = {c for each in forms for c in each[2]}
    only = ({c for each in forms for c in each[0]}, *_apart(traditional, simplified))
    votes = [0, 0, 0]
    for value, count in counts.items():
        written = set(value)
        for form in (1, 2) if not value.isascii() else (0,):
            votes[form] += count * bool(written & only[form])
    return votes.index(max(votes))


def _apart(one: set[str], other: set[str]) -> tuple[set[str], set[str]]:
    return one - other, other - one

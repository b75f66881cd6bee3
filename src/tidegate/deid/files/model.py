"""The nouns of anonymising a file: what was asked, what was received, what was published."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from tidegate.deid.recipe.model import TableRecipe
from tidegate.deid.reports.model import Measures
from tidegate.kernel.values import dataclass

_USUAL = Measures()

Progress: TypeAlias = Callable[[float, str], None]
"""Told how much is done, 0 to 1, and of what."""


def silently(share: float, words: str) -> None:
    """Take progress and tell nobody."""
    del share, words


@dataclass(frozen=True, slots=True)
class Received:
    """A CSV file as it was received; its bytes are read anew at each pass."""

    path: Path
    names: tuple[str, ...]
    delimiter: str
    header_lines: int
    """Lines of the file that the names take."""


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What is to be done with one file."""

    source: Path
    out: Path
    report: Path
    recipe: TableRecipe
    key: bytes = b""
    """The key of pseudonyms, where the recipe has any."""
    population: Path | None = None
    may_replace: bool = False
    delimiter: str = ""
    """Between fields; found in the first line if empty."""
    measures: Measures = _USUAL


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was published: the report's document, and where it and the table are."""

    report: dict[str, Any]
    out: Path
    received: int
    published: int
    suppressed: int

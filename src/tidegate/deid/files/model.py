"""The nouns of anonymising a file: what was asked, what was received, what was published."""

from collections.abc import Callable, Iterable
from enum import StrEnum
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


Pages: TypeAlias = Callable[[dict[str, Any]], Iterable[tuple[Path, bytes]]]
"""Makes a report's pages from its document: where each goes, and its bytes."""


def no_pages(told: dict[str, Any]) -> Iterable[tuple[Path, bytes]]:
    """Make none."""
    del told
    return ()


class Mend(StrEnum):
    """How a release is changed, and no more than is needed, so that it may go out."""

    NO = ""
    HOLD_BACK = "hold-back"
    """The fewest records are left out."""
    MERGE = "merge"
    """Classes are published as one."""


@dataclass(frozen=True, slots=True)
class Series:
    """The releases of a table that grows: where they are kept, and whom a record is about."""

    folder: Path
    person: str
    """The column that has a person's key: the same in all releases, once in each."""
    is_first: bool = False
    """Nothing is kept yet; without it an empty folder is refused."""
    mend: Mend = Mend.NO
    """What is done to a release that may not go out as it is."""


@dataclass(frozen=True, slots=True)
class FileOrder:
    """What is to be done with one file."""

    source: Path
    out: Path
    report: Path
    recipe: TableRecipe
    key: bytes = b""
    """The key of pseudonyms and of what is kept of releases, where there are any."""
    population: Path | None = None
    covers: Path | None = None
    """Where to write what each label covers in the population, to verify it by later."""
    series: Series | None = None
    may_replace: bool = False
    delimiter: str = ""
    """Between fields; found in the first line if empty."""
    measures: Measures = _USUAL
    pages: Pages = no_pages
    keep_formulas: bool = False
    """Publish cells that a spreadsheet would run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was published: the report's document, and where it and the table are."""

    report: dict[str, Any]
    out: Path
    received: int
    published: int
    suppressed: int

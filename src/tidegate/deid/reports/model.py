"""The nouns of reports: the facts of one publication, and the parts of a page."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from tidegate.deid.recipe.model import TableRecipe
from tidegate.deid.tables.model import Recoding, TableInput
from tidegate.deid.utility.model import Regression, Survival
from tidegate.kernel.values import dataclass

FORMAT = "tidegate-deid-report/1"

Say: TypeAlias = Callable[..., str]
"""Gives the words of a key in one language, `{name}` places filled by keyword."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What is known when a table has been written and verified."""

    recipe: TableRecipe
    digest: str
    """Of the recipe with every hierarchy named."""
    table: TableInput
    recoding: Recoding
    claim: Mapping[str, Any]
    """As plain data: what the verifier was asked."""
    received_sha256: str
    received_columns: tuple[str, ...]
    unknown: Mapping[str, int]
    """Records in the branch for unknown values, by quasi-identifier."""
    tool: str


@dataclass(frozen=True, slots=True)
class Measures:
    """What is to be measured besides the guarantees."""

    regressions: tuple[Regression, ...] = ()
    survivals: tuple[Survival, ...] = ()
    targets: int = 500
    """Records each attack is tried on; 0 for no attack."""


@dataclass(frozen=True, slots=True)
class Besides:
    """What a published file is verified with besides its report, where somebody has it."""

    population: Path | None = None
    """The people whom a criterion is about: the very file that the table was published with."""
    covers: Path | None = None
    """What each label covers in it, as it was written then."""
    releases: Path | None = None
    """The folder that keeps the table's releases."""
    key: bytes = b""
    """The key they are kept under."""


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A few sentences."""

    text: str


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: names of columns, then rows."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Part:
    """A heading and what stands under it."""

    heading: str
    blocks: tuple[Paragraph | Grid, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report in one language."""

    title: str
    language: str
    parts: tuple[Part, ...]

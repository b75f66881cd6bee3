"""What is claimed for a published table, and what an independent count finds.

A claim is plain data, as it stands in a report: each criterion a mapping that names itself.

| criterion | besides | achieved |
|---|---|---|
| `k_anonymity` | `k` | the smallest class |
| `distinct_l` | `column`, `l` | the fewest different values in a class |
| `entropy_l` | `column`, `l` | exp of the least entropy, rounded down |
| `recursive_l` | `column`, `c`, `l` | the greatest r1 over its tail; c must be above it |
| `t_closeness` | `column`, `t`, `distance`; `order` or `hierarchy` | the farthest class |
| `delta_presence` | `least`, `most` | the least and the greatest chance |
| `risk` | `attacker`, `most` | that attacker's risk |

Numbers may be whole numbers, decimals or texts such as `0.09` and `1/11`; they are read exactly.
"""

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from tidegate.kernel.values import dataclass

Batches: TypeAlias = Callable[[], Iterable[Any]]
"""Gives the record batches of a table anew at each call."""

Published: TypeAlias = Path | Batches
"""A table: a CSV file (UTF-8, a line of names first), a Parquet file, or record batches."""

Tree: TypeAlias = tuple[tuple[str, ...], ...]
"""A hierarchy: one row a leaf, in the taxonomy's order: the leaf, then its labels, finest first."""


@dataclass(frozen=True, slots=True)
class Population:
    """The people an attacker knows of, the published ones among them, by their exact values.

    `table` holds the quasi-identifiers under the names of the published table; `trees` says, for
    each, which exact values a published label covers. A label `a-b`, `a to b` or `a/b` of two
    leaves covers all from a to b; a column without a tree is compared text by text.
    """

    table: Published
    trees: Mapping[str, Tree]
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Claim:
    """What is claimed for a published table."""

    columns: tuple[str, ...]
    """The names of all columns, in their order."""
    quasi: tuple[str, ...]
    criteria: tuple[Mapping[str, object], ...]
    received: int
    """Records the table had before any was left out."""
    suppressed: int
    """Records that are said to be left out."""
    suppression: str = "1"
    """The share of the received records that may be left out."""
    sensitive: tuple[str, ...] = ()
    pseudonyms: tuple[str, ...] = ()
    """Columns that hold pseudonyms by design, whose names may say so."""
    population: Population | None = None
    sha256: str = ""
    """Of the file's bytes; empty if not claimed."""
    delimiter: str = ","


@dataclass(frozen=True, slots=True)
class Checked:
    """One criterion: what was asked, what the file has, and whether that is enough."""

    criterion: str
    column: str
    asked: str
    achieved: str
    holds: bool


@dataclass(frozen=True, slots=True)
class Risk:
    """The risk one kind of attacker has of naming a person (El Emam and Dankar 2008), exactly."""

    attacker: str
    greatest: Fraction
    mean: Fraction


@dataclass(frozen=True, slots=True)
class Fault:
    """Something the file does not bear out; `code` is stable, the words name no value."""

    code: str
    words: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an independent count found in a published table."""

    records: int
    classes: int
    smallest: int
    largest: int
    columns: tuple[str, ...]
    sha256: str
    criteria: tuple[Checked, ...]
    risks: tuple[Risk, ...]
    faults: tuple[Fault, ...]

    @property
    def holds(self) -> bool:
        """Tell whether everything that is claimed was found."""
        return not self.faults

"""The nouns of de-identification: recipes, what a run did, and the risk that is left.

Words follow ISO/IEC 20889:2018 (direct identifier, quasi-identifier, equivalence class) and
GB/T 37964-2019 (去标识化). Risks are exact fractions, written as text.
"""

from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import Any, Protocol

from tidegate.kernel.values import dataclass


class Action(StrEnum):
    """What a recipe does to one column."""

    REMOVE = "remove"
    PSEUDONYMISE = "pseudonymise"
    GENERALISE = "generalise"
    SHIFT_DATE = "shift_date"
    SCRUB = "scrub"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class ColumnRule:
    """Say what happens to one column; `groups` are the coarser categories, finest first."""

    table: str
    column: str
    action: Action
    kind: str = ""
    groups: tuple[tuple[tuple[str, str], ...], ...] = ()
    widths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Recipe:
    """A de-identification recipe: data, so that it can be reviewed, hashed and run again."""

    name: str
    rules: tuple[ColumnRule, ...]
    k: int = 10
    suppressed_per_mille: int = 20
    threshold: str = "1/10"
    """The largest re-identification risk of one record that the signer may accept."""

    def for_table(self, table: str) -> tuple[ColumnRule, ...]:
        """Return the rules of one table, in column order."""
        return tuple(rule for rule in self.rules if rule.table == table)

    def quasi_table(self) -> str:
        """Return the table whose quasi-identifiers are generalised, or an empty string."""
        return next((r.table for r in self.rules if r.action is Action.GENERALISE), "")


@dataclass(frozen=True, slots=True)
class Generalised:
    """How coarse one quasi-identifier became."""

    column: str
    level: int
    description: str


@dataclass(frozen=True, slots=True)
class TableCount:
    """Rows of one table: in = out + suppressed."""

    table: str
    rows_in: int
    rows_out: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run of a recipe did."""

    recipe_digest: str
    tables: tuple[TableCount, ...]
    generalised: tuple[Generalised, ...]
    removed: tuple[str, ...]
    pseudonymised: tuple[str, ...]
    scrubbed: int
    """Identifiers that were found inside free text and struck out."""


@dataclass(frozen=True, slots=True)
class Recount:
    """What an independent reader counted in the written output."""

    rows: tuple[tuple[str, int], ...]
    classes: int
    smallest: int
    largest: int
    records: int
    identifiers_left: int


@dataclass(frozen=True, slots=True)
class RiskReport:
    """The dated report a second person signs before anything is stored."""

    id: str
    version_id: str
    project_id: str
    method: str
    recipe_digest: str
    removed: tuple[str, ...]
    pseudonymised: tuple[str, ...]
    generalised: tuple[Generalised, ...]
    tables: tuple[TableCount, ...]
    k_asked: int
    k_achieved: int
    classes: int
    smallest_class: int
    largest_class: int
    suppressed: int
    scrubbed: int
    risk_max: str
    risk_mean: str
    threshold: str
    author: str
    created_at: str
    signed_by: str = ""
    signed_at: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    """What a column seems to hold, judged from its name and values."""

    role: str
    kind: str
    reason: str


Batches = Callable[[], Iterator[Any]]
"""A table that can be read again and again: each call yields pyarrow record batches of text."""


class BatchSink(Protocol):
    """Where transformed record batches go."""

    def write_batch(self, batch: Any) -> None:
        """Take one record batch."""
        ...

"""The nouns of a preview: what a recipe would publish, in groups, and what that would lose.

Nothing here tells of one person: counts under `FEWEST` are pooled with their neighbours. Shares and
losses are decimal text, risks exact fractions.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from tidegate.deid.model import AttackerRisk, Counted
from tidegate.deid.recipe.model import Difference
from tidegate.kernel.values import dataclass

MOST_RECORDS = 10_000
"""Records a preview looks at; of a larger table, every n-th."""

MOST_BARS = 12
"""Labels of a column that are shown; the others are pooled."""

FEWEST = 11
"""Records under which no count is shown, or the recipe's k where that is larger."""


class BarKind(StrEnum):
    """What a bar counts."""

    LABEL = "label"
    POOLED = "pooled"
    """Labels that few records have, or that come after the most frequent ones."""
    NOTHING = "nothing"
    """Records of which the column tells nothing."""


@dataclass(frozen=True, slots=True)
class Bar:
    """How many records have a label."""

    kind: BarKind
    records: int | None
    """None where there are too few to say."""
    label: str = ""
    labels: int = 1
    """How many labels are pooled here."""


@dataclass(frozen=True, slots=True)
class ColumnPreview:
    """One quasi-identifier before and after, and what it loses."""

    column: str
    loss: str
    exact: str
    """The share of records whose value would be published as it is."""
    hidden: str
    """The share of records of which nothing would be told, those left out among them."""
    before: tuple[Bar, ...]
    after: tuple[Bar, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of the curves over k; no loss and no risk where that k cannot be reached."""

    k: int
    loss: str
    risk: str
    """The greatest risk, as decimal text."""


@dataclass(frozen=True, slots=True)
class Look:
    """What one recipe would do to the records that were looked at."""

    recipe_digest: str
    k: int
    published: int
    suppressed: int
    classes: int
    smallest: int
    largest: int
    risk_max: str
    risk_mean: str
    threshold: str
    is_within: bool
    """Whether the greatest risk is within the threshold and all that is asked holds."""
    criteria: tuple[Counted, ...]
    risks: tuple[AttackerRisk, ...]
    loss: str
    columns: tuple[ColumnPreview, ...]
    curve: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """An edited recipe beside another: the usual one, unless a recipe to compare with is given."""

    table: str
    records: int
    """Records of the whole table."""
    looked_at: int
    """Records the preview was made from."""
    fewest: int
    """Counts under this are not shown."""
    alone: int
    """Records that look like no other before anything is done."""
    edited: Look
    usual: Look | None
    """None where the recipe to compare with cannot be reached or has no quasi-identifier."""
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class ProposedColumn:
    """The role that is proposed for a column, and why; and what its name and values look like."""

    column: str
    role: str
    action: str
    reason: str
    """`codebook` where a person gave the role, else `nothing`."""
    seen: str
    """The role that name and values suggest."""
    seen_reason: str
    """Which of them suggests it: `name`, `values`, or `nothing`."""


@dataclass(frozen=True, slots=True)
class ProposedRecipe:
    """The usual recipe of a version as a document, and the reason for each column's role."""

    recipe: Mapping[str, Any]
    columns: tuple[ProposedColumn, ...]

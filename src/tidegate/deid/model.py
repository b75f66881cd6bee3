"""The nouns of de-identifying a version: its recipe, what a run did, and the risk that is left.

Words follow ISO/IEC 20889:2018 (direct identifier, quasi-identifier, equivalence class) and
GB/T 37964-2019 (去标识化). Risks are exact fractions, written as text.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from tidegate.deid.recipe.model import (
    Action,
    Asked,
    ColumnPlan,
    CriterionName,
    Order,
    Role,
    TableRecipe,
)
from tidegate.deid.tables.model import Method
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from tidegate.deid.tables.model import Recoding, TableInput
    from tidegate.deid.verifier.model import Verdict


@dataclass(frozen=True, slots=True)
class TablePlan:
    """What a recipe says about one table of a version."""

    table: str
    columns: tuple[ColumnPlan, ...]

    def of_action(self, action: Action) -> tuple[str, ...]:
        """Return the columns that are treated one way; quasi-identifiers have no action."""
        return tuple(
            plan.name
            for plan in self.columns
            if plan.action is action and plan.role is not Role.QUASI
        )

    def of_role(self, role: Role) -> tuple[ColumnPlan, ...]:
        """Return the plans of one role, in column order."""
        return tuple(plan for plan in self.columns if plan.role is role)


@dataclass(frozen=True, slots=True)
class Recipe:
    """The recipe of a version: data, so that it can be reviewed, hashed and run again."""

    name: str
    tables: tuple[TablePlan, ...]
    criteria: tuple[Asked, ...]
    method: Method = Method.LOCAL
    suppression: str = "0.02"
    """The share of people who may be left out."""
    threshold: str = "1/11"
    """The largest re-identification risk of one record that the signer may accept."""

    @property
    def k(self) -> int:
        """Return the k that is asked for, 1 if none is."""
        sizes = (one.k for one in self.criteria if one.criterion is CriterionName.K_ANONYMITY)
        return max(sizes, default=1)

    def find_table(self, name: str) -> TablePlan | None:
        """Return the plan of a table, or None."""
        return next((plan for plan in self.tables if plan.table == name), None)

    @property
    def people(self) -> TablePlan | None:
        """Return the plan of the table whose quasi-identifiers are generalised, if any."""
        return next((plan for plan in self.tables if plan.of_role(Role.QUASI)), None)

    def of_people(self) -> TableRecipe | None:
        """Return the recipe of that table alone, or None."""
        plan = self.people
        if plan is None:
            return None
        return TableRecipe(
            self.name, plan.columns, self.criteria, self.method, self.suppression, Order.KEPT
        )


@dataclass(frozen=True, slots=True)
class Generalised:
    """What became of one quasi-identifier; shares are decimal text, of all people received."""

    column: str
    description: str
    """How its hierarchy is made, such as `age: bands of 5, 10, 20 years`."""
    values: int = 0
    """Different values before."""
    published: int = 0
    """Different values after."""
    exact: str = ""
    """The share of people whose value is published as it was."""
    hidden: str = ""
    """The share of people of whom nothing is told there, those left out among them."""
    loss: str = ""
    """The mean normalised certainty penalty: 0 exact, 1 nothing (Xu et al. 2006)."""


@dataclass(frozen=True, slots=True)
class TableCount:
    """Rows of one table: in = out + suppressed."""

    table: str
    rows_in: int
    rows_out: int
    suppressed: int


@dataclass(frozen=True, slots=True)
class Counted:
    """One criterion: what was asked, what an independent count of the written table found."""

    criterion: str
    column: str
    asked: str
    achieved: str
    holds: bool


@dataclass(frozen=True, slots=True)
class AttackerRisk:
    """The risk one kind of attacker has of naming a person, as exact fractions."""

    attacker: str
    greatest: str
    mean: str


@dataclass(frozen=True, slots=True)
class People:
    """The table with quasi-identifiers as it was recoded: who stands with whom, and shows what."""

    table: str
    recipe: TableRecipe
    """With every hierarchy named."""
    coded: "TableInput"
    recoding: "Recoding"
    texts: tuple[tuple[str, tuple[str | None, ...]], ...]
    """By quasi-identifier: what every class publishes; None for nothing."""
    persons: tuple[str | None, ...]
    """The person key of every record, if the table has one."""
    unknown: tuple[tuple[str, int], ...]
    """By quasi-identifier: records whose value no code list knew."""


@dataclass(frozen=True, slots=True)
class RunResult:
    """What one run of a recipe did."""

    recipe_digest: str
    tables: tuple[TableCount, ...]
    removed: tuple[str, ...]
    pseudonymised: tuple[str, ...]
    scrubbed: int
    """Identifiers that were found inside free text and struck out."""
    columns: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """The columns of every written table, in order."""
    people: People | None = None


@dataclass(frozen=True, slots=True)
class Recount:
    """What the independent verifier found in the written tables."""

    rows: tuple[tuple[str, int], ...]
    people: "Verdict | None" = None
    """Of the table with quasi-identifiers."""


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
    criteria: tuple[Counted, ...] = ()
    risks: tuple[AttackerRisk, ...] = ()
    loss: str = ""
    """The mean loss over all quasi-identifiers and people, 0 to 1."""
    people_suppressed: int = 0
    releases: tuple[str, ...] = ()
    """The earlier versions of the dataset that this one was checked together with."""
    releases_smallest: int = 0
    """The fewest people whom all these versions together leave a person among."""


Batches = Callable[[], Iterator[Any]]
"""A table that can be read again and again: each call yields pyarrow record batches of text."""

Progress = Callable[[float, str], None]
"""Told how much is done, 0 to 1, and of what."""


def silently(share: float, step: str) -> None:
    """Take progress and tell nobody."""
    del share, step


def part(progress: Progress, start: float, end: float) -> Progress:
    """Return what tells a part of some work as its share of the whole, from `start` to `end`."""
    return lambda share, step: progress(start + (end - start) * share, step)


class BatchSink(Protocol):
    """Where transformed record batches go."""

    def write_batch(self, batch: Any) -> None:
        """Take one record batch."""
        ...

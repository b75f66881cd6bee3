"""The nouns of a table's recipe: a role and a plan for every column, and what is to be reached.

A recipe is a document: `tidegate-deid-recipe/1`, canonical JSON, known by its SHA-256. Fractions
are decimal text, so that the same recipe has the same bytes everywhere.
"""

from enum import StrEnum
from fractions import Fraction

from tidegate.deid.hierarchies.model import HierarchyChoice
from tidegate.deid.tables.model import Attacker, Distance, Method
from tidegate.kernel.values import dataclass

FORMAT = "tidegate-deid-recipe/1"
USUAL_K = 11
"""A largest risk of 1/11, under the 0.09 of the regulators' guidance on public release."""


class Role(StrEnum):
    """What a column says about a person (ISO/IEC 20889:2018, clause 5)."""

    DIRECT = "direct_identifier"
    QUASI = "quasi_identifier"
    SENSITIVE = "sensitive"
    OTHER = "other"


class Action(StrEnum):
    """What becomes of a column that is not generalised."""

    KEEP = "keep"
    EMPTY = "empty"
    """The column stays, its values go."""
    REMOVE = "remove"
    """The column goes."""
    PSEUDONYMISE = "pseudonymise"
    """Keyed one-way names in the place of values; takes a key."""
    SCRUB = "scrub"
    """Identifiers inside the text are struck out."""
    SHIFT_DATE = "shift_date"
    """Dates move by days of each person's own; takes the people's keys, so a node does it."""


ACTIONS = {
    Role.DIRECT: (Action.EMPTY, Action.REMOVE, Action.PSEUDONYMISE),
    Role.QUASI: (),
    Role.SENSITIVE: (Action.KEEP, Action.SCRUB),
    Role.OTHER: (Action.KEEP, Action.EMPTY, Action.REMOVE, Action.SCRUB, Action.SHIFT_DATE),
}
"""What a column of each role may be subjected to; the first is what happens if nothing is said."""


class Publish(StrEnum):
    """What stands in a generalised cell."""

    LABEL = "label"
    CENTRE = "centre"
    """The median of the class's own members, so that numbers stay numbers."""


class Order(StrEnum):
    """In which order the published records stand."""

    SORTED = "sorted"
    """By what is published, so that a record's place in the received file tells nothing."""
    KEPT = "kept"
    """As received: for files whose order says nothing about people."""


class CriterionName(StrEnum):
    """The names criteria have in recipes, claims and reports."""

    K_ANONYMITY = "k_anonymity"
    DISTINCT_L = "distinct_l"
    ENTROPY_L = "entropy_l"
    RECURSIVE_L = "recursive_l"
    T_CLOSENESS = "t_closeness"
    DELTA_PRESENCE = "delta_presence"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class Asked:
    """One criterion as the recipe writes it; numbers are text, exact."""

    criterion: CriterionName
    column: str = ""
    k: int = 0
    l: str = ""  # noqa: E741 - the letter of the paper
    c: str = ""
    t: str = ""
    least: str = ""
    most: str = ""
    distance: Distance = Distance.EQUAL
    attacker: Attacker = Attacker.PROSECUTOR

    @property
    def needs_population(self) -> bool:
        """Tell whether it speaks about people who are not in the table."""
        return self.criterion is CriterionName.DELTA_PRESENCE or (
            self.criterion is CriterionName.RISK and self.attacker is Attacker.JOURNALIST
        )


@dataclass(frozen=True, slots=True)
class ColumnPlan:
    """What a recipe says about one column."""

    name: str
    role: Role
    action: Action = Action.KEEP
    kind: str = ""
    """What a direct identifier is, such as `hk_id`."""
    hierarchy: HierarchyChoice | None = None
    """None: guessed from name and values. Quasi-identifiers, and sensitive ones for distances."""
    weight: str = "1"
    publish: Publish = Publish.LABEL


@dataclass(frozen=True, slots=True)
class TableRecipe:
    """A recipe for one table."""

    name: str
    columns: tuple[ColumnPlan, ...]
    criteria: tuple[Asked, ...]
    method: Method = Method.LOCAL
    suppression: str = "0"
    """The share of records that may be left out."""
    order: Order = Order.SORTED

    def of_role(self, role: Role) -> tuple[ColumnPlan, ...]:
        """Return the plans of one role, in column order."""
        return tuple(plan for plan in self.columns if plan.role is role)

    @property
    def most_suppressed(self) -> Fraction:
        """Return the suppression limit, exactly."""
        return Fraction(self.suppression)


@dataclass(frozen=True, slots=True)
class Difference:
    """One place where two recipes differ; an empty text means that it is not there."""

    where: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a column seems to be, for a person to confirm."""

    plan: ColumnPlan
    reason: str
    """`name`, `values`, `codebook`, or `nothing` if neither said anything."""

"""The terms inside messages: constraints, rules, offers and agreements in compact ODRL.

Source: Dataspace Protocol 2025-1, contract-schema.json.
"""

import re
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

Pid = Annotated[str, Meta(min_length=1, max_length=400, pattern=r"^[^\x00-\x1f\x7f]+\Z")]
OperatorName = Literal[
    "eq",
    "gt",
    "gteq",
    "lteq",
    "hasPart",
    "isA",
    "isAllOf",
    "isAnyOf",
    "isNoneOf",
    "isPartOf",
    "lt",
    "term-lteq",
    "neq",
]

_TIMESTAMP = re.compile(
    r"-?([1-9][0-9]{3,}|0[0-9]{3})-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]+)?|(24:00:00(\.0+)?))"
    r"(Z|(\+|-)((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
)


class Constraint(Struct, frozen=True, kw_only=True):
    """Either one comparison or one logical operator over constraints, never both."""

    left_operand: str | UnsetType = field(name="leftOperand", default=UNSET)
    operator: OperatorName | UnsetType = UNSET
    right_operand: str | dict[str, Any] | list[Any] | UnsetType = field(
        name="rightOperand", default=UNSET
    )
    and_: list["Constraint"] | UnsetType = field(name="and", default=UNSET)
    and_sequence: list["Constraint"] | UnsetType = field(name="andSequence", default=UNSET)
    or_: list["Constraint"] | UnsetType = field(name="or", default=UNSET)
    xone: list["Constraint"] | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a constraint that says nothing, or two things at once."""
        compared = (self.left_operand, self.operator, self.right_operand)
        joined = (self.and_, self.and_sequence, self.or_, self.xone)
        operands = sum(part is not UNSET for part in compared)
        operators = sum(part is not UNSET for part in joined)
        if (operands, operators) not in {(3, 0), (0, 1)}:
            raise ValueError("a constraint is one comparison or one of and, or, xone, andSequence")


class Rule(Struct, frozen=True, kw_only=True):
    """A permission, prohibition or duty."""

    action: str
    constraint: list[Constraint] | UnsetType = UNSET


Rules = Annotated[list[Rule], Meta(min_length=1)]


class _Terms(Struct, frozen=True, kw_only=True):
    id: Pid = field(name="@id")
    profile: list[str] | str | UnsetType = UNSET
    permission: Rules | UnsetType = UNSET
    prohibition: Rules | UnsetType = UNSET
    obligation: Rules | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse terms that neither permit nor prohibit anything."""
        if self.permission is UNSET and self.prohibition is UNSET:
            raise ValueError("a policy needs a permission or a prohibition")


class MessageOffer(_Terms, frozen=True, kw_only=True):
    """An offer inside a message; its target names the dataset."""

    type: Literal["Offer"] = field(name="@type")
    target: Pid | UnsetType = UNSET


class CatalogOffer(_Terms, frozen=True, kw_only=True):
    """An offer inside a catalogue; the dataset around it is its target."""

    type: Literal["Offer"] | UnsetType = field(name="@type", default=UNSET)
    target: Any = UNSET

    def __post_init__(self) -> None:
        """Refuse a target, which only the dataset around the offer may be."""
        super().__post_init__()
        if self.target is not UNSET:
            raise ValueError("an offer in a catalogue has no target of its own")


class Agreement(_Terms, frozen=True, kw_only=True):
    """What both sides signed."""

    type: Literal["Agreement"] = field(name="@type")
    target: Pid
    assigner: Pid
    assignee: Pid
    timestamp: str | UnsetType = UNSET

    def __post_init__(self) -> None:
        """Refuse a timestamp that is no XSD dateTime."""
        super().__post_init__()
        if isinstance(self.timestamp, str) and not _TIMESTAMP.fullmatch(self.timestamp):
            raise ValueError("timestamp must be an XSD dateTime")


class TargetedOffer(_Terms, frozen=True, kw_only=True):
    """An offer that must name its dataset."""

    type: Literal["Offer"] = field(name="@type")
    target: Pid

"""What a person is asked before rows leave, and what they answered."""

from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from typing import Protocol

from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Agreement


class ApprovalState(StrEnum):
    """How a question about rows stands; only APPROVED lets them leave."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Frame:
    """What a question is about beside the rules: change any of it, and it is another question."""

    agreement_id: str
    agreement_digest: str
    version_id: str
    recipient: str
    seat: str
    pack_hash: str


@dataclass(frozen=True, slots=True)
class RuleAsked:
    """A rule that leaves the rows to a person, in its own words; `missing` is a fact it lacks."""

    rule: str
    title: Multilingual
    source: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class RowsApproval:
    """One question about the rows of an agreement, and its answer.

    `digest` is the hash of the frame and of the rules' names: an answer counts for exactly that.
    """

    id: str
    digest: str
    frame: Frame
    rules: tuple[RuleAsked, ...]
    state: ApprovalState
    dataset_id: str
    asked_at: str
    transfer: str = ""
    receipt: str = ""
    answered_by: str = ""
    answered_at: str = ""
    reason: str = ""
    revision: int = field(default=0)


class Agreements(Protocol):
    """Where agreements are kept."""

    def find_agreement(self, agreement_id: str) -> Agreement | None:
        """Return an agreement, or None."""
        ...


Standing = Callable[[str], tuple[str, str]]
"""Of a recipient's DID: its seat now, and the hash of the rule pack in force; empty if unknown."""

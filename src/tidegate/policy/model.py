"""The words of this room: policies, agreements, facts of a use, findings and decisions.

A policy follows the ODRL Information Model 2.2 (W3C Recommendation, 2018-02-15), in the compact
form of the Dataspace Protocol 2025-1 (contract-schema). The DUO purposes are offered here too.
"""

from collections.abc import Mapping
from enum import StrEnum

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.text import Language, Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.duo import (
    PURPOSES,
    Purpose,
    covered_by,
    covers,
    find_purpose,
    get_purpose,
    is_research,
)

__all__ = [
    "PURPOSES",
    "Agreement",
    "AgreementState",
    "Constraint",
    "Decision",
    "Enforcement",
    "Finding",
    "Inputs",
    "Operator",
    "Outcome",
    "Policy",
    "Purpose",
    "Rule",
    "Terms",
    "UseFacts",
    "Value",
    "covered_by",
    "covers",
    "find_purpose",
    "get_purpose",
    "is_research",
]

Value = str | int | bool | None | tuple[str, ...]
Inputs = Mapping[str, Mapping[str, Value]]
Terms = dict[str, object]


class Operator(StrEnum):
    """How a constraint compares: the operators of the DSP 2025-1 contract schema."""

    EQ = "eq"
    NEQ = "neq"
    LT = "lt"
    LTEQ = "lteq"
    GT = "gt"
    GTEQ = "gteq"
    IS_ANY_OF = "isAnyOf"
    IS_NONE_OF = "isNoneOf"
    IS_ALL_OF = "isAllOf"
    IS_A = "isA"
    HAS_PART = "hasPart"
    IS_PART_OF = "isPartOf"
    TERM_LTEQ = "term-lteq"


class Enforcement(StrEnum):
    """What stands behind a term of a policy: our code, a person's check, or the peer's word."""

    ENFORCED = "enforced"
    HUMAN_CHECKED = "human-checked"
    ATTESTED = "attested"


@dataclass(frozen=True, slots=True)
class Constraint:
    """One condition of a rule; `left` is a full IRI, `right` is text as it stands on the wire."""

    left: str
    operator: Operator
    right: tuple[str, ...] | str

    def terms(self) -> Terms:
        """Return the compact ODRL of this constraint."""
        right = list(self.right) if isinstance(self.right, tuple) else self.right
        return {"leftOperand": self.left, "operator": self.operator.value, "rightOperand": right}


@dataclass(frozen=True, slots=True)
class Rule:
    """A permission, prohibition or duty: an action under constraints (all must hold)."""

    action: str
    constraints: tuple[Constraint, ...] = ()
    duties: tuple["Rule", ...] = ()

    def terms(self) -> Terms:
        """Return the compact ODRL of this rule; empty arrays are left out."""
        terms: Terms = {"action": self.action}
        if self.constraints:
            terms["constraint"] = [one.terms() for one in self.constraints]
        if self.duties:
            terms["duty"] = [one.terms() for one in self.duties]
        return terms


@dataclass(frozen=True, slots=True)
class Policy:
    """What may, must not and must be done with a dataset, without saying with which or by whom."""

    permissions: tuple[Rule, ...]
    prohibitions: tuple[Rule, ...] = ()
    obligations: tuple[Rule, ...] = ()

    def terms(self) -> Terms:
        """Return the compact ODRL of all rules; empty arrays are left out."""
        groups = (
            ("permission", self.permissions),
            ("prohibition", self.prohibitions),
            ("obligation", self.obligations),
        )
        return {name: [rule.terms() for rule in rules] for name, rules in groups if rules}

    @property
    def digest(self) -> str:
        """Return the SHA-256 (hex) of the canonical ODRL: equal policies, equal digests."""
        return sha256_hex(canonical_json(self.terms()))


class AgreementState(StrEnum):
    """Where an agreement stands."""

    ACTIVE = "active"
    SUSPENDED = "suspended"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Agreement:
    """A contract two participants negotiated for one dataset."""

    id: str
    role: str  # "provider" or "consumer": which side of it this node is
    dataset_id: str
    version_id: str
    assigner: str
    assignee: str
    policy: Policy
    offer_id: str
    signed_at: str
    state: AgreementState = AgreementState.ACTIVE
    digest: str = ""
    purposes: tuple[str, ...] = ()
    ended_at: str | None = None
    ended_reason: str = ""
    suspended_by: tuple[str, ...] = ()  # DIDs of the sides that suspended it; each lifts its own

    @property
    def counterparty(self) -> str:
        """Return the DID of the other side."""
        return self.assignee if self.role == "provider" else self.assigner


@dataclass(frozen=True, slots=True)
class UseFacts:
    """What is known about one use when it is about to happen; None means nobody could say."""

    assignee: str | None = None
    seat: str | None = None
    purpose: str | None = None
    at: str | None = None
    uses_so_far: int | None = None
    place: str | None = None
    minimum_cell: int | None = None
    logged: bool | None = None
    certifications: tuple[str, ...] | None = None


class Outcome(StrEnum):
    """What the rules answer: the four results of TC609-6-2025-15 §7.1.2.3, one of them split."""

    ALLOW = "allow"
    NEEDS_APPROVAL = "needs_approval"
    NEEDS_FILING = "needs_filing"
    DENY = "deny"
    DEFAULT_DENY = "default_deny"


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule that was not met; `missing` names the input nobody gave."""

    rule: str
    outcome: Outcome
    title: Multilingual
    source: str
    missing: str | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer of a rule pack to one flow, with every rule that stood against it."""

    outcome: Outcome
    findings: tuple[Finding, ...]
    pack_hash: str
    inputs_hash: str
    receipt_id: str = ""

    @property
    def is_allowed(self) -> bool:
        """Return whether the flow may go on without any further act."""
        return self.outcome is Outcome.ALLOW

    def objections(self, language: Language = Language.EN) -> str:
        """Name every rule that stands against the flow, and the fact it misses."""
        return "; ".join(
            f"{found.rule} ({found.title.in_language(language)})"
            + (f": the fact {found.missing} is missing" if found.missing else "")
            for found in self.findings
            if found.outcome is not Outcome.ALLOW
        )

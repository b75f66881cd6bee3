"""Templates of usage policies: terms in, a policy that this node can keep out."""

from dataclasses import asdict
from typing import Any, cast

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.api.kit import Call, Operation
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy
from tidegate.policy.service import ResearchTerms, research_policy


@dataclass(frozen=True, slots=True)
class ResearchPolicyTerms:
    """The terms of a research policy; an empty term limits nothing.

    `purposes` are DUO shorthands, codes or IRIs; `seats` legal seats; `until` an RFC 3339 time;
    `compute` is in-place unless told: left empty, with a minimum cell of 0, rows may leave.
    """

    assignees: tuple[str, ...] = ()
    seats: tuple[str, ...] = ()
    certifications: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    starts: str = ""
    until: str = ""
    max_uses: int = 0
    minimum_cell: int = 10
    delete_within_days: int = 0
    compute: str = "in-place"
    review: str = ""


def make_research_policy(call: Call[ResearchPolicyTerms]) -> Policy:
    """Return the research policy of these terms; nothing is stored."""
    check_has_role(call.actor, *Role)
    told = asdict(call.body).items()
    said = {name: term for name, term in told if term or name in {"compute", "minimum_cell"}}
    return research_policy(**cast(ResearchTerms, said))


def make_research_terms(call: Call[ResearchPolicyTerms]) -> dict[str, Any]:
    """Return the same policy as a negotiation says it, in compact ODRL; nothing is stored."""
    return make_research_policy(call).terms()


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "POST",
        "/policies/research",
        make_research_policy,
        takes=ResearchPolicyTerms,
        gives=Policy,
        summary="Make a research policy from its terms",
    ),
    Operation(
        "POST",
        "/policies/terms",
        make_research_terms,
        takes=ResearchPolicyTerms,
        gives=dict[str, Any],
        summary="Write the terms of a research policy as a negotiation says them",
    ),
)

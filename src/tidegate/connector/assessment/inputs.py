"""Put what the rooms know into the inputs of a rule pack: pure, and nothing is made up.

A fact nobody gave stays out, so that the rules answer default-deny and name it.
"""

from datetime import datetime

from tidegate.access.model import Seat
from tidegate.connector.assessment.model import (
    AssessmentSettings,
    DestructionFacts,
    EvidenceFacts,
    Groups,
    Mode,
    Output,
    Way,
)
from tidegate.kernel.clock import parse_iso
from tidegate.partners.model import GateFacts
from tidegate.policy.model import (
    PURPOSES,
    Agreement,
    AgreementState,
    Policy,
    Value,
    covered_by,
    find_purpose,
    is_research,
)
from tidegate.policy.service import (
    agreement_digest,
    conflicts,
    delete_within_days,
    policy_purposes,
    unenforceable,
)

Group = dict[str, Value]
SIGNING = "signing"
_CONTRACT_STATES = {
    AgreementState.ACTIVE: "performing",
    AgreementState.SUSPENDED: "suspended",
    AgreementState.ENDED: "ended",
}


def purpose_code(purpose: str) -> str:
    """Return the DUO code a purpose names, or the word itself where DUO has none."""
    found = find_purpose(purpose)
    return purpose if found is None else found.code


def purposes_of(policy: Policy) -> tuple[str, ...]:
    """Return every purpose a policy covers, broad and narrow; all, where it limits none."""
    limited = policy_purposes(policy)
    return covered_by(limited) if limited else tuple(sorted(one.code for one in PURPOSES))


def flow_group(source: Seat, viewer: Seat, way: Way) -> Group:
    """Describe where data are and where they, or results of them, are seen.

    Seeing counts as provision across the border even when no row moves; the border is crossed
    wherever the jurisdiction of the viewer is not that of the data.
    """
    crossing = source.jurisdiction != viewer.jurisdiction
    return {
        "src": source.jurisdiction,
        "dst": viewer.jurisdiction,
        "src_seat": source.value,
        "viewer_place": viewer.jurisdiction,
        "cross_border": crossing,
        "mode": way.mode.value,
        "rows_visible": way.rows_visible,
        "intl_collab": crossing,
        "request_by": "researcher",
        "onward": False,
        "received_under": "none",
        "authority_approval": False,
        "emergency": False,
        "physician_attests": False,
        "legal_storage_signoff": False,
    }


def use_group(way: Way, facts: GateFacts, policy: Policy) -> Group:
    """Describe one use: its purpose, whose it is, and whether the data's terms cover it."""
    purpose = purpose_code(facts.purpose or next(iter(facts.question.purposes), ""))
    person = facts.question.person_ref or next(iter(facts.people), "")
    research = is_research(purpose)
    group: Group = {
        "research": research,
        "research_only": research,
        "creates_derived": way.creates_derived,
        "duo_match": purpose in purposes_of(policy),
    }
    within = is_within(way.columns, facts.variables)
    told = {"purpose": purpose or None, "person": person or None, "fields_subset": within}
    return group | {name: value for name, value in told.items() if value is not None}


def is_within(columns: tuple[str, ...] | None, approved: tuple[str, ...]) -> bool | None:
    """Return whether every column read was approved; None if nobody said which are read.

    A permit names columns (`table.column`), whole tables, or everything by naming nothing.
    """
    if not approved or "*" in approved:
        return True
    if columns is None:
        return None
    return all(one in approved or one.partition(".")[0] in approved for one in columns)


def contract_terms(policy: Policy, settings: AssessmentSettings) -> Group:
    """Describe what a policy says, signed or not."""
    days = delete_within_days(policy)
    return {
        "purposes": purposes_of(policy),
        "unenforceable": len(unenforceable(policy)),
        "conflicts": len(conflicts(policy)),
        "envs": settings.envs,
        "inherit": True,
        "purge_days": settings.purge_days if days is None else days,
        "space_requires_filing": settings.space_requires_filing,
        "filed": not settings.space_requires_filing,
    }


def contract_group(agreement: Agreement, settings: AssessmentSettings, now: datetime) -> Group:
    """Describe a signed agreement as it stands now."""
    ended = agreement.ended_at
    return contract_terms(agreement.policy, settings) | {
        "id": agreement.id,
        "signed_all": bool(agreement.assigner and agreement.assignee and agreement.signed_at),
        "hash_ok": agreement_digest(agreement) == agreement.digest,
        "state": _CONTRACT_STATES[agreement.state],
        "days_since_end": 0 if ended is None else max(0, (now - parse_iso(ended)).days),
    }


def offer_group(policy: Policy, offer_id: str, settings: AssessmentSettings) -> Group:
    """Describe an agreement that is about to be signed."""
    return contract_terms(policy, settings) | {
        "id": offer_id,
        "state": SIGNING,
        "days_since_end": 0,
    }


def evidence_group(evidence: EvidenceFacts, settings: AssessmentSettings) -> Group:
    """Describe the log and how long records are kept."""
    return {
        "writable": evidence.writable,
        "chain_ok": evidence.chain_ok,
        "check_retention": True,
        "provision_years": settings.provision_years,
        "log_days": settings.log_days,
        "enclave_years": settings.enclave_years,
    }


def output_group(output: Output) -> Group:
    """Describe a result that wants to leave."""
    return {
        "kind": output.kind,
        "individual_level": output.individual_level,
        "nonidentifying": not output.individual_level and output.auto_checks_pass,
        "auto_checks_pass": output.auto_checks_pass,
        "checker_2": output.checker_2,
    }


def destroy_group(facts: DestructionFacts) -> Group:
    """Describe how far a destruction is."""
    return {
        "approved": facts.approved,
        "two_person": facts.two_person,
        "verified": facts.verified,
        "cert_sent": facts.certificate_sent,
    }


def merged(*sources: Groups) -> dict[str, Group]:
    """Return all groups in one; a later source's field replaces an earlier one's."""
    whole: dict[str, Group] = {}
    for source in sources:
        for group, values in source.items():
            whole[group] = whole.get(group, {}) | dict(values)
    return whole


def mode_of(policy: Policy) -> Mode:
    """Return how data would move under a policy: in place unless rows may be computed elsewhere."""
    in_place = any(
        one.left.endswith("computePlace") for rule in policy.permissions for one in rule.constraints
    )
    return Mode.ENCLAVE_QUERY if in_place else Mode.ROW_TRANSFER

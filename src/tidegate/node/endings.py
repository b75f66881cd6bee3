"""What is judged once data should be gone: was it complete (rule LC-03), was it in time (LC-04)."""

import logging

from tidegate.access.model import system_actor
from tidegate.connector.assessment.model import DestructionFacts
from tidegate.house import House

OVERDUE = "agreement.deletion_overdue"
JUDGE = system_actor("destruction.assess")

log = logging.getLogger("tidegate.node")


def assess_destruction(house: House, version: str) -> None:
    """Have the rule pack judge a finished destruction, and keep its receipt beside the version.

    Safe to do again: a version is judged once. A node in no space has no law to ask.
    """
    subject = f"version:{version}"
    destruction = house.destruction.find(version)
    is_judged = bool(house.rulepacks.list_decisions(subject=subject, limit=1))
    if destruction is None or is_judged or house.space.find_space() is None:
        return
    kept = {one.id for one in house.destruction.list_certificates(subject)}
    is_certified = destruction.certificate_id in kept
    facts = DestructionFacts(
        approved=bool(destruction.approved_by),
        two_person=bool(destruction.approved_by)
        and destruction.approved_by != destruction.requested_by,
        verified=is_certified,  # nothing is certified before every object refused to decrypt
        certificate_sent=is_certified,  # sent to every holder in the write that keeps it
    )
    house.assessment.assess_destruction(version, house.participant.did, facts, by=JUDGE, to=subject)


def note_overdue_deletions(house: House) -> int:
    """Raise the alarm, once each, for peers that let the agreed days of deletion pass.

    The alarm stands in the evidence of the agreement and in the log; return how many were raised.
    """
    raised = 0
    for agreement in house.policy.list_deletions_due():
        told = house.evidence.timeline(f"agreement:{agreement.id}")
        if house.destruction.is_emptied(agreement.id, agreement.assignee) or any(
            leaf.entry.did == OVERDUE for leaf in told
        ):
            continue
        house.policy.note_deletion_overdue(agreement)
        log.warning(
            "deletion overdue", extra={"agreement": agreement.id, "peer": agreement.assignee}
        )
        raised += 1
    return raised

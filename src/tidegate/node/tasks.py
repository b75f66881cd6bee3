"""What happens because something happened: a table each of facts, tasks, messages and jobs."""

from collections.abc import Callable, Mapping
from typing import Any

from tidegate.house import House
from tidegate.node.endings import assess_destruction, note_overdue_deletions
from tidegate.work.model import Handler, Periodic

Receiver = Callable[[str, Mapping[str, Any]], None]

MINUTE = 60.0
HOUR = 60 * MINUTE
WITNESS_EVERY = 10 * MINUTE

SUBSCRIPTIONS: Mapping[str, tuple[str, ...]] = {
    # fact -> the handlers that want to know
    "dataset.published": ("catalogue.refresh_search", "connector.refresh_catalog"),
    "dataset.withdrawn": ("catalogue.refresh_search", "connector.refresh_catalog"),
    "dataset.tombstoned": ("catalogue.refresh_search", "connector.refresh_catalog"),
    "dataset.harvested": ("catalogue.refresh_search",),
    "member.revoked": (
        "identity.follow_revocation",
        "transfer.gate_moved",
        "signaling.gate_moved",
    ),
    "member.admitted": ("harvest.all",),
    "agreement.suspended": ("transfer.agreement_suspended", "lab.agreement_closed"),
    "agreement.resumed": ("transfer.agreement_resumed",),
    "agreement.ended": (
        "transfer.agreement_ended",
        "signaling.gate_moved",
        "lab.agreement_closed",
        "queries.agreement_ended",
        "commons.destroy_derived",
        "rows.agreement_ended",
    ),
    "rows.approved": ("transfer.rows_answered",),
    "rows.refused": ("transfer.rows_answered",),
    "rows.lapsed": ("transfer.rows_answered",),
    "rows.withdrawn": ("transfer.rows_withdrawn", "signaling.rows_withdrawn"),
    # what opens the gate: visits it let in end as soon as it does not open any more
    "permit.ended": ("transfer.gate_moved", "signaling.gate_moved"),
    "training.revoked": ("transfer.gate_moved", "signaling.gate_moved"),
    "partnership.ended": ("transfer.gate_moved", "signaling.gate_moved"),
    "project.changed": ("transfer.gate_moved", "signaling.gate_moved"),
    "project.closed": ("transfer.gate_moved", "signaling.gate_moved"),
    "mechanism.ended": ("transfer.gate_moved", "signaling.gate_moved"),
    "person.disabled": ("transfer.person_disabled",),
    "transfer.stopped": ("lab.visit_stopped", "dataplane.cut"),
    "version.closed": (
        "lab.version_closed",
        "transfer.version_closed",
        "signaling.gate_moved",
    ),
    "version.destroyed": (
        "lab.version_destroyed",
        "destruction.assess",
        "rows.version_destroyed",
        "transfer.version_closed",
        "signaling.gate_moved",
    ),
    "credentials.stored": (),
}


def handlers_of(house: House) -> Mapping[str, Handler]:
    """Return who runs which task."""
    return {
        "peer.send": house.exchange.deliver,
        "credentials.renew": lambda: _ignore(house.wallet.renew()),
        "credentials.deliver": house.issuance.deliver,
        "credentials.offer": lambda holder: _offer_credentials(house, holder),
        "credentials.request": house.wallet.request_offered,
        "identity.follow_revocation": house.joining.follow_revocation,
        "negotiation.deliver": house.negotiation.deliver,
        "negotiation.react": house.negotiation.react,
        "transfer.deliver": house.transfer.deliver,
        "transfer.react": house.transfer.react,
        "dataplane.fetch": house.dataplane.fetch,
        "dataplane.send": house.dataplane.send,
        "dataplane.cut": lambda transfer, **_: _ignore(house.dataplane.cut(transfer)),
        "rows.agreement_ended": lambda agreement: _ignore(
            house.rows.drop_parcels(agreement_id=agreement)
        ),
        "rows.version_destroyed": lambda version, **_: _ignore(
            house.rows.drop_parcels(version_id=version)
        ),
        "transfer.version_closed": lambda version, **_: house.transfer.on_version_closed(version),
        "transfer.prepare": house.transfer.prepare,
        "transfer.flow": house.transfer.follow,
        "transfer.script": house.transfer.run_script,
        "transfer.agreement_suspended": house.transfer.on_agreement_suspended,
        "transfer.agreement_resumed": house.transfer.on_agreement_resumed,
        "transfer.agreement_ended": house.transfer.on_agreement_ended,
        "transfer.rows_answered": house.transfer.on_rows_answered,
        "transfer.rows_withdrawn": house.transfer.on_rows_withdrawn,
        "transfer.gate_moved": lambda **_: _ignore(house.transfer.on_gate_moved()),
        "transfer.person_disabled": house.transfer.on_person_disabled,
        "signaling.go": house.signaling.go,
        "signaling.tell": house.signaling.tell,
        "signaling.orphaned": house.signaling.orphaned,
        "signaling.rows_withdrawn": house.signaling.rows_withdrawn,
        "signaling.gate_moved": lambda **_: _ignore(house.signaling.gate_moved()),
        "lab.visit_stopped": house.lab.on_visit_stopped,
        "lab.version_closed": lambda version, **_: house.lab.on_version_closed(version),
        "lab.agreement_closed": house.lab.on_agreement_closed,
        "lab.version_destroyed": lambda version, **_: house.lab.on_version_destroyed(version),
        "destruction.assess": lambda version, **_: assess_destruction(house, version),
        "queries.agreement_ended": house.queries.on_agreement_ended,
        "commons.deidentify": house.runs.work,
        "commons.destroy_derived": lambda agreement: _destroy_derived(house, agreement),
        "catalogue.refresh_search": lambda **_: _ignore(house.catalogue.refresh_search()),
        "connector.refresh_catalog": lambda **_: house.dsp_catalog.refresh(),
        "harvest.all": lambda **_: house.harvest.harvest_all(),
    }


def _offer_credentials(house: House, holder: str) -> None:
    """Offer a member what it is certified for; the authority issues its own at once."""
    if holder == house.participant.did:
        house.wallet.take_own()
    else:
        house.certification.offer(holder)


def receivers_of(house: House) -> Mapping[str, Receiver]:
    """Return who takes in which message of another node."""
    return {
        "member.admitted": house.space.receive_member_admitted,
        "member.revoked": house.space.receive_member_revoked,
        "keys.changed": house.identity.receive_keys_changed,
        "partnership.proposed": house.partnerships.receive_proposed,
        "partnership.signed": house.partnerships.receive_signed,
        "partnership.ended": house.partnerships.receive_ended,
        "training.revoked": house.training.receive_revoked,
        "project.shared": house.projects.receive_project,
        "project.ethics": house.projects.receive_ethics,
        "application.submitted": house.applications.receive_submitted,
        "application.decided": house.applications.receive_decided,
        "application.withdrawn": house.applications.receive_withdrawn,
        "permit.ended": house.applications.receive_permit_ended,
        "agreement.suspended": house.policy.receive_agreement_change,
        "agreement.resumed": house.policy.receive_agreement_change,
        "agreement.ended": house.policy.receive_agreement_change,
        "derived.reported": house.destruction.receive_derived,
        "destruction.certified": house.destruction.receive_certificate,
        "query.released": house.queries.receive_query_released,
        "query.closed": house.queries.receive_query_closed,
        "witness.requested": house.evidence.receive_witness_request,
        "witness.given": house.evidence.receive_witness,
    }


def periodics_of(house: House) -> tuple[Periodic, ...]:
    """Return the jobs that run again and again while the node serves."""
    return (
        Periodic("credentials.renew", MINUTE, lambda: _ignore(house.wallet.renew()), first=1.0),
        Periodic("members.sync", 5 * MINUTE, lambda: _sync_members(house), first=2.0),
        Periodic("harvest", 5 * MINUTE, lambda: _harvest(house), first=5.0),
        Periodic("policy.end_expired", MINUTE, lambda: _ignore(house.policy.end_expired())),
        Periodic("transfer.gate", MINUTE, lambda: _ignore(house.transfer.on_gate_moved())),
        Periodic("signaling.gate", MINUTE, lambda: _ignore(house.signaling.gate_moved())),
        Periodic("progress.inquire", MINUTE, lambda: _ignore(house.progress.inquire())),
        Periodic("access.prune", 10 * MINUTE, lambda: _ignore(house.access.prune())),
        Periodic("identity.purge", 10 * MINUTE, lambda: _ignore(house.identity.purge_tokens())),
        Periodic("exchange.purge", HOUR, lambda: _ignore(house.exchange.purge())),
        Periodic("evidence.checkpoint", MINUTE, lambda: _ignore(house.evidence.checkpoint_now())),
        Periodic(
            "evidence.witnesses", WITNESS_EVERY, lambda: _ignore(house.evidence.request_witnesses())
        ),
        Periodic("uploads.drop", HOUR, lambda: _ignore(house.acquisition.drop_old_uploads())),
        Periodic("deletions.overdue", HOUR, lambda: _ignore(note_overdue_deletions(house))),
        Periodic("fixity", 24 * HOUR, lambda: _ignore(house.holdings.check_all_fixity())),
    )


def recover(house: House) -> None:
    """Finish or clean up what a killed process left; once at every start, before serving."""
    house.destruction.recover()
    house.holdings.finish_interrupted()
    house.acquisition.recover()


def _sync_members(house: House) -> None:
    if house.space.find_space() is not None:
        house.joining.sync_members()


def _harvest(house: House) -> None:
    if house.space.find_space() is not None:
        house.harvest.harvest_all()


def _destroy_derived(house: House, agreement_id: str) -> None:
    agreement = house.policy.get_agreement(agreement_id)
    if agreement.role == "consumer":
        reason = agreement.ended_reason or "the agreement ended"
        house.destruction.destroy_derived(agreement.id, agreement.counterparty, reason)


def _ignore(_result: object) -> None:
    """Drop a result that only a caller in the foreground would read."""

"""Agreements: terms in words, both sides' messages, retries, evidence, and the end of it."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import has_role
from tidegate.connector.progress.model import Standing
from tidegate.kernel.errors import NotFoundError
from tidegate.policy.model import Agreement, AgreementState
from tidegate.policy.service import max_uses, rows_refusal, sentences
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import asked_record, names_of, provider_of, title_of
from tidegate.web.pages.approving import approvals_of, may_answer
from tidegate.web.pages.progress import progress_of
from tidegate.web.pages.searching import purpose_name
from tidegate.web.steps import steps_of

_ENDERS = (Role.STEWARD, Role.COMMITTEE, Role.LEGAL)


def show_agreements(ask: Ask) -> Response:
    """List agreements and the negotiations that are still open."""
    negotiations = ask.house.negotiation.list_negotiations()
    agreed = {one.id for one in ask.house.policy.list_agreements()}
    negotiations = tuple(one for one in negotiations if one.agreement_id not in agreed)
    agreements = ask.house.policy.list_agreements()
    titles = {one.id: title_of(ask, one.dataset_id, one.assigner) for one in agreements}
    titles |= {
        one.pid: title_of(ask, one.dataset_id, provider_of(ask, one)) for one in negotiations
    }
    return ask.page(
        "agreements.html",
        agreements=agreements[::-1],
        negotiations=negotiations,
        stuck=_stuck(ask),
        titles=titles,
        people=names_of(ask),
    )


def _stuck(ask: Ask) -> dict[str, Standing]:
    """Return how the processes stand that do not go on by themselves, by pid."""
    return {one.process.pid: one for one in ask.house.progress.list_stuck()}


def show_agreement(ask: Ask) -> Response:
    """Show one agreement: its terms, its messages and its whole history."""
    agreement = ask.house.policy.get_agreement(ask.path["agreement_id"])
    negotiation = ask.house.negotiation.find_by_agreement(agreement.id)
    transfers = ask.house.transfer.list_transfers(agreement_id=agreement.id)
    return ask.page(
        "agreement.html",
        agreement=agreement,
        title=title_of(ask, agreement.dataset_id, agreement.assigner),
        terms=sentences(agreement.policy),
        uses=ask.house.policy.uses_so_far(agreement.id),
        limit=max_uses(agreement.policy),
        negotiation=negotiation,
        progress=progress_of(ask, negotiation),
        transfers=transfers,
        stuck=_stuck(ask),
        peer_says=None,
        steps=steps_of(ask.house.evidence.timeline(f"agreement:{agreement.id}")),
        approvals=approvals_of(ask, agreement.id),
        may_answer_rows=may_answer(ask),
        can_ask_rows=_may_ask_rows(ask, agreement),
        can_end=agreement.state is not AgreementState.ENDED and has_role(ask.actor, *_ENDERS),
        people=names_of(ask),
        purpose_name=lambda code: purpose_name(ask, code),
    )


def _may_ask_rows(ask: Ask, agreement: Agreement) -> bool:
    is_open = agreement.role == "consumer" and agreement.state is AgreementState.ACTIVE
    is_researcher = has_role(ask.actor, Role.RESEARCHER)
    return is_open and is_researcher and rows_refusal(agreement.policy) is None


def end(ask: Ask) -> Response:
    """End an agreement; whatever runs under it stops."""
    agreement: Agreement = ask.house.policy.get_agreement(ask.path["agreement_id"])
    ask.house.policy.end_agreement(agreement.id, ask.form.required("reason"), by=ask.actor)
    return ask.go(f"/agreements/{agreement.id}", said="agreement_ended")


def negotiate(ask: Ask) -> Response:
    """Ask a provider for an agreement on one of its offers."""
    record = asked_record(ask)
    if record is None:
        raise NotFoundError("No peer offers this dataset.", code="dataset_unknown")
    one = ask.house.negotiation.request(
        record.peer.did,
        record.dataset.id,
        ask.form.required("offer"),
        by=ask.actor,
        accepts=ask.form.every("accepts"),
    )
    return ask.go(f"/negotiations/{one.pid}", said="negotiation_started")


PAGES = (
    page("/agreements", show_agreements),
    page("/agreements/{agreement_id}", show_agreement),
    making("/agreements/{agreement_id}/end", end),
    making("/datasets/{dataset_id}/negotiate", negotiate),
)

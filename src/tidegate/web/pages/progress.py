"""How a negotiation or transfer stands: both sides, every message with its tries, what to do."""

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import has_role
from tidegate.connector.dataplane.model import HTTP_PULL
from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.progress.model import PeerSays
from tidegate.connector.progress.rules import course, may_take, process_of
from tidegate.connector.progress.service import Either
from tidegate.connector.transfer.model import VISIT_FORMAT, Transfer
from tidegate.web.kit import Ask, action, making, page
from tidegate.web.names import names_of, provider_of, title_of
from tidegate.web.pages.approving import approvals_of, may_answer
from tidegate.web.proposals import proposal_of

HELPERS = (Role.STEWARD, Role.LEGAL, Role.COMMITTEE, Role.OPERATOR)
"""Who may decide, hurry, ask the peer and end what others began."""


def progress_of(ask: Ask, one: Either | None) -> Mapping[str, Any] | None:
    """Return what the progress panel of any page shows; None where there is no process."""
    if one is None:
        return None
    moments = ask.house.progress.timeline(one)
    process = process_of(one)
    return {
        "one": one,
        "process": process,
        "standing": ask.house.progress.standing(one),
        "moments": moments,
        "ours": course(process, moments),
        "theirs": course(process, moments, theirs=True),
        "base": f"/{process.kind.value}s/{one.pid}",
        "may_help": has_role(ask.actor, *HELPERS),
        "may_end": not process.is_final and _may_end(ask, one),
        "may_answer": may_answer(ask),
        "may_operate": has_role(ask.actor, Role.OPERATOR),
    }


def _may_end(ask: Ask, one: Either) -> bool:
    return has_role(ask.actor, *HELPERS) or one.created_by == ask.actor.id


# --- negotiations


def show_negotiation(ask: Ask) -> Response:
    """Show one negotiation, whether it has an agreement yet or not."""
    return _negotiation(ask, ask.house.negotiation.get(ask.path["pid"]))


def _negotiation(ask: Ask, one: Negotiation, peer_says: PeerSays | None = None) -> Response:
    return ask.page(
        "negotiation.html",
        negotiation=one,
        title=title_of(ask, one.dataset_id, provider_of(ask, one)),
        progress=progress_of(ask, one),
        proposal=proposal_of(ask, one),
        may_counter=may_take(one, "offer" if one.side.value == "provider" else "request"),
        peer_says=peer_says,
        people=names_of(ask),
    )


def approve(ask: Ask) -> Response:
    """Let a negotiation go its next step."""
    one = ask.house.negotiation.approve(
        ask.path["pid"], by=ask.actor, accepts=ask.form.every("accepts")
    )
    return ask.go(f"/negotiations/{one.pid}", said="negotiation_approved")


def refuse(ask: Ask) -> Response:
    """End a negotiation, telling the peer why."""
    one = ask.house.negotiation.terminate(
        ask.path["pid"], ask.form.required("reason"), by=ask.actor
    )
    return ask.go(f"/negotiations/{one.pid}", said="negotiation_terminated")


def retry(ask: Ask) -> Response:
    """Send the waiting message of a negotiation now."""
    one = ask.house.negotiation.get(ask.path["pid"])
    ask.house.progress.retry_now(one, by=ask.actor)
    return ask.go(f"/negotiations/{one.pid}", said="sent_again")


def ask_peer(ask: Ask) -> Response:
    """Ask the peer how a negotiation stands at its side, and show the answer."""
    one = ask.house.negotiation.get(ask.path["pid"])
    return _negotiation(ask, one, _asked(ask, one))


def _asked(ask: Ask, one: Either) -> PeerSays:
    """Ask the peer; that it does not answer is an answer for the page."""
    try:
        return ask.house.progress.ask_peer(one, by=ask.actor)
    except PeerUnreachableError as problem:
        return PeerSays("", problem.message, agrees=False)


# --- transfers


def show_transfer(ask: Ask) -> Response:
    """Show one transfer."""
    return _transfer(ask, ask.house.transfer.get(ask.path["pid"]))


def _transfer(ask: Ask, one: Transfer, peer_says: PeerSays | None = None) -> Response:
    is_rows = one.format != VISIT_FORMAT
    return ask.page(
        "transfer.html",
        transfer=one,
        title=title_of(ask, one.dataset_id, provider_of(ask, one)),
        progress=progress_of(ask, one),
        rows=ask.house.dataplane.progress(one.pid),
        is_moving=is_rows and not process_of(one).is_final,
        approvals=approvals_of(ask, one.agreement_id) if is_rows else (),
        may_answer_rows=may_answer(ask),
        peer_says=peer_says,
        people=names_of(ask),
    )


def ask_for_rows(ask: Ask) -> Response:
    """Ask for the rows of an agreement, fetched by this node."""
    one = ask.house.transfer.request_rows(ask.path["agreement_id"], HTTP_PULL, by=ask.actor)
    return ask.go(f"/transfers/{one.pid}", said="rows_asked")


def end_transfer(ask: Ask) -> Response:
    """End a transfer, telling the peer why."""
    reason = ask.form.required("reason")
    one = ask.house.transfer.terminate(ask.path["pid"], reason, by=ask.actor)
    return ask.go(f"/transfers/{one.pid}", said="transfer_terminated")


def retry_transfer(ask: Ask) -> Response:
    """Send the waiting message of a transfer now."""
    one = ask.house.transfer.get(ask.path["pid"])
    ask.house.progress.retry_now(one, by=ask.actor)
    return ask.go(f"/transfers/{one.pid}", said="sent_again")


def ask_peer_of_transfer(ask: Ask) -> Response:
    """Ask the peer how a transfer stands at its side, and show the answer."""
    one = ask.house.transfer.get(ask.path["pid"])
    return _transfer(ask, one, _asked(ask, one))


PAGES = (
    page("/negotiations/{pid}", show_negotiation),
    making("/negotiations/{pid}/approve", approve),
    making("/negotiations/{pid}/terminate", refuse),
    making("/negotiations/{pid}/retry", retry),
    action("/negotiations/{pid}/ask", ask_peer),
    page("/transfers/{pid}", show_transfer),
    making("/agreements/{agreement_id}/rows", ask_for_rows),
    making("/transfers/{pid}/terminate", end_transfer),
    making("/transfers/{pid}/retry", retry_transfer),
    action("/transfers/{pid}/ask", ask_peer_of_transfer),
)

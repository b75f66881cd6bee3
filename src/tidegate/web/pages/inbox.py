"""The inbox: everything at this node that waits for a person, with its reason, oldest first."""

from typing import Any

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role, has_role
from tidegate.catalogue.model import VersionRecord
from tidegate.commons.custody.model import Act
from tidegate.commons.custody.rules import next_for, since
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.progress.model import Standing, Trouble
from tidegate.connector.progress.rules import may_take
from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.web.kit import Ask, page
from tidegate.web.names import names_of, provider_of, title_of
from tidegate.web.pages.applications import titles_of, waiting_for
from tidegate.web.pages.approving import may_answer, questions_for
from tidegate.web.pages.progress import HELPERS
from tidegate.web.proposals import Proposal, proposal_of


@dataclass(frozen=True, slots=True)
class Waiting:
    """A negotiation that asks for a decision."""

    negotiation: Negotiation
    title: object
    proposal: Proposal
    may_counter: bool


@dataclass(frozen=True, slots=True)
class WaitingVersion:
    """A version of this node's that waits for an act of the reader."""

    version: VersionRecord
    title: Multilingual | None
    act: Act
    since: str


def show_inbox(ask: Ask) -> Response:
    """Show what waits for a person, and what is stuck."""
    check_has_role(ask.actor, *HELPERS)
    found = ask.house.negotiation.list_negotiations(waiting="person")
    applications = waiting_for(ask)
    return ask.page(
        "inbox.html",
        waiting=tuple(_waiting(ask, one) for one in sorted(found, key=lambda one: one.changed_at)),
        stuck=_stuck(ask),
        rows_questions=questions_for(ask),
        may_answer_rows=may_answer(ask),
        applications=sorted(applications, key=lambda one: one.submitted_at),
        application_titles=titles_of(ask, list(applications)),
        versions=_versions(ask),
        people=names_of(ask),
        **_elsewhere(ask),
    )


def _stuck(ask: Ask) -> tuple[Standing, ...]:
    """Return what is stuck and waits for nobody who is asked on this page."""
    return tuple(
        one
        for one in ask.house.progress.list_stuck()
        if not one.process.waiting and one.obstacles[0].trouble is not Trouble.APPROVAL
    )


def _waiting(ask: Ask, one: Negotiation) -> Waiting:
    step = "offer" if one.side.value == "provider" else "request"
    return Waiting(
        one,
        title_of(ask, one.dataset_id, provider_of(ask, one)),
        proposal_of(ask, one),
        may_take(one, step),
    )


def _versions(ask: Ask) -> tuple[WaitingVersion, ...]:
    """Return the versions that wait for an act of this person."""
    found = []
    for one in ask.house.holdings.list_waiting(by=ask.actor):
        act = next_for(ask.actor, one)
        if act is not None:
            version = ask.house.catalogue.get_version(one.holding.version_id)
            title = title_of(ask, version.dataset_id, ask.web.settings.node_did)
            found.append(WaitingVersion(version, title, act, since(act, one)))
    return tuple(found)


def _elsewhere(ask: Ask) -> dict[str, Any]:
    """Count what waits on other pages for the roles the person holds."""
    house, actor = ask.house, ask.actor
    is_checker, is_operator = has_role(actor, Role.CHECKER), has_role(actor, Role.OPERATOR)
    return {
        "to_check": len(house.releases.list_waiting(by=actor)) if is_checker else 0,
        "parked": len(house.work.list_parked(by=actor)) if is_operator else 0,
    }


PAGES = (page("/inbox", show_inbox),)

"""The other nodes, and the examination of one: why it can or cannot be reached and trusted."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.connector.checkup.model import Checkup
from tidegate.web.kit import Ask, action, page
from tidegate.web.names import names_of

MOST_REFUSALS = 20


def show_peers(ask: Ask) -> Response:
    """List the other members, with a button to examine each, and a field for any DID."""
    return _page(ask, "")


def show_peer(ask: Ask) -> Response:
    """Show one peer before it is examined; looking calls nobody."""
    return _page(ask, ask.path["did"])


def examine(ask: Ask) -> Response:
    """Examine a peer and show what every step found."""
    did = ask.form.required("did")
    return _page(ask, did, ask.house.checkup.examine(did, by=ask.actor))


def _page(ask: Ask, did: str, checkup: Checkup | None = None) -> Response:
    check_has_role(ask.actor, Role.OPERATOR, Role.AUDITOR)
    harvests = {one.did: one for one in ask.house.harvest.list_reports()}
    stuck = [one.process.peer_did for one in ask.house.progress.list_stuck()]
    own = ask.web.settings.node_did
    return ask.page(
        "peers.html",
        did=did,
        checkup=checkup,
        members=[one for one in ask.house.space.list_members() if one.did != own],
        harvests=harvests,
        refusals=ask.house.identity.refusals.list_all(did)[:MOST_REFUSALS],
        stuck={each: stuck.count(each) for each in stuck},
        people=names_of(ask),
    )


PAGES = (
    page("/peers", show_peers),
    page("/peers/{did}", show_peer),
    action("/peers/examine", examine),
)

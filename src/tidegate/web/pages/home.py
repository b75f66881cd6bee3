"""Home: what waits for this person, by the roles they hold."""

from collections.abc import Iterator

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import has_role
from tidegate.kernel.values import dataclass
from tidegate.policy.model import AgreementState
from tidegate.web.kit import Ask, page
from tidegate.web.pages.applications import waiting_for


@dataclass(frozen=True, slots=True)
class Tile:
    """One thing that may wait: how many, and where to go."""

    name: str
    count: int
    path: str


def show_home(ask: Ask) -> Response:
    """Show what waits for the person, or the door to sign in."""
    if not ask.visitor.is_signed_in:
        return ask.page("sign_in.html", next="/", problem=None)
    evidence = ask.house.evidence
    return ask.page(
        "home.html",
        tiles=tuple(_tiles(ask)),
        space=ask.house.space.find_space(),
        members=ask.house.space.list_members(),
        checkpoint=evidence.latest_checkpoint(),
        participant=ask.house.participant,
    )


def _tiles(ask: Ask) -> Iterator[Tile]:
    house, actor = ask.house, ask.actor
    if has_role(actor, Role.COMMITTEE):
        yield Tile("to_decide", len(waiting_for(ask)), "/applications")
    if has_role(actor, Role.CHECKER):
        yield Tile("to_check", len(house.releases.list_waiting(by=actor)), "/checking")
    if has_role(actor, Role.STEWARD):
        yield Tile("to_prepare", _unfinished(ask), "/datasets")
    if has_role(actor, Role.STEWARD, Role.LEGAL):
        yield Tile("to_negotiate", house.negotiation.count_waiting(), "/inbox")
        stuck = [one for one in house.progress.list_stuck() if not one.process.waiting]
        yield Tile("stuck", len(stuck), "/inbox")
    if has_role(actor, Role.LEGAL):
        yield Tile("rows_to_approve", len(house.approvals.list_waiting()), "/inbox")
    if has_role(actor, Role.OPERATOR):
        yield Tile("parked", len(house.work.list_parked(by=actor)), "/operation")
    if has_role(actor, Role.RESEARCHER):
        yield Tile("my_queries", len(house.queries.list_mine(by=actor)), "/queries")
    active = [one for one in house.policy.list_agreements() if one.state is AgreementState.ACTIVE]
    yield Tile("agreements", len(active), "/agreements")


def _unfinished(ask: Ask) -> int:
    """Count versions on their way to being stored."""
    catalogue = ask.house.catalogue
    stages = [
        versions[-1].stage
        for dataset in catalogue.list_datasets()
        if (versions := catalogue.list_versions(dataset.id))
    ]
    return sum(stage in {"acquired", "classified", "deidentified"} for stage in stages)


PAGES = (page("/", show_home, public=True),)

"""The doors of the space: for nodes that join and follow it, and for its operators."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.access.model import Role, Seat
from tidegate.access.rules import check_has_role
from tidegate.api.dcp import authorization_of, machine_route
from tidegate.api.kit import Call, Operation, json_response
from tidegate.connector.identity.joining.service import SpaceStatus
from tidegate.house import House
from tidegate.kernel.canonical import Json
from tidegate.kernel.values import dataclass
from tidegate.partners.model import Member, SpaceProfile, Standing
from tidegate.policy.rulepack.service import shipped_hashes


@dataclass(frozen=True, slots=True)
class CreateSpace:
    """Found a space on this node."""

    name: str
    profile: SpaceProfile
    rule_book: str = ""
    rule_packs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpaceFileContent:
    """The content of `space.json`."""

    file: dict[str, Json]


@dataclass(frozen=True, slots=True)
class Invite:
    """Invite an institution whose seat the authority has verified."""

    name: str
    seat: Seat
    standing: Standing | None = None


@dataclass(frozen=True, slots=True)
class Invited:
    """The one-time code; it is shown once and never again."""

    name: str
    seat: Seat
    code: str


@dataclass(frozen=True, slots=True)
class Join:
    """Join the space of a `space.json` with an invitation code."""

    file: dict[str, Json]
    code: str


@dataclass(frozen=True, slots=True)
class Revoke:
    """Revoke a membership for a reason."""

    did: str
    reason: str


def get_status(call: Call[None]) -> SpaceStatus:
    """Say where the node stands."""
    check_has_role(call.actor, *Role)
    return call.house.joining.status()


def create(call: Call[CreateSpace]) -> SpaceFileContent:
    """Found a space."""
    return SpaceFileContent(
        call.house.joining.create_space(
            call.body.name,
            call.body.profile,
            by=call.actor,
            rule_book=call.body.rule_book,
            rule_packs=call.body.rule_packs or shipped_hashes(),
        )
    )


def invite(call: Call[Invite]) -> Invited:
    """Invite an institution."""
    body = call.body
    code = call.house.joining.invite(body.name, body.seat, by=call.actor, standing=body.standing)
    return Invited(body.name, body.seat, code)


def join(call: Call[Join]) -> SpaceStatus:
    """Join a space."""
    return call.house.joining.join(call.body.file, call.body.code, by=call.actor)


def list_members(call: Call[None]) -> tuple[Member, ...]:
    """List the members there are or were."""
    check_has_role(call.actor, *Role)
    return call.house.joining.status().members


def revoke(call: Call[Revoke]) -> Member:
    """Revoke a membership."""
    return call.house.joining.revoke(call.body.did, call.body.reason, by=call.actor)


OPERATIONS: tuple[Operation, ...] = (
    Operation("GET", "/space", get_status, gives=SpaceStatus, summary="Say where the node stands"),
    Operation(
        "POST",
        "/space",
        create,
        takes=CreateSpace,
        gives=SpaceFileContent,
        summary="Found a space on this node",
    ),
    Operation(
        "POST",
        "/space/invitations",
        invite,
        takes=Invite,
        gives=Invited,
        summary="Invite an institution",
    ),
    Operation("POST", "/space/join", join, takes=Join, gives=SpaceStatus, summary="Join a space"),
    Operation(
        "GET",
        "/space/members",
        list_members,
        gives=tuple[Member, ...],
        summary="List the members of the space",
    ),
    Operation(
        "POST",
        "/space/revocations",
        revoke,
        takes=Revoke,
        gives=Member,
        summary="Revoke a membership",
    ),
)


def routes(house: House) -> list[Route]:
    """Return the routes for other nodes: joining, the member list, the trust file."""

    def admit(request: Request, body: object) -> Response:
        return json_response(house.joining.admit(authorization_of(request), body))

    def members(request: Request, _body: object) -> Response:
        return json_response(house.joining.answer_members(authorization_of(request)))

    def space_file(_request: Request, _body: object) -> Response:
        return json_response(house.joining.space_file())

    return [
        machine_route("/space/join", "POST", admit),
        machine_route("/space/members", "GET", members),
        machine_route("/space/space.json", "GET", space_file),
    ]

"""A node beside Eclipse EDC with iam-mock: `python -m tidegate_tck.edc`.

EDC's mock identity sends one JSON object with clientId, audience and region, raw in the
Authorization header, and believes any; the audience is the address the message is sent to. Nothing
of this is in the node itself: an EDC of a real dataspace speaks DCP, as any other member does.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidegate.access.model import Actor, Role, Seat, system_actor
from tidegate.catalogue.model import DatasetRecord, VersionRecord
from tidegate.connector.errors import PeerUnauthenticatedError, PeerUnreachableError
from tidegate.connector.identity.model import DidDocument, ServiceEntry
from tidegate.connector.messages.model import Side
from tidegate.connector.messages.wire import BASE_PATH
from tidegate.connector.model import Peer
from tidegate.connector.negotiation.model import Act, Reaction, Strategy
from tidegate.connector.negotiation.strategy import MANUAL, REFUSE
from tidegate.kernel.text import Multilingual
from tidegate.node.build import Node
from tidegate.node.fittings import Fittings
from tidegate.node.server import serve_fitted
from tidegate.partners.model import Member, MemberRole, MemberState
from tidegate.policy.model import Policy, Rule
from tidegate.policy.service import research_policy
from tidegate_tck.cohort import store_cohort
from tidegate_tck.home import make_home
from tidegate_tck.model import Place, Profile
from tidegate_tck.still import OpenCrossing
from tidegate_tck.stranger import NoLaw

PEERS_FILE = "edc-peers.json"
TOKEN_FILE = "edc-token"  # noqa: S105 - the name of a file
FORMATS = ("HttpData-PULL", "HttpData-PUSH")
STEWARD = Actor("person:edc", "The steward beside EDC", frozenset({Role.STEWARD, Role.OPERATOR}))
SYSTEM = system_actor("edc")
PEOPLE = frozenset({Role.STEWARD, Role.OPERATOR, Role.RESEARCHER, Role.LEGAL})
FREE = Policy(permissions=(Rule("use"),))
RESEARCH = research_policy(
    purposes=("DUO:0000007",),
    until="2099-01-01T00:00:00Z",
    max_uses=100,
    compute="",
    minimum_cell=0,
)
AGREE = Strategy(
    "agree",
    (
        Reaction(Side.PROVIDER, "REQUESTED", Act.AGREE),
        Reaction(Side.PROVIDER, "ACCEPTED", Act.AGREE),
        Reaction(Side.PROVIDER, "VERIFIED", Act.FINALIZE),
    ),
)
DATASETS: Mapping[str, tuple[Policy, Strategy]] = {
    "open": (FREE, AGREE),
    "research": (RESEARCH, AGREE),
    "refused": (FREE, REFUSE),
    "manual": (FREE, MANUAL),
}


class Trouble:
    """So many messages meet a node that cannot tell just now who speaks."""

    def __init__(self) -> None:
        self.left = 0

    def meet(self) -> None:
        """Raise PeerUnreachableError while trouble is left."""
        if self.left > 0:
            self.left -= 1
            raise PeerUnreachableError("The peer's DID document cannot be fetched now.")


@dataclass(frozen=True, slots=True)
class MockIdentity:
    """Speaks iam-mock with the participants of the peers file; all else is the node's own."""

    own: Any
    did: str
    address: str
    peers_file: Path
    trouble: "Trouble"

    def __getattr__(self, name: str) -> Any:
        """Return what the node's own identity room has."""
        return getattr(self.own, name)

    def peers(self) -> Mapping[str, str]:
        """Return where each participant's Dataspace Protocol is served, by its name."""
        if not self.peers_file.exists():
            return {}
        return dict(json.loads(self.peers_file.read_text(encoding="utf-8")))

    def authenticate(self, authorization: str | None) -> Peer:
        """Return the participant a mock token names; raise PeerUnauthenticatedError."""
        self.trouble.meet()
        if not (authorization or "").startswith("{"):
            return cast(Peer, self.own.authenticate(authorization))
        try:
            said = json.loads(authorization or "")
            name, audience = said["clientId"], said["audience"]
        except (ValueError, KeyError, TypeError):
            raise PeerUnauthenticatedError("The token cannot be read.") from None
        if audience not in {self.did, self.address} or name not in self.peers():
            raise PeerUnauthenticatedError("The token is for another node, or from nobody known.")
        return Peer(name, name, Seat.HK, "participant", ())

    def token_for(self, audience: str) -> str:
        """Return a mock token for a participant of the file."""
        if audience not in self.peers():
            return str(self.own.token_for(audience))
        return json.dumps({"region": "any", "audience": audience, "clientId": self.did})

    def endpoint_of(self, did: str, service_type: str) -> str:
        """Return where a participant's Dataspace Protocol is served."""
        known = self.peers().get(did)
        if known is None and not did.startswith("did:"):
            raise PeerUnreachableError(f"No address of {did} is known.")
        return known or self.own.endpoint_of(did, service_type)

    def resolve_did(self, did: str) -> DidDocument:
        """Return a DID document that names the participant's address."""
        known = self.peers().get(did)
        if known is None:
            return cast(DidDocument, self.own.resolve_did(did))
        return DidDocument(did, (), services=(ServiceEntry("#dsp", "DataService", known),))


def profile(place: Place, home: Path, more: int = 0) -> Profile:
    """Return the profile; `more` is how many datasets there are beyond those of the matrix."""
    trouble = Trouble()
    return Profile(
        settings={},
        fittings=Fittings(
            identity=lambda own: MockIdentity(
                own, place.node_did, place.node + BASE_PATH, home / PEERS_FILE, trouble
            ),
            assessment=NoLaw,
            crossing=OpenCrossing,
            routes=lambda node: _routes(node, trouble),
        ),
        seed=lambda node: _seed(node, home, more),
    )


def _seed(node: Node, home: Path, more: int) -> None:
    access = node.house.access
    person = access.add_person("Operator beside EDC", "edc@localhost", PEOPLE, by=STEWARD)
    token = home / TOKEN_FILE
    token.touch(mode=0o600)
    token.write_text(access.issue_token(person.id, by=STEWARD), encoding="utf-8")
    for name, (policy, strategy) in DATASETS.items():
        offer = _offer(node, name, policy, with_rows=name == "open")
        node.house.negotiation.set_strategy(offer, strategy, by=STEWARD)
    for number in range(more):
        _offer(node, f"cohort-{number:05}", RESEARCH)


def _offer(node: Node, name: str, policy: Policy, *, with_rows: bool = False) -> str:
    """Enter a dataset, with rows in the vault or without, and offer it."""
    catalogue, version = node.house.catalogue, f"ver-{name}"
    with node.journal.write(by=STEWARD.id, did="dataset.described", to=f"dataset:{name}") as tx:
        catalogue.register_dataset(
            tx,
            DatasetRecord(
                id=name,
                title=Multilingual(f"Liver cohort {name}", f"肝臟隊列 {name}", f"肝脏队列 {name}"),
                description=Multilingual("A dataset that is offered to an EDC."),
                keywords=(Multilingual("liver", "肝臟", "肝脏"),),
                theme="HEAL",
                publisher=node.house.participant,
                created_at=tx.at,
            ),
        )
        if not with_rows:
            catalogue.register_version(
                tx, VersionRecord(version, name, 1, "stored", tx.at, rows_accepted=17)
            )
    if with_rows:
        version = store_cohort(node, name)
    return catalogue.publish_offer(version, policy, FORMATS, by=STEWARD).id


def _routes(node: Node, trouble: Trouble) -> Sequence[BaseRoute]:
    async def make_trouble(request: Request) -> Response:
        trouble.left = int(request.path_params["messages"])
        return JSONResponse({})

    async def inquire(_request: Request) -> Response:
        ended = await run_in_threadpool(node.house.progress.inquire, 0.0)
        return JSONResponse({"ended": ended})

    def ask_for_rows(agreement: str, name: str) -> dict[str, Any]:
        return {"pid": node.house.transfer.request_rows(agreement, name, by=SYSTEM).pid}

    async def request_rows(request: Request) -> Response:
        named = request.query_params
        return JSONResponse(
            await run_in_threadpool(ask_for_rows, named["agreement"], named["format"])
        )

    def moved(pid: str) -> dict[str, Any]:
        found = node.house.dataplane.progress(pid)
        if found is None:
            return {"moved": -1, "sha256": ""}
        return {"moved": found.moved, "sha256": found.sha256, "state": found.state.value}

    async def progress(request: Request) -> Response:
        return JSONResponse(await run_in_threadpool(moved, request.path_params["pid"]))

    return [
        Route("/edc/rows", request_rows, methods=["POST"]),
        Route("/edc/progress/{pid}", progress, methods=["POST"]),
        Route("/edc/harvests/{name}", _harvest(node), methods=["POST"]),
        Route("/edc/trouble/{messages}", make_trouble, methods=["POST"]),
        Route("/edc/inquiries", inquire, methods=["POST"]),
    ]


def _harvest(node: Node) -> Any:
    """Return the door by which the node reads the catalogue of a participant of no space."""

    async def answer(request: Request) -> Response:
        name = request.path_params["name"]
        member = Member(name, name, Seat.HK, MemberRole.PARTICIPANT, "", "", MemberState.ACTIVE)
        report = await run_in_threadpool(node.house.harvest.harvest_member, member, by=STEWARD)
        return JSONResponse(
            {
                "state": report.state,
                "datasets": report.datasets,
                "unreadable": report.unreadable,
                "reason": report.reason,
            }
        )

    return answer


def main() -> None:
    """Make the home where there is none yet, and serve it until SIGTERM."""
    reader = argparse.ArgumentParser(prog="python -m tidegate_tck.edc", description=__doc__)
    reader.add_argument("--home", type=Path, required=True)
    reader.add_argument("--port", type=int, required=True, help="where the node listens")
    reader.add_argument("--more", type=int, default=0, help="further datasets to offer")
    said = reader.parse_args()
    home = said.home.resolve()
    place = Place(f"http://localhost:{said.port}", "")
    made = profile(place, home, said.more)
    if not (home / TOKEN_FILE).exists():
        make_home(home, place, made)
    serve_fitted(home, made.fittings)


if __name__ == "__main__":
    main()

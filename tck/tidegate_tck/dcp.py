"""The three profiles of the DCP kit: credential service, issuer, verifier.

The kit plays every role but the one under test, under DIDs of its own host. What it needs is data
entered through the rooms' services: a space whose authority is the kit's issuer, a request for
credentials that is waiting, a client of the token service, a member. Two things are the kit's own
and stand here as doors before the node's:

- `/dcp/holder/offers`: the kit offers ids that no metadata has and expects success; the node looks
  every offered id up and refuses unknown ones (DCP 1.0.1 §6.6.1).
- `/tck/verify`: the door that makes the node ask a caller for its credentials, which in the product
  every door of the Dataspace Protocol is. The kit's credentials say nothing of name, role or seat.

Nothing runs by itself: a node that looks for the kit while that is starting finds a host without
its DID documents, and remembers so for ten seconds, in which the kit's tests come.
"""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from tidegate.access.model import Actor, Role, Seat
from tidegate.api.dcp import authorization_of, machine_route, peer_problem
from tidegate.connector.identity.model import MEMBERSHIP, SCOPE_PREFIX
from tidegate.connector.identity.wallet import store as wallet_store
from tidegate.house import House
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.ids import RandomIds
from tidegate.node.build import Node
from tidegate.node.fittings import Fittings
from tidegate.partners.model import SpaceProfile
from tidegate.settings import NodeRole
from tidegate.work.model import Periodic
from tidegate_tck.model import Place, Profile, common_settings

OPERATOR = Actor("person:kit", "The kit's operator", frozenset({Role.OPERATOR}))
SCOPE = (f"{SCOPE_PREFIX}{MEMBERSHIP}:read",)


def credential_service(place: Place) -> Profile:
    """Return the profile of the run against the node as holder."""
    pid = RandomIds().urn()
    settings = common_settings(place) | {
        "dataspacetck.did.holder": place.node_did,
        "dataspacetck.sts.url": f"{place.node}/dcp/sts",
        "dataspacetck.credentials.correlation.id": pid,
    }

    def seed(node: Node) -> None:
        _trust(node, place)
        _ask(node, place, pid)
        client, secret = node.house.sts.add_client("The kit", (), by=OPERATOR)
        settings["dataspacetck.sts.client.id"] = client.id
        settings["dataspacetck.sts.client.secret"] = secret

    fittings = Fittings(routes=_holder_routes, periodics=_none)
    return Profile(settings=settings, seed=seed, fittings=fittings)


def issuer(place: Place) -> Profile:
    """Return the profile of the run against the node as the space's authority."""
    settings = common_settings(place) | {"dataspacetck.did.issuer": place.node_did}

    def seed(node: Node) -> None:
        house = node.house
        house.joining.create_space("Space of the kit", SpaceProfile.LOOPBACK, by=OPERATOR)
        code = house.joining.invite("The kit's holder", Seat.HK, by=OPERATOR)
        key = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
        house.space.admit(
            code,
            did=_kit(place, "holder"),
            name="The kit's holder",
            seat=Seat.HK,
            evidence_public=base64.urlsafe_b64encode(key).rstrip(b"=").decode(),
        )

    return Profile(
        settings=settings,
        seed=seed,
        role=NodeRole.AUTHORITY,
        fittings=Fittings(periodics=_none),
    )


def verifier(place: Place) -> Profile:
    """Return the profile of the run against the node as the one who asks for credentials."""
    settings = common_settings(place) | {
        "dataspacetck.did.verifier": place.node_did,
        "dataspacetck.vpp.trigger.endpoint": f"{place.node}/tck/verify",
    }
    return Profile(
        settings=settings,
        seed=lambda node: _trust(node, place),
        fittings=Fittings(routes=_verifier_routes, periodics=_none),
    )


def _none(_own: tuple[Periodic, ...]) -> tuple[Periodic, ...]:
    return ()


def _kit(place: Place, role: str) -> str:
    return f"{place.kit_did}:{role}"


def _trust(node: Node, place: Place) -> None:
    """Let the node belong to a space whose authority is the kit's issuer."""
    document: Mapping[str, object] = {
        "space": "space_of_the_kit",
        "name": "Space of the kit",
        "profile": "loopback",
        "authority": _kit(place, "issuer"),
        "keys": {},  # the kit makes new keys at every start, so none is pinned
        "created_at": "2026-01-01T00:00:00.000Z",
    }
    node.house.space.remember_space(document, by=OPERATOR)


def _ask(node: Node, place: Place, pid: str) -> None:
    """Let a request for credentials be waiting for its answer."""
    issuer_did = _kit(place, "issuer")
    with node.journal.write(
        by=OPERATOR.id,
        did="credential.requested",
        to=f"node:{place.node_did}",
        why={"issuer": issuer_did},
    ) as tx:
        wallet_store.add_ask(tx.connection, pid, issuer_did, tx.at)


def _holder_routes(node: Node) -> Sequence[BaseRoute]:
    def offer(request: Request, body: object) -> Response:
        node.house.wallet.check_offer(authorization_of(request), body)
        return Response(status_code=200)

    return [machine_route("/dcp/holder/offers", "POST", offer)]


def _verifier_routes(node: Node) -> Sequence[BaseRoute]:
    return [Route("/tck/verify", _asked(node.house), methods=["POST"])]


def _asked(house: House) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        try:
            await run_in_threadpool(
                lambda: house.identity.show(authorization_of(request), scope=SCOPE)
            )
        except TidegateError as problem:
            return peer_problem(problem)
        return Response(status_code=200)

    return answer

"""The profile of the DSP kit: both roles of the Dataspace Protocol 2025-1."""

import json
from collections.abc import Awaitable, Callable, Sequence

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from tidegate.access.model import Actor, Role, system_actor
from tidegate.catalogue.model import DatasetRecord, VersionRecord
from tidegate.connector.messages.model import Side, subject_of
from tidegate.house import House
from tidegate.kernel.ids import RandomIds
from tidegate.kernel.text import Multilingual
from tidegate.node.build import Node
from tidegate.node.fittings import Fittings
from tidegate.policy.model import Agreement, Policy, Rule
from tidegate_tck.dsp_scenarios import (
    CATALOGUE,
    CONSUMER,
    FORMAT,
    PAUSE_MS,
    PROVIDER,
    TRANSFER_CONSUMER,
    TRANSFER_PROVIDER,
    USE,
    agreement_of,
    dataset_of,
    offer_of,
    script_of,
    settings,
    strategy_of,
)
from tidegate_tck.model import Place, Profile, common_settings
from tidegate_tck.still import OpenCrossing, StillPlane
from tidegate_tck.stranger import TOKEN, AnyTokenIsTheKit, NoLaw

KIT = "TCK_PARTICIPANT"
Endpoint = Callable[[Request], Awaitable[Response]]
STEWARD = Actor("person:kit", "The kit's steward", frozenset({Role.STEWARD, Role.OPERATOR}))
FREE = Policy(permissions=(Rule("use"),))


class OfferNames(RandomIds):
    """Ids where the next offer's is given: the kit reads the dataset out of it."""

    def __init__(self) -> None:
        self.next_offer = ""

    def new(self, prefix: str) -> str:
        """Return a new id, or the name given for the next offer."""
        return self.next_offer if prefix == "offer" else super().new(prefix)


def profile(place: Place, *, pause_ms: int = PAUSE_MS) -> Profile:
    """Return the profile: the kit is the participant TCK_PARTICIPANT, whatever token it shows.

    `pause_ms` is how long the node waits before each step it takes by itself.
    """
    names = OfferNames()
    return Profile(
        settings=common_settings(place) | _connector(place) | settings(),
        fittings=Fittings(
            identity=lambda own: AnyTokenIsTheKit(own, KIT, place.kit),
            assessment=NoLaw,
            crossing=OpenCrossing,
            planes=lambda _own: (StillPlane(),),
            routes=_routes,
        ),
        seed=lambda node: _seed(node, names, pause_ms),
        ids=names,
    )


def _connector(place: Place) -> dict[str, str]:
    under_test = "dataspacetck.dsp.connector"
    return {
        "dataspacetck.dsp.local.connector": "false",
        "dataspacetck.dsp.default.wait": "10",
        f"{under_test}.agent.id": place.node_did,
        f"{under_test}.http.url": f"{place.node}/dsp/2025-1",
        f"{under_test}.http.base.url": place.node,
        f"{under_test}.http.headers.authorization": TOKEN,
        f"{under_test}.negotiation.initiate.url": f"{place.node}/tck/negotiations/requests",
        f"{under_test}.transfer.initiate.url": f"{place.node}/tck/transfers/requests",
    }


def _seed(node: Node, names: OfferNames, pause_ms: int) -> None:
    for dataset_id in (*map(dataset_of, PROVIDER), *CATALOGUE.values()):
        _offer(node, names, dataset_id)
    service = node.house.negotiation
    for test, steps in PROVIDER.items():
        strategy = strategy_of(test, Side.PROVIDER, steps, pause_ms)
        service.set_strategy(offer_of(dataset_of(test)), strategy, by=STEWARD)
    for test, steps in CONSUMER.items():
        strategy = strategy_of(test, Side.CONSUMER, steps, pause_ms)
        service.set_strategy(subject_of(KIT, dataset_of(test)), strategy, by=STEWARD)
    for side, scripts in (
        (Side.PROVIDER, TRANSFER_PROVIDER),
        (Side.CONSUMER, TRANSFER_CONSUMER),
    ):
        for test, script in scripts.items():
            _agree(node, agreement_of(test), side)
            node.house.transfer.set_script(
                agreement_of(test), script_of(test, script, pause_ms), by=STEWARD
            )


def _agree(node: Node, agreement_id: str, side: Side) -> None:
    """Have an agreement with the kit, as if it had been negotiated."""
    us = node.house.participant.did
    assigner, assignee = (us, KIT) if side is Side.PROVIDER else (KIT, us)
    dataset_id = next(iter(CATALOGUE.values()))
    with node.journal.write(
        by=STEWARD.id, did="agreement.signed", to=f"agreement:{agreement_id}"
    ) as tx:
        node.house.policy.record_agreement(
            tx,
            Agreement(
                id=agreement_id,
                role=side.value,
                dataset_id=dataset_id,
                version_id=_version_of(dataset_id),
                assigner=assigner,
                assignee=assignee,
                policy=FREE,
                offer_id=offer_of(dataset_id),
                signed_at=tx.at,
            ),
        )


def _version_of(dataset_id: str) -> str:
    return f"ver_{dataset_id}"


def _offer(node: Node, names: OfferNames, dataset_id: str) -> None:
    """Enter a dataset with one stored version and offer it for any use."""
    catalogue, version_id = node.house.catalogue, _version_of(dataset_id)
    with node.journal.write(
        by=STEWARD.id, did="dataset.described", to=f"dataset:{dataset_id}"
    ) as tx:
        catalogue.register_dataset(
            tx,
            DatasetRecord(
                id=dataset_id,
                title=Multilingual(f"Dataset {dataset_id}"),
                description=Multilingual("A dataset that a conformance test speaks about."),
                keywords=(),
                theme="HEAL",
                publisher=node.house.participant,
                created_at=tx.at,
            ),
        )
        catalogue.register_version(tx, VersionRecord(version_id, dataset_id, 1, "stored", tx.at))
    names.next_offer = offer_of(dataset_id)
    catalogue.publish_offer(version_id, FREE, (FORMAT,), by=STEWARD)


def _routes(node: Node) -> Sequence[BaseRoute]:
    return [
        Route("/tck/negotiations/requests", _negotiate(node.house), methods=["POST"]),
        Route("/tck/transfers/requests", _transfer(node.house), methods=["POST"]),
    ]


def _negotiate(house: House) -> Endpoint:
    """Return the door by which the kit has the node, as consumer, ask for a contract."""

    async def ask(request: Request) -> Response:
        said = json.loads(await request.body())
        offer = {"@type": "Offer", "@id": said["offerId"], "target": said["datasetId"], **USE}
        one = await run_in_threadpool(
            house.negotiation.request_terms,
            said["providerId"],
            offer,
            by=STEWARD,
            address=said["connectorAddress"],
        )
        return JSONResponse({"pid": one.pid})

    return ask


def _transfer(house: House) -> Endpoint:
    """Return the door by which the kit has the node, as consumer, ask for a transfer."""

    async def ask(request: Request) -> Response:
        said = json.loads(await request.body())
        one = await run_in_threadpool(
            house.transfer.request_rows,
            said["agreementId"],
            said["format"],
            by=system_actor("kit"),
            address=said["connectorAddress"],
        )
        return JSONResponse({"pid": one.pid})

    return ask

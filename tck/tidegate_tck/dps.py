"""The profile of the DPS kit: this node as control plane and as data plane.

Everything the kit does differently from Data Plane Signaling 1.0-RC3 and the Dataspace Protocol is
forgiven here and nowhere else: see `Manners` below, `dps_wire` and the doors.
"""

from collections.abc import Mapping, MutableMapping, Sequence

from starlette.routing import BaseRoute

from tidegate.access.model import Actor, Role, system_actor
from tidegate.catalogue.model import DatasetRecord, VersionRecord
from tidegate.connector.signaling.model import (
    PROFILE_PULL,
    PROFILE_PUSH,
    Asked,
    Manners,
    PlaneKind,
)
from tidegate.kernel.text import Multilingual
from tidegate.node.build import Node
from tidegate.node.fittings import Fittings
from tidegate.policy.model import Agreement, Policy, Rule
from tidegate_tck.dps_doors import doors
from tidegate_tck.dps_plane import ASYNC, COMPLETE, KitPlanes
from tidegate_tck.dps_wire import ForgivingWire, NamedClients
from tidegate_tck.model import Place, Profile, common_settings
from tidegate_tck.still import OpenCrossing, OpenHosting
from tidegate_tck.stranger import NoLaw

DATASET, VERSION = "DPS0101", "ver_dps"
AS_CONSUMER, AS_PROVIDER = "ADPS0101", "ADPS0201"
PROVIDER, CONSUMER = "providerId", "consumerId"
KIT = "kit"
OPERATOR = Actor("person:kit", "The kit's operator", frozenset({Role.STEWARD, Role.OPERATOR}))
OFFICER = Actor("person:law", "The kit's legal officer", frozenset({Role.LEGAL}))
FREE = Policy(permissions=(Rule("use"),))

CONTROL_TESTS = ("01_01", "01_02", "02_01", "02_02", "03_01")
DATA_TESTS = {
    "DP_C_PULL": ("01_01", "01_02", "02_01", "02_02", "03_01", "04_01"),
    "DP_P_PULL": ("01_01", "01_02", "02_01", "02_02", "04_01"),
    "DP_C_PUSH": ("01_01", "01_02", "02_01", "02_02", "03_01", "04_01"),
    "DP_P_PUSH": ("01_01", "01_02", "02_01", "02_02", "03_01", "04_01"),
    "DP_C_HTTP_PULL": ("01_01", "02_01"),
    "DP_P_HTTP_PULL": ("01_01", "02_01", "02_02"),
}
SELF_COMPLETING = ("DP_C_PULL_03_01", "DP_P_PUSH_03_01")


FORGIVING = Manners(
    forgives_omissions=True,
    needs_renewal=True,
    aliases={"http-pull": PROFILE_PULL, "http-push": PROFILE_PUSH},
)


def profile(
    place: Place, manners: Manners = FORGIVING, *, moves: bool = False, judged: bool = False
) -> Profile:
    """Return the profile: the kit plays data plane, control plane and peer on one address.

    `moves` leaves the bytes to the node's own plane; the kit itself never looks at one. `judged`
    leaves its flows to the node's own judgement, which lets none of them through.
    """
    planes = KitPlanes(place.node)
    tokens: dict[str, str] = {}
    told = common_settings(place) | _under_test(place) | _tests()
    return Profile(
        settings=told,
        fittings=Fittings(
            identity=lambda own: NamedClients(own, place.kit),
            assessment=NoLaw,
            crossing=OpenCrossing,
            planes=(lambda own: own) if moves else planes.around,
            manners=lambda _own: manners,
            hosting=lambda own: own if judged else OpenHosting(VERSION),
            wire=ForgivingWire,
            routes=lambda node: _open(node, planes, tokens),
        ),
        seed=lambda node: _seed(node, place, told, tokens),
    )


def _open(node: Node, planes: KitPlanes, tokens: Mapping[str, str]) -> Sequence[BaseRoute]:
    planes.join(node.house.signaling)
    return doors(node, tokens)


def _under_test(place: Place) -> dict[str, str]:
    dps = "dataspacetck.dps"
    return {
        f"{dps}.local.connector": "false",
        f"{dps}.default.wait": "7",
        f"{dps}.controlplane.webhook.url": f"{place.node}/tck",
        f"{dps}.controlplane.protocol.url": f"{place.node}/dsp/2025-1",
        f"{dps}.controlplane.signaling.url": f"{place.node}/tck/signaling",
        f"{dps}.dataplane.url": f"{place.node}/dps/v1",
        f"{dps}.dataplane.provider.id": place.node_did,
        f"{dps}.dataplane.counterparty.id": place.kit_did,
    }


def _tests() -> dict[str, str]:
    """Return which agreement and dataset the kit names in which test."""
    told: dict[str, str] = {}
    for test in CONTROL_TESTS:
        told[f"CP_C_{test}_AGREEMENTID"] = AS_CONSUMER
        told[f"CP_C_{test}_DATASETID"] = DATASET
        told[f"CP_P_{test}_AGREEMENTID"] = AS_PROVIDER
    for group, tests in DATA_TESTS.items():
        for test in tests:
            told[f"{group}_{test}_DATASETID"] = DATASET
            told[f"{group}_{test}_AGREEMENTID"] = ASYNC if test == "04_01" else "agreement"
    told |= {f"{test}_AGREEMENTID": COMPLETE for test in SELF_COMPLETING}
    return told


def _seed(
    node: Node, place: Place, told: MutableMapping[str, str], tokens: MutableMapping[str, str]
) -> None:
    _dataset(node)
    _agreement(node, AS_CONSUMER, PROVIDER, place.node_did, "consumer")
    _agreement(node, AS_PROVIDER, place.node_did, CONSUMER, "provider")
    signaling = node.house.signaling
    data = signaling.register(
        Asked(PlaneKind.DATA, KIT, place.kit, "bearer", KIT, profiles=(PROFILE_PULL,)),
        by=OPERATOR,
    )
    tokens["data"] = data.token
    done = signaling.register(
        Asked(PlaneKind.CONTROL, KIT, place.kit, "bearer", KIT, datasets=(DATASET,)), by=OPERATOR
    )
    signaling.approve(KIT, "The kit moves no data.", by=OFFICER)
    told["dataspacetck.dps.dataplane.authorization"] = f"Bearer {done.token}"


def _dataset(node: Node) -> None:
    with node.journal.write(by=OPERATOR.id, did="dataset.described", to=f"dataset:{DATASET}") as tx:
        catalogue = node.house.catalogue
        catalogue.register_dataset(
            tx,
            DatasetRecord(
                id=DATASET,
                title=Multilingual("Dataset of the kit"),
                description=Multilingual("A dataset that a conformance test speaks about."),
                keywords=(),
                theme="HEAL",
                publisher=node.house.participant,
                created_at=tx.at,
            ),
        )
        catalogue.register_version(tx, VersionRecord(VERSION, DATASET, 1, "stored", tx.at))


def _agreement(node: Node, name: str, assigner: str, assignee: str, role: str) -> None:
    with node.journal.write(
        by=system_actor("kit").id, did="negotiation.finalized", to=f"agreement:{name}"
    ) as tx:
        node.house.policy.record_agreement(
            tx,
            Agreement(
                id=name,
                role=role,
                dataset_id=DATASET,
                version_id=VERSION,
                assigner=assigner,
                assignee=assignee,
                policy=FREE,
                offer_id="offer_dps",
                signed_at=tx.at,
            ),
        )

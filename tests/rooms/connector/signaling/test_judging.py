"""Flows of a control plane elsewhere are judged as transfers of our own, at every step."""

from dataclasses import replace

import pytest

from lib.dps_hosting import OFFICER, PEER, STEWARD, US, NoError
from tidegate.catalogue.model import OfferState
from tidegate.connector.approvals.errors import ApprovalPendingError
from tidegate.connector.dataplane.model import DataFlowState as S
from tidegate.connector.signaling import store
from tidegate.connector.signaling.errors import (
    DataFlowExistsError,
    DataFlowRefusedError,
    HostedWithheldError,
    RenewalRefusedError,
)
from tidegate.connector.signaling.model import PROFILE_PUSH, FlowRole
from tidegate.connector.signaling.sealing import secret_digest
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.policy.model import Agreement, AgreementState
from tidegate.policy.service import research_policy

WIDE = research_policy(purposes=("DUO:0000042",), compute="", minimum_cell=0, max_uses=999)


def refused(world, code, kind=TidegateError, **more):
    """Start a flow that must be refused with that code; nothing may have started."""
    with pytest.raises(kind) as caught:
        world.room.start(world.token, world.message(**more))
    assert caught.value.code == code
    assert not [one for one in world.plane.heard if one[0] in {"start", "started"}]
    return caught.value


def test_a_flow_starts_under_the_agreement_its_control_plane_signed(world):
    flow = world.starts()

    assert (flow.state, flow.version_id) == (S.STARTED, "ver_1")
    kept = world.policy.get_agreement("agr_1")
    assert (kept.assignee, kept.role, kept.offer_id) == (PEER, "provider", "offer_1")
    assert world.crossing.asked == [("out", "agr_1", flow.id, False)]
    assert world.crossing.counted == ["agr_1"]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2026-02-01T00:30:00Z", "2026-02-01T00:30:00Z"),
        ("2026-02-01T08:30:00.123456789+08:00", "2026-02-01T00:30:00.123Z"),
        ("2026-02-01T00:30:00." + "1" * 4_000 + "Z", "2026-02-01T00:30:00.111Z"),
    ],
)
def test_the_moment_a_control_plane_signed_is_kept_short_however_long_it_is_said(world, said, kept):
    world.signed("p1", timestamp=said)

    world.room.start(world.token, world.message())

    assert world.policy.get_agreement("agr_1").signed_at == kept


def test_the_first_reason_of_the_crossing_is_named_and_kept(world):
    world.crossing.no = "partnership_missing"
    world.signed("p1")

    refused(world, "partnership_missing")

    (flow,) = world.room.list_flows(by=STEWARD)
    assert (flow.state, flow.error) == (S.TERMINATED, "The crossing says no.")
    withheld = [why for did, why in world.events(f"dataflow:{flow.id}") if "withheld" in did]
    assert [one["reason"] for one in withheld] == ["partnership_missing"]
    assert world.crossing.counted == []


@pytest.mark.parametrize("seat", [None, "MARS"])
def test_who_is_no_active_member_gets_no_flow_and_no_call_leaves(world, seat):
    world.seats[PEER] = seat
    world.signed("p1")

    refused(world, "counterparty_not_member", HostedWithheldError)

    assert world.wire.calls == []
    assert world.room.list_flows(by=STEWARD) == ()


def test_an_agreement_that_nobody_shows_lets_nothing_out(world):
    refused(world, "agreement_unknown", HostedWithheldError)


def test_a_control_plane_that_cannot_answer_now_is_asked_again(world):
    world.signed("p1")
    world.wire.status = 503
    refused(world, "agreement_unavailable", UnavailableError)
    world.wire.status = 200

    assert world.room.start(world.token, world.message()).flow.state is S.STARTED


@pytest.mark.parametrize(
    ("code", "other"),
    [
        ("agreement_parties", {"assigner": "did:web:other"}),
        ("agreement_parties", {"assignee": "did:web:other"}),
        ("agreement_parties", {"target": "ds_2"}),
        ("agreement_parties", {"@id": "agr_2"}),
        ("policy_type", {"@type": "Offer"}),
        ("policy_shape", {"timestamp": 7}),
        ("timestamp", {"timestamp": "yesterday"}),
        ("terms_not_offered", WIDE.terms()),
    ],
)
def test_an_agreement_about_something_else_lets_nothing_out(world, code, other):
    world.signed("p1", **other)

    refused(world, code, HostedWithheldError)

    assert world.policy.find_agreement("agr_1") is None


@pytest.mark.parametrize(
    "other",
    [{"dataset_id": "ds_2"}, {"state": OfferState.WITHDRAWN}, {"policy": WIDE}],
)
def test_terms_that_this_node_does_not_offer_let_nothing_out(world, other):
    world.offers = [world.offer(**other)]
    world.signed("p1")

    refused(world, "terms_not_offered", HostedWithheldError)


def ours(world, **other):
    """Record an agreement that this node negotiated itself."""
    said = {
        "id": "agr_1", "role": "provider", "dataset_id": "ds_1", "version_id": "ver_1",
        "assigner": US, "assignee": PEER, "policy": WIDE, "offer_id": "offer_9",
        "signed_at": "2026-02-01T00:00:00.000Z",
    }  # fmt: skip
    with world.ground.journal.write(by="system:t", did="agreement.signed", to="x:y") as tx:
        world.policy.record_agreement(tx, Agreement(**said | other))


def test_an_agreement_of_this_node_is_not_a_control_planes_to_use(world):
    ours(world)
    world.signed("p1")

    refused(world, "agreement_ours", HostedWithheldError)


def test_who_knows_the_name_of_our_transfer_moves_nothing_under_its_agreement(world):
    ours(world, id="agr_9")
    world.flows.open(replace(world.remote("p9"), id="p10", process_id="p10", dataset_id="ds_1"))

    refused(world, "agreement_ours", processId="p10", agreementId="agr_9")

    itself = world.registers("itself", endpoint="https://us.example.org/dps/v1", datasets=("ds_1",))
    mine = world.message("p10", agreementId="agr_9")
    assert world.room.start(itself, mine).flow.state is S.STARTED


def test_who_knows_the_name_of_our_transfer_receives_nothing_under_its_agreement(world):
    ours(world, id="agr_9")
    world.remote("p9")

    with pytest.raises(DataFlowRefusedError) as caught:
        world.room.prepare(world.token, world.message("p9", agreementId="agr_9"))

    assert caught.value.code == "agreement_ours"


@pytest.mark.parametrize(
    "other",
    [
        {"datasetId": "ds_2"},
        {"agreementId": "agr_2"},
        {"counterPartyId": "did:web:other"},
        {
            "profile": PROFILE_PUSH,
            "dataAddress": {"endpointType": PROFILE_PUSH, "endpoint": "https://x.example.org/in"},
        },
    ],
    ids=lambda other: next(iter(other)),
)
def test_a_start_that_waits_is_not_started_again_as_another(world, other):
    world.signed("p1")
    world.crossing.kind, world.crossing.no = ApprovalPendingError, "approval_pending"
    refused(world, "approval_pending", ApprovalPendingError)
    world.crossing.no = ""
    world.registers(datasets=("ds_1", "ds_2"), accepts=world.token.removeprefix("Bearer "))
    world.room.approve("cp", "Both.", by=OFFICER)

    refused(world, "dataflow_exists", DataFlowExistsError, **other)


def test_an_agreement_taken_from_one_control_plane_is_not_anothers(world):
    world.starts()
    other = world.registers("other", datasets=("ds_1",))

    with pytest.raises(HostedWithheldError) as caught:
        world.starts("p2", other)

    assert caught.value.code == "agreement_ours"


def test_an_agreement_serves_one_counterparty(world):
    world.starts()
    world.seats["did:web:other"] = "HK"

    with pytest.raises(HostedWithheldError) as caught:
        world.room.start(world.token, world.message("p2", counterPartyId="did:web:other"))

    assert caught.value.code == "agreement_parties"


@pytest.mark.parametrize("state", [AgreementState.SUSPENDED, AgreementState.ENDED])
def test_an_agreement_that_is_not_in_force_lets_nothing_out(world, state):
    world.starts()
    act = "suspend" if state is AgreementState.SUSPENDED else "end"
    getattr(world.policy, f"{act}_agreement")("agr_1", "A test.", by=STEWARD)

    with pytest.raises(HostedWithheldError) as caught:
        world.starts("p2")

    assert caught.value.code == "agreement_not_active"


def test_rows_that_wait_for_a_person_are_started_again_once_it_answered(world):
    world.signed("p1")
    world.crossing.kind, world.crossing.no = ApprovalPendingError, "approval_pending"
    refused(world, "approval_pending", ApprovalPendingError)
    assert [one.state for one in world.room.list_flows(by=STEWARD)] == [S.INITIALIZED]
    world.crossing.no = ""

    assert world.room.start(world.token, world.message()).flow.state is S.STARTED


# --- going on


def test_resuming_is_decided_anew_and_counts_no_second_use(world):
    flow = world.starts()
    world.signal(flow, "suspend")
    world.crossing.asked.clear()

    assert world.signal(flow, "resume").state is S.STARTED
    assert world.crossing.asked == [("out", "agr_1", flow.id, True)]
    assert world.crossing.counted == ["agr_1"]


def test_resuming_what_may_not_go_on_is_refused_and_stays_held(world):
    flow = world.starts()
    world.signal(flow, "suspend")
    world.crossing.no = "permit_ended"

    with pytest.raises(NoError):
        world.signal(flow, "resume")

    assert world.state(flow) is S.SUSPENDED
    assert world.events(f"dataflow:{flow.id}")[-1][1]["reason"] == "permit_ended"


def test_a_dataset_that_was_closed_meanwhile_is_not_resumed(world):
    flow = world.starts()
    world.signal(flow, "suspend")
    world.token = world.registers()

    with pytest.raises(DataFlowRefusedError) as caught:
        world.signal(flow, "resume")

    assert caught.value.code == "dataset_closed"


def test_each_read_is_decided_with_a_receipt(world):
    flow = world.starts()
    world.room.check_read(flow.id)
    assert world.crossing.asked[-1] == ("out", "agr_1", flow.id, True)

    world.crossing.no = "rules_deny"
    with pytest.raises(NoError):
        world.room.check_read(flow.id)


def test_a_token_is_renewed_only_while_the_flow_may_go_on(world):
    flow = world.starts()
    world.crossing.no = "permit_ended"
    world.room._renewal._desk = replace(world.room._renewal._desk, callers=Caller(world))
    form = {"grant_type": "refresh_token", "refresh_token": "r"}
    with world.ground.journal.write(by="system:t", did="signaling.moved", to="x:y") as tx:
        kept = store.get_flow(tx.connection, flow.id, FlowRole.HOSTED)
        store.save_flow(
            tx.connection,
            replace(kept, refresh_digest=secret_digest("r"), access_digest=secret_digest("a")),
        )

    with pytest.raises(RenewalRefusedError) as caught:
        world.room.renew("Bearer x", form)

    assert caught.value.message == "The crossing says no."


class Caller:
    """The counterparty, who proves itself and names the access token it was given."""

    def __init__(self, world):
        self._world = world

    def identify(self, authorization):
        return self

    did, access_token = PEER, "a"


# --- stopping


def stops(world, flow, code):
    """Let the gate move; the flow must end, its bytes first, its control plane told."""
    assert world.room.gate_moved() == 1
    assert world.state(flow) is S.TERMINATED
    assert world.plane.heard[-1] == ("terminate", flow.id)
    reasons = [why for did, why in world.events(f"dataflow:{flow.id}") if "withheld" in did]
    assert reasons[-1]["reason"] == code
    world.ground.run_tasks(signaling__tell=world.room.tell)
    (_, url, body) = world.wire.calls[-1]
    assert url.endswith("/transfers/p1/dataflow/errored")
    assert body["error"]


@pytest.mark.parametrize("held", [False, True])
def test_a_flow_ends_when_its_counterparty_is_revoked(world, held):
    flow = world.starts()
    if held:
        world.signal(flow, "suspend")
    world.seats[PEER] = None

    stops(world, flow, "counterparty_not_member")


def test_a_flow_ends_when_the_gate_closes(world):
    flow = world.starts()
    world.crossing.no = "partnership_ended"

    stops(world, flow, "partnership_ended")


def test_a_flow_ends_when_its_agreement_ends(world):
    flow = world.starts()
    world.policy.end_agreement("agr_1", "Done.", by=STEWARD)

    stops(world, flow, "agreement_not_active")


def test_a_flow_ends_when_the_approval_of_its_rows_is_withdrawn(world):
    flow, waiting = world.starts(), world.message("p2")
    world.crossing.kind, world.crossing.no = ApprovalPendingError, "approval_pending"
    with pytest.raises(ApprovalPendingError):
        world.room.start(world.token, waiting)

    world.room.rows_withdrawn("agr_1")

    states = {one.process_id: one.state for one in world.room.list_flows(by=STEWARD)}
    assert states == {"p1": S.TERMINATED, "p2": S.INITIALIZED}
    assert world.plane.heard[-1] == ("terminate", flow.id)


def test_a_flow_ends_when_its_dataset_is_closed(world):
    flow = world.starts()
    world.token = world.registers()
    assert not world.room.is_flowing(flow.id)

    stops(world, flow, "dataset_closed")


def test_a_suspended_agreement_holds_its_flows_and_ends_none(world):
    flow = world.starts()
    world.policy.suspend_agreement("agr_1", "A question.", by=STEWARD)

    assert (world.room.gate_moved(), world.room.is_flowing(flow.id)) == (0, False)

    world.policy.resume_agreement("agr_1", "Answered.", by=STEWARD)
    assert world.room.is_flowing(flow.id)


def test_a_flow_that_may_go_on_goes_on(world):
    flow = world.starts()

    assert world.room.gate_moved() == 0
    assert world.room.is_flowing(flow.id)


# --- opened later, and the consumer's side


def test_a_start_that_took_its_time_is_decided_once_more(world):
    world.plane.later = True
    flow = world.starts()
    assert (flow.state, world.crossing.counted) == (S.STARTING, [])
    world.crossing.no = "permit_ended"

    world.room.flow_started(flow.id, None)

    assert world.state(flow) is S.TERMINATED
    assert world.crossing.counted == []


def test_a_start_that_took_its_time_counts_its_use(world):
    world.plane.later = True
    flow = world.starts()

    world.room.flow_started(flow.id, None)

    assert (world.state(flow), world.crossing.counted) == (S.STARTED, ["agr_1"])


def test_as_consumer_the_counterparty_must_be_a_member_too(world):
    flow = world.room.prepare(world.token, world.message(profile=PROFILE_PUSH)).flow
    world.seats[PEER] = None

    with pytest.raises(HostedWithheldError):
        world.signal(flow, "started")
    with pytest.raises(HostedWithheldError):
        world.room.prepare(world.token, world.message("p2", profile=PROFILE_PUSH))
    assert world.room.gate_moved() == 1
    assert world.state(flow) is S.TERMINATED


def test_as_consumer_no_agreement_of_ours_is_named(world):
    ours(world)

    with pytest.raises(DataFlowRefusedError) as caught:
        world.room.prepare(world.token, world.message(profile=PROFILE_PUSH))

    assert caught.value.code == "agreement_ours"


def test_a_suspension_during_the_start_ends_with_the_plane_suspended(world):
    flow = world.starts()
    world.plane.meanwhile["started"] = lambda: world.signal(flow, "suspend")
    world.plane.heard.clear()

    world.room.go(flow.id)

    assert world.state(flow) is S.SUSPENDED
    assert world.plane.heard[-1] == ("suspend", flow.id)

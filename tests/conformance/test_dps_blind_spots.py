"""Data Plane Signaling where the official kit does not look: proofs, registrations, refusals."""

import json
import time
import uuid

import pytest

from lib.dps_peer import (
    RENEWABLE,
    Signer,
    address,
    later,
    properties,
    renew,
    run_control,
)
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.connector.signaling.errors import RegistrationInvalidError
from tidegate.connector.signaling.model import PROFILE_PULL, PROFILE_PUSH, Asked, PlaneKind
from tidegate_tck.dps import AS_PROVIDER, CONSUMER, DATASET, OPERATOR, PROVIDER

STRANGER = Actor("person:ada", "Ada", frozenset({Role.RESEARCHER, Role.STEWARD}))


# --- who may call


@pytest.mark.parametrize("token", [None, "", "Bearer", "Bearer wrong", "Basic a2l0", "wrong"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/dataflows/prepare"),
        ("POST", "/dataflows/start"),
        ("POST", "/dataflows/any/started"),
        ("POST", "/dataflows/any/suspend"),
        ("POST", "/dataflows/any/resume"),
        ("POST", "/dataflows/any/terminate"),
        ("POST", "/dataflows/any/completed"),
        ("GET", "/dataflows/any/status"),
        ("POST", "/transfers/any/dataflow/prepared"),
        ("POST", "/transfers/any/dataflow/errored"),
        ("GET", "/transfers/any/agreement"),
    ],
)
def test_nothing_is_open_without_the_token_of_a_plane(dps, method, path, token):
    answer = dps.call(method, path, {} if method == "POST" else None, token)

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_each_kind_of_plane_has_its_own_doors(dps):
    as_data = dps.call("POST", "/dataflows/prepare", dps.message("pull"), dps.data)
    as_control = dps.tells("any", "prepared", token=dps.control)

    assert (as_data.status_code, as_control.status_code) == (401, 401)


def test_flows_of_another_control_plane_do_not_exist(dps):
    flow = dps.opens("start", "pull").json()["dataFlowId"]
    other = dps.register(PlaneKind.CONTROL, "other", datasets=(DATASET,))

    seen = dps.call("GET", f"/dataflows/{flow}/status", token=other)
    stopped = dps.call("POST", f"/dataflows/{flow}/terminate", {"messageId": "m"}, other)

    assert (seen.status_code, stopped.status_code) == (404, 404)
    assert dps.flow_state(flow) == "STARTED"


def test_a_data_plane_reaches_its_own_transfers_only(dps):
    pid = dps.triggers()
    dps.peer.next("prepare")
    other = dps.register(PlaneKind.DATA, "elsewhere", profiles=("https://example.org/x-pull",))

    assert dps.tells(pid, "errored", "PREPARED", token=other).status_code == 404
    assert dps.call("GET", f"/transfers/{pid}/agreement", token=other).status_code == 404


# --- client credentials


@pytest.fixture
def client(dps):
    """A control plane that proves itself by its signature."""
    signer = Signer("key-1")
    asked = Asked(
        PlaneKind.CONTROL, "signed", dps.peer.base, "oauth2_client_credentials", "secret",
        datasets=(DATASET,), token_endpoint=f"{dps.peer.base}/oauth/token", client_id="node",
        jwks={"keys": [signer.jwk]},
    )  # fmt: skip
    done = dps.keeps(asked)
    assert done.token == ""
    return signer


def claims(dps, **other):
    said = {"iss": "signed", "sub": "signed", "aud": dps.place.node_did, **other}
    return {name: value for name, value in said.items() if value is not None}


def test_a_signed_token_opens_once(dps, client):
    token = f"Bearer {client.sign(**claims(dps))}"

    first = dps.call("POST", "/dataflows/start", dps.message("pull"), token)
    second = dps.call("POST", "/dataflows/start", dps.message("pull"), token)

    assert (first.status_code, second.status_code) == (200, 401)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aud": "did:web:other"}, {"sub": "kit"}, {"sub": "nobody"}, {"iss": None},
        {"exp": 1_000_000}, {"iat": time.time() + 3600}, {"exp": time.time() + 86400},
        {"jti": ""}, {"jti": 7}, {"exp": "soon"},
    ],
)  # fmt: skip
def test_a_signed_token_that_says_something_else_opens_nothing(dps, client, wrong):
    token = f"Bearer {client.sign(**claims(dps, **wrong))}"

    assert dps.call("POST", "/dataflows/start", dps.message("pull"), token).status_code == 401


def test_another_key_opens_nothing(dps, client):
    del client
    token = f"Bearer {Signer('key-1').sign(**claims(dps))}"

    assert dps.call("POST", "/dataflows/start", dps.message("pull"), token).status_code == 401


def test_an_unsigned_token_opens_nothing(dps, client):
    head, body, _ = client.sign(**claims(dps)).split(".")
    none = "eyJhbGciOiJub25lIn0"
    for token in (f"{none}.{body}.", f"{head}.{body}.", f"{none}.{body}.AAAA"):
        answer = dps.call("POST", "/dataflows/start", dps.message("pull"), f"Bearer {token}")
        assert answer.status_code == 401


def test_the_node_fetches_a_token_for_its_callbacks(dps, client):
    dps.peer.answers["dsp token"] = (200, {"access_token": "fetched", "expires_in": 60})
    token = f"Bearer {client.sign(**claims(dps))}"

    dps.call("POST", "/dataflows/prepare", dps.message("pull", agreementId="async"), token)

    assert dps.peer.next("told prepared").authorization == "Bearer fetched"


# --- registrations


def test_only_an_operator_registers_and_removes(dps):
    asked = Asked(PlaneKind.DATA, "new", dps.peer.base, "bearer", "s", profiles=(PROFILE_PULL,))
    with pytest.raises(RoleMissingError):
        dps.signaling.register(asked, by=STRANGER)
    with pytest.raises(RoleMissingError):
        dps.signaling.remove(PlaneKind.DATA, "kit", by=STRANGER)


def test_datasets_are_opened_by_an_operator_who_is_a_steward_too(dps):
    alone = Actor("person:op", "Op", frozenset({Role.OPERATOR}))
    asked = Asked(PlaneKind.CONTROL, "new", dps.peer.base, "bearer", "s", datasets=(DATASET,))
    with pytest.raises(RoleMissingError):
        dps.signaling.register(asked, by=alone)


def test_registering_again_replaces_and_voids_the_old_token(dps):
    old = dps.register(PlaneKind.CONTROL, "turning", datasets=(DATASET,))
    new = dps.register(PlaneKind.CONTROL, "turning")

    assert dps.call("POST", "/dataflows/start", dps.message("pull"), old).status_code == 401
    closed = dps.call("POST", "/dataflows/start", dps.message("pull"), new)
    assert (closed.status_code, closed.json()["code"]) == (400, "dataset_closed")


def test_removing_a_control_plane_ends_its_flows(dps):
    token = dps.register(PlaneKind.CONTROL, "leaving", datasets=(DATASET,))
    flow = dps.call("POST", "/dataflows/start", dps.message("pull"), token).json()["dataFlowId"]

    assert dps.signaling.remove(PlaneKind.CONTROL, "leaving", by=OPERATOR) == 1

    assert dps.call("GET", f"/dataflows/{flow}/status", token=token).status_code == 401
    assert not dps.signaling.is_flowing(flow)
    listed = lambda: next(  # noqa: E731
        one.state for one in dps.signaling.list_flows(by=OPERATOR) if one.id == flow
    )
    dps.reaches(listed, "TERMINATED")


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("plane_id_invalid", {"id": "a/b"}),
        ("profiles_missing", {"profiles": ()}),
        ("url_refused", {"endpoint": "http:///"}),
        ("https_required", {"endpoint": "ftp://plane.example.org"}),
        ("authorization_unsupported", {"auth": "none"}),
        ("authorization_incomplete", {"secret": ""}),
        ("token_weak", {"accepts": "short"}),
        ("authorization_incomplete", {
            "auth": "oauth2_client_credentials", "token_endpoint": "http://localhost:9/token",
            "client_id": "node",
        }),
        ("jwks_invalid", {
            "auth": "oauth2_client_credentials", "token_endpoint": "http://localhost:9/token",
            "client_id": "node", "jwks": {"keys": [{"kty": "nothing"}]},
        }),
    ],
)  # fmt: skip
def test_a_registration_that_proves_nothing_is_not_kept(dps, code, wrong):
    full = {"kind": PlaneKind.DATA, "id": "new", "endpoint": dps.peer.base, "auth": "bearer",
            "secret": "s", "profiles": (PROFILE_PULL,)}  # fmt: skip
    with pytest.raises(RegistrationInvalidError) as caught:
        dps.signaling.register(Asked(**(full | wrong)), by=OPERATOR)
    assert caught.value.code == code
    assert "new" not in {one.id for one in dps.signaling.list_planes(by=OPERATOR)}


# --- flows this node hosts


def test_a_second_start_for_a_process_is_refused_and_the_first_goes_on(dps):
    said = dps.message("pull")
    first = dps.call("POST", "/dataflows/start", said, dps.control)

    for what in ("start", "prepare"):
        again = dps.call("POST", f"/dataflows/{what}", said, dps.control)
        assert (again.status_code, again.json()["code"]) == (409, "dataflow_exists")
    assert dps.flow_state(first.json()["dataFlowId"]) == "STARTED"


@pytest.mark.parametrize(
    ("code", "what", "name", "more"),
    [
        ("address_unexpected", "start", "pull", {"dataAddress": address("http://localhost:9/")}),
        ("address_missing", "start", "push", {}),
        ("address_invalid", "start", "push", {"dataAddress": address("ftp://x/", PROFILE_PUSH)}),
        ("address_invalid", "start", "push", {"dataAddress": address("http://x/", PROFILE_PULL)}),
        ("address_invalid", "start", "push", {
            "dataAddress": address("http://x/", PROFILE_PUSH, authorization="a"),
        }),
        ("dataset_closed", "start", "pull", {"datasetId": "another"}),
        ("participant_other", "start", "pull", {"participantId": "did:web:other"}),
        ("agreement_ours", "prepare", "push", {"agreementId": AS_PROVIDER}),
        ("profile_unsupported", "prepare", "pull", {"profile": "http-pull"}),
        ("message_invalid", "prepare", "pull", {"claims": None}),
        ("message_invalid", "prepare", "pull", {"processId": ""}),
        ("message_invalid", "prepare", "pull", {"labels": "gold"}),
    ],
)  # fmt: skip
def test_a_flow_that_cannot_be_had_is_refused_in_words(dps, code, what, name, more):
    answer = dps.opens(what, name, **more)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["message"]


@pytest.mark.parametrize(
    ("script", "illegal"),
    [
        ("prepare", ["suspend", "resume", "completed"]),
        ("prepare started", ["started", "resume"]),
        ("start", ["started", "resume"]),
        ("start suspend", ["suspend", "completed"]),
        ("start completed", ["suspend", "resume", "completed", "terminate"]),
        ("start terminate", ["suspend", "resume", "completed", "terminate"]),
    ],
)
def test_what_may_not_come_now_is_refused_and_changes_nothing(dps, script, illegal):
    first, *rest = script.split()
    flow = dps.opens(first, "pull").json()["dataFlowId"]
    for one in rest:
        assert dps.signals(flow, one).status_code == 200
    before = dps.flow_state(flow)

    for one in illegal:
        answer = dps.signals(flow, one)
        assert answer.status_code in {400, 409}, (one, answer.text)
    assert dps.flow_state(flow) == before


def test_an_address_the_other_side_makes_is_not_taken(dps):
    flow = dps.opens("prepare", "push").json()["dataFlowId"]

    answer = dps.signals(flow, "started", dataAddress=address("http://localhost:9/", PROFILE_PUSH))

    assert (answer.status_code, answer.json()["code"]) == (400, "address_unexpected")


def test_a_fixed_address_is_taken_where_renewal_is_optional(dps):
    flow = dps.opens("prepare", "pull").json()["dataFlowId"]
    fixed = address("http://localhost:9/", authorization="a", authType="bearer")

    assert dps.signals(flow, "started", dataAddress=fixed).status_code == 200


def test_an_address_in_the_form_of_the_specifications_examples_is_read(dps):
    flow = dps.opens("prepare", "pull").json()["dataFlowId"]
    bare = {
        "endpointType": "https://w3id.org/idsa/v4.1/HTTP",
        "endpoint": "http://localhost:9/",
        "endpointProperties": [{"name": "authorization", "value": "a"},
                               {"name": "authType", "value": "bearer"}],
    }  # fmt: skip

    assert dps.signals(flow, "started", dataAddress=bare).status_code == 200


def test_a_callback_too_early_is_sent_again(dps):
    dps.peer.answers["told prepared"] = (404, {})
    flow = dps.opens("prepare", "pull", agreementId="async").json()["dataFlowId"]
    dps.peer.next("told prepared")
    dps.peer.answers.clear()

    assert dps.peer.next("told prepared").body["dataFlowId"] == flow


# --- renewing tokens


def proof(dps, token, **other):
    said = {"iss": dps.peer.did, "sub": dps.peer.did, "aud": dps.place.node_did, "token": token}
    return dps.peer.signer.sign(**said | other)


def test_a_refresh_token_is_good_once_and_gives_the_next(dps):
    given = properties(dps.opens("start", "pull"))
    first = renew(dps, given["refreshToken"], proof(dps, given["authorization"])).json()

    onward = renew(dps, first["refresh_token"], proof(dps, first["access_token"]))
    again = renew(dps, given["refreshToken"], proof(dps, given["authorization"]))

    assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
    assert onward.status_code == 200


def test_nothing_is_renewed_for_another_token_participant_or_key(dps):
    given = properties(dps.opens("start", "pull"))
    foreign = properties(dps.opens("start", "pull", counterPartyId="did:web:other.example.org"))
    stranger = Signer(dps.peer.signer.kid).sign(
        iss=dps.peer.did, sub=dps.peer.did, aud=dps.place.node_did, token=given["authorization"]
    )
    refused = [
        renew(dps, given["refreshToken"], proof(dps, "another token")),
        renew(dps, foreign["refreshToken"], proof(dps, foreign["authorization"])),
        renew(dps, given["refreshToken"], stranger),
        renew(dps, given["refreshToken"], "none"),
    ]

    errors = [(one.status_code, one.json()["error"]) for one in refused]
    assert errors == [
        (400, "invalid_grant"), (400, "invalid_grant"),
        (401, "invalid_client"), (401, "invalid_client"),
    ]  # fmt: skip
    assert renew(dps, given["refreshToken"], proof(dps, given["authorization"])).is_success


@pytest.mark.parametrize("stop", ["suspend", "terminate", "completed"])
def test_what_does_not_flow_is_not_renewed(dps, stop):
    opened = dps.opens("start", "pull")
    given = properties(opened)
    assert dps.signals(opened.json()["dataFlowId"], stop).status_code == 200

    answer = renew(dps, given["refreshToken"], proof(dps, given["authorization"]))

    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_only_refresh_tokens_are_taken(dps):
    answer = dps.client.post(f"{dps.dps}/token", content="grant_type=client_credentials")

    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")


# --- flows of this node's transfers at a plane elsewhere


def test_an_error_at_the_plane_is_kept_and_moves_nothing(dps):
    pid = dps.triggers()
    run_control(dps, pid, PROVIDER, "<prepare <request! START <started =STARTED")
    dps.peer.forget()

    assert dps.tells(pid, "errored", "STARTED", error="The disk is full.").status_code == 200

    assert dps.transfer_state(pid) == "STARTED"
    kept = next(one for one in dps.signaling.list_flows(by=OPERATOR) if one.id == pid)
    assert (kept.state, kept.error) == ("STARTED", "The disk is full.")
    dps.peer.silence("dsp termination", 0.2)


def test_a_plane_that_has_moved_everything_completes_the_transfer(dps):
    pid = dps.triggers()
    run_control(dps, pid, PROVIDER, "<prepare <request! START <started =STARTED")

    assert dps.tells(pid, "completed").status_code == 200

    dps.peer.next("dsp completion")
    dps.reaches(lambda: dps.transfer_state(pid), "COMPLETED")


@pytest.mark.parametrize(
    ("status", "what", "state", "more"),
    [
        (409, "started", "", {}),
        (409, "completed", "", {}),
        (400, "prepared", "STARTED", {}),
        (400, "prepared", "NONSENSE", {}),
        (400, "prepared", "", {"messageId": ""}),
        (400, "prepared", "", {"dataFlowId": ""}),
    ],
)
def test_a_callback_that_may_not_come_now_is_refused(dps, status, what, state, more):
    dps.peer.answers["prepare"] = later("PREPARING")
    pid = dps.triggers()
    dps.peer.next("prepare")
    kept = lambda: {  # noqa: E731
        one.id: one.state for one in dps.signaling.list_flows(by=OPERATOR)
    }.get(pid)
    dps.reaches(kept, "PREPARING")

    assert dps.tells(pid, what, state, **more).status_code == status

    assert kept() == "PREPARING"
    dps.peer.silence("dsp request", 0.1, about=pid)


def test_a_callback_told_twice_is_taken_once(dps):
    dps.peer.answers["prepare"] = later("PREPARING")
    pid = dps.triggers()
    dps.peer.next("prepare")
    where = address("http://localhost:9/", **RENEWABLE)

    def tells():
        return dps.tells(pid, "prepared", dataAddress=where).status_code

    dps.reaches(tells, 200)
    assert tells() == 200

    dps.peer.next("dsp request")
    dps.peer.silence("dsp request", 0.2, about=pid)


def test_the_agreement_is_given_as_it_was_signed(dps):
    pid = dps.triggers()
    dps.peer.next("prepare")

    answer = dps.call("GET", f"/transfers/{pid}/agreement", token=dps.data)

    signed = dps.node.house.policy.get_agreement(dps.node.house.transfer.get(pid).agreement_id)
    body = answer.json()
    assert answer.status_code == 200
    assert body["@context"] == ["https://w3id.org/dspace/2025/1/context.jsonld"]
    assert (body["@type"], body["@id"], body["target"]) == ("Agreement", signed.id, DATASET)
    assert (body["assigner"], body["assignee"]) == (PROVIDER, dps.place.node_did)


@pytest.mark.parametrize(
    "said",
    [
        (200, {"state": "PREPARED"}),
        (200, {"messageId": "m", "dataFlowId": "d", "state": "STARTED"}),
        (200, {"messageId": "m", "dataFlowId": "d", "state": "READY"}),
        (200, {}),
        (400, {"message": "No room."}),
        (302, {}),
    ],
)
def test_a_plane_that_answers_wrongly_ends_the_transfer_before_the_peer_hears_of_it(dps, said):
    dps.peer.answers["prepare"] = said
    pid = dps.triggers()

    dps.reaches(lambda: dps.node.house.transfer.get(pid).state.value, "TERMINATED")

    assert dps.node.house.transfer.get(pid).reason
    dps.peer.silence("dsp request", 0.1, about=pid)


def test_an_opening_whose_answer_was_lost_goes_on(dps):
    dps.peer.answers["prepare"] = (409, {"message": "It exists already."})
    dps.peer.answers["status"] = (200, {"dataFlowId": "df-1", "state": "PREPARED"})

    pid = dps.triggers()

    dps.peer.next("dsp request", about=pid)
    assert dps.transfer_state(pid) == "REQUESTED"


def test_an_opening_whose_address_was_lost_is_ended_at_the_plane(dps):
    dps.peer.answers["start"] = (409, {"message": "It exists already."})
    dps.peer.answers["status"] = (200, {"dataFlowId": "df-1", "state": "STARTED"})

    pid = dps.requests()

    dps.peer.next("terminate", about=pid)
    dps.peer.next("dsp termination", about=pid)
    dps.reaches(lambda: dps.transfer_state(pid), "TERMINATED")


def test_a_flow_is_found_by_the_name_its_control_plane_gave_it(dps):
    said = dps.message("pull")
    flow = dps.call("POST", "/dataflows/start", said, dps.control).json()["dataFlowId"]

    answer = dps.call("GET", f"/dataflows/{said['processId']}/status", token=dps.control)

    assert answer.json() == {"dataFlowId": flow, "state": "STARTED"}


def test_a_plane_that_is_away_is_asked_again(dps):
    dps.peer.answers["prepare"] = (503, {})
    pid = dps.triggers()
    dps.peer.next("prepare")
    dps.peer.answers.clear()

    dps.peer.next("dsp request", about=pid)
    assert dps.transfer_state(pid) == "REQUESTED"


def test_the_address_of_the_plane_goes_to_the_consumer_in_the_strict_form(dps):
    where = address("https://plane.example.org/d", **RENEWABLE)
    dps.peer.answers["start"] = (
        200, {"messageId": "m", "dataFlowId": "d", "state": "STARTED", "dataAddress": where},
    )  # fmt: skip
    dps.requests()

    told = dps.peer.next("dsp start").body["dataAddress"]

    assert told["@type"] == "DataAddress"
    assert told["endpoint"] == "https://plane.example.org/d"
    named = {one["name"]: one["value"] for one in told["endpointProperties"]}
    assert named == RENEWABLE
    assert {one["@type"] for one in told["endpointProperties"]} == {"EndpointProperty"}


def test_only_the_side_that_suspended_resumes(dps):
    pid = dps.requests()
    run_control(dps, pid, CONSUMER, "<start <start! =STARTED")
    dps.node.house.transfer.suspend(pid, "A pause.", by=OPERATOR)
    dps.peer.next("suspend")
    dps.reaches(lambda: dps.transfer_state(pid), "SUSPENDED")

    refused = dps.client.post(
        f"{dps.place.node}/dsp/2025-1/transfers/{pid}/start",
        content=json.dumps({
            "@context": ["https://w3id.org/dspace/2025/1/context.jsonld"], "@id": uuid.uuid4().urn,
            "@type": "TransferStartMessage", "providerPid": pid, "consumerPid": "x",
        }),
        headers={"authorization": json.dumps({"clientId": CONSUMER})},
    )  # fmt: skip

    assert refused.status_code == 400
    dps.peer.silence("resume", 0.2)
    dps.node.house.transfer.resume(pid, by=OPERATOR)
    assert dps.peer.next("resume").body["messageId"]


def test_no_token_and_no_address_stands_in_the_evidence(dps):
    opened = dps.opens("start", "pull")
    given = properties(opened)
    flow = opened.json()["dataFlowId"]

    told = json.dumps([str(one) for one in dps.node.house.evidence.timeline(f"dataflow:{flow}")])

    assert "signaling.opened" in told
    assert "signaling.moved" in told
    for secret in (given["authorization"], given["refreshToken"], dps.control[7:]):
        assert secret not in told

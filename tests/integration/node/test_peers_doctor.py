"""`tidegate peers doctor` against live nodes: everything well, and each failure provoked."""

import json
import re
from datetime import timedelta

import pytest

from lib.bad_peers import BadPeer, make_certificate
from lib.nodes import NodeProcess, found_space, running, tidegate, wait_until
from lib.serving import free_port
from tidegate.kernel.clock import SystemClock
from tidegate.node.doctor import examine

TLS_HOST = "127.0.0.2"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Serve an authority and a hospital that trusts the certificate of one more peer."""
    home = tmp_path_factory.mktemp("doctor")
    certificate = make_certificate(home, TLS_HOST)
    authority = NodeProcess(home / "authority", "Authority", "CN-GBA9", "authority")
    hospital = NodeProcess(
        home / "hospital", "Hospital", "CN-GBA9", "participant", "--tls-ca", certificate[0]
    )
    with running(authority, hospital):
        found_space(authority, hospital)
        yield authority, hospital, certificate


@pytest.fixture
def peer():
    peer = BadPeer()
    yield peer
    peer.close()


def doctor(node, did):
    """Run the command; return its exit code and what every step found."""
    told = tidegate("peers", "doctor", did, "--home", node.home, "--json")
    assert told.stdout, told.stderr
    found = {one["step"]: one for one in json.loads(told.stdout)["findings"]}
    return told.returncode, found


def ends(node, did, step):
    """Examine through the running node; return how one step ended."""
    with node.client() as client:
        found = {one.step: one for one in client.peers.examine(did).findings}
    return found[step].result, found[step].code


def test_a_member_that_is_well_passes_every_step_and_the_command_exits_with_zero(world):
    authority, hospital, _ = world
    wait_until(lambda: "ok" == ends(hospital, authority.did, "call")[0])

    told = tidegate("peers", "doctor", authority.did, "--home", hospital.home)
    code, found = doctor(hospital, authority.did)

    assert (0, 0) == (told.returncode, code)
    assert "This peer can be reached and trusted" in told.stdout
    assert set() == {step for step, one in found.items() if one["result"] == "failed"}
    assert {"ok"} == {
        found[step]["result"] for step in ("name", "document", "clock", "version", "member", "call")
    }


def test_a_malformed_did_is_told_with_what_to_do_and_the_command_exits_with_one(world):
    told = tidegate("peers", "doctor", "did:web:", "--home", world[1].home)

    assert 1 == told.returncode
    assert "FAIL  DID: It is no DID this node can follow." in told.stdout
    assert "→ Copy the DID from the member list" in told.stdout


def test_a_name_that_does_not_exist_is_told(world):
    assert ("failed", "unresolved") == ends(world[1], "did:web:nobody.invalid", "name")


def test_a_node_that_does_not_run_is_told_as_nobody_listening(world):
    did = f"did:web:localhost%3A{free_port()}"

    code, found = doctor(world[1], did)

    assert (1, "refused") == (code, found["connection"]["code"])
    assert "skipped" == found["document"]["result"]


def test_a_stranger_that_runs_is_reached_and_not_trusted(world, peer):
    code, found = doctor(world[1], peer.did)

    assert 1 == code
    assert {"ok"} == {
        found[step]["result"] for step in ("document", "services", "clock", "version")
    }
    assert ("failed", "unknown") == (found["member"]["result"], found["member"]["code"])


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda peer: peer.answers.clear(), "declined"),
        (lambda peer: peer.say("/.well-known/did.json", 503, {}), "unanswered"),
        (lambda peer: peer.document.update(id="did:web:other"), "malformed"),
        (lambda peer: peer.document.update(verificationMethod=[]), "keyless"),
    ],
)
def test_a_did_document_that_is_not_there_or_not_right_is_told(world, peer, change, code):
    change(peer)

    assert ("failed", code) == ends(world[1], peer.did, "document")


def test_a_document_without_services_is_told(world, peer):
    peer.document["service"] = peer.document["service"][:1]

    assert ("failed", "missing") == ends(world[1], peer.did, "services")


def test_a_service_at_an_address_that_may_not_be_called_is_told(world, peer):
    peer.document["service"][1]["serviceEndpoint"] = "ftp://node.example.org/"

    assert ("failed", "closed") == ends(world[1], peer.did, "services")


@pytest.mark.parametrize(("late", "code"), [(3600, "ahead"), (-3600, "behind")])
def test_a_clock_that_is_wrong_is_told(world, peer, late, code):
    peer.late = timedelta(seconds=late)

    assert ("failed", code) == ends(world[1], peer.did, "clock")


def test_a_peer_of_another_protocol_version_is_told(world, peer):
    peer.say("/.well-known/dspace-version", 200, {"protocolVersions": [{"version": "2024-1"}]})

    assert ("failed", "other") == ends(world[1], peer.did, "version")


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unproven"), (403, "refused"), (404, "strange"), (500, "unable"), (503, "unable")],
)
def test_a_peer_that_does_not_take_our_call_is_told_by_its_answer(world, peer, status, code):
    peer.say("/dsp/2025-1/catalog/request", status, {"reason": ["Who are you?"]})

    assert ("failed", code) == ends(world[1], peer.did, "call")


def test_a_certificate_nobody_vouches_for_is_told(world, tmp_path):
    foreign = BadPeer(TLS_HOST, make_certificate(tmp_path, TLS_HOST))

    assert ("failed", "certificate") == ends(world[1], foreign.did, "connection")
    foreign.close()


def test_a_certificate_our_authorities_vouch_for_is_fine(world):
    trusted = BadPeer(TLS_HOST, world[2])

    assert ("ok", "ok") == ends(world[1], trusted.did, "connection")
    trusted.close()


def test_a_door_without_tls_where_tls_is_needed_is_told(world):
    plain = BadPeer(TLS_HOST)

    assert ("failed", "no_tls") == ends(world[1], plain.did, "connection")
    plain.close()


def test_a_node_that_is_not_served_examines_by_itself_and_says_so(world):
    authority, hospital, _ = world
    hospital.stop()
    try:
        code, found = doctor(hospital, authority.did)
    finally:
        hospital.start()

    assert (1, "not_served") == (code, found["call"]["code"])
    assert "ok" == found["document"]["result"]


class WrongClock(SystemClock):
    """A clock that goes as it should, and is wrong."""

    def __init__(self, by):
        self._by = by

    def now(self):
        return super().now() + self._by


@pytest.mark.parametrize(
    ("minutes", "told"), [(-7, "this clock is behind the others"), (7, "this clock is ahead of")]
)
def test_a_node_with_a_wrong_clock_learns_it_from_the_others(world, minutes, told):
    hospital = world[1]
    wrong = WrongClock(timedelta(minutes=minutes))

    found = {one.what: one for one in examine(hospital.home, wrong)}

    assert not found["other clocks"].is_well
    assert told in found["other clocks"].words
    assert re.search(r"Authority \(4[12]\d s", found["other clocks"].words)
    right = {one.what: one for one in examine(hospital.home)}
    assert right["other clocks"].is_well
    assert "Authority" in right["other clocks"].words

"""The authority's key changes: members follow its signed history, and nobody else's."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from lib.space_world import OPERATOR, make_node
from tidegate.access.model import Seat
from tidegate.audit.authority.model import Cause, sign_succession
from tidegate.audit.authority.rules import next_succession
from tidegate.audit.errors import SuccessionError
from tidegate.audit.store import list_subject_leaves
from tidegate.connector.errors import (
    CredentialInvalidError,
    PeerRefusedError,
    PeerUnauthenticatedError,
    SpaceConflictError,
)
from tidegate.connector.identity import jose
from tidegate.kernel.clock import iso
from tidegate.keys.rules import sign_raw
from tidegate.keys.service import rotated
from tidegate.partners.space.service import space_document

WHERE = "http://localhost:7400/space/space.json"


def changed(world, tmp_path, *, since="", forged=False):
    """Start the authority again with another key, recorded as `tidegate keys rotate` does."""
    old, now = world.nodes[0], iso(world.clock.now())
    before, after = old.ground.keys, rotated(old.ground.keys, "ES256", now if since else "2027")
    jwk = tuple(sorted((n, str(v)) for n, v in after.identity_public_jwk().items()))
    made = next_succession(
        old.space.find_keys(), jwk, at=now, until=since,
        cause=Cause.COMPROMISED if since else Cause.PLANNED,
    )  # fmt: skip
    evidence = world.nodes[1].ground.keys if forged else before
    signed = sign_succession(
        made,
        evidence=evidence.sign_evidence,
        before=lambda data: sign_raw(before.identity_key(), data),
        after=lambda data: sign_raw(after.identity_key(), data),
    )
    if forged:
        return SimpleNamespace(signed=signed, keys=after)
    with old.ground.journal.write(by="system:t", did="key.rotated", to=f"node:{old.did}") as tx:
        old.space.keep_succession(tx, signed)
    old.ground.close()
    content = (old.ground.home / "node.db").read_bytes()
    world.nodes[0] = world.authority = make_node(
        tmp_path / f"again-{iso(world.clock.now())}", world.wire, 7400, "Authority", Seat.CN_GBA9,
        world.clock, role="authority", saved=(after, content),
    )  # fmt: skip
    world.clock.advance(seconds=2)
    return old


def present_kid(node):
    return node.space.find_keys().present.kid


def events_of(node):
    subject = f"space:{node.space.get_space().id}"
    leaves = node.ground.journal.read(list_subject_leaves, (subject,))
    return [each.entry.did for each in leaves if each.entry.did.startswith("space.key")]


def test_members_follow_with_the_first_call_of_the_new_key(fresh_world, tmp_path):
    _, faculty, hospital = fresh_world.nodes
    changed(fresh_world, tmp_path)
    authority = fresh_world.nodes[0]

    hospital.identity.authenticate(authority.identity.token_for(hospital.did))

    assert authority.ground.keys.identity_kid == present_kid(hospital) != present_kid(faculty)
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))  # of the key before


def test_members_are_told_and_take_the_history(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    changed(fresh_world, tmp_path)

    hospital.identity.receive_keys_changed(fresh_world.nodes[0].did, {"key": "any"})

    assert fresh_world.nodes[0].ground.keys.identity_kid == present_kid(hospital)


def test_credentials_of_the_new_key_are_followed_although_the_authority_is_away(
    fresh_world, tmp_path
):
    _, faculty, hospital = fresh_world.nodes
    changed(fresh_world, tmp_path)
    fresh_world.clock.advance(hours=13)
    faculty.wallet.renew()
    fresh_world.settle()
    assert fresh_world.nodes[0].ground.keys.identity_kid == present_kid(faculty)
    hospital.identity.statuses.check(  # a status list it will remember without the authority
        hospital.identity.verifier.read_own(hospital.wallet.membership_jwts()[0])
    )

    fresh_world.wire.down.add("localhost:7400")
    peer = hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert "Faculty" == peer.name
    assert present_kid(faculty) == present_kid(hospital)


@pytest.mark.parametrize(
    "endpoint",
    ["http://169.254.169.254/dcp/holder", "file:///etc/dcp/holder", "https://u:p@x/dcp/holder", ""],
)
def test_a_member_with_a_false_address_keeps_nobody_from_following(fresh_world, tmp_path, endpoint):
    _, faculty, hospital = fresh_world.nodes
    changed(fresh_world, tmp_path)
    fresh_world.clock.advance(hours=13)
    faculty.wallet.renew()
    fresh_world.settle()
    false = dict(faculty.identity.did_document()) | {"id": "did:web:localhost%3A7399"}
    false["service"] = [{"id": "#c", "type": "CredentialService", "serviceEndpoint": endpoint}]
    fresh_world.wire.answer("http://localhost:7399/.well-known/did.json", false)
    hospital.identity.authority_keys._sources = lambda: ("did:web:localhost%3A7399", faculty.did)

    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))

    assert present_kid(faculty) == present_kid(hospital)


def test_the_key_before_speaks_for_the_authority_no_more(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    old = changed(fresh_world, tmp_path)
    hospital.identity.receive_keys_changed(fresh_world.nodes[0].did, {})

    with pytest.raises(PeerUnauthenticatedError) as refusal:
        hospital.identity.identify(old.identity.token_with(hospital.did))
    assert "former_key" == refusal.value.code


def test_a_former_key_issues_nothing_any_more(fresh_world, tmp_path):
    _, faculty, hospital = fresh_world.nodes
    old = changed(fresh_world, tmp_path)
    hospital.identity.receive_keys_changed(fresh_world.nodes[0].did, {})
    held = jose.read(faculty.wallet.membership_jwts()[0]).claims
    late = {**held, "iat": int(fresh_world.clock.now().timestamp())}

    token = jose.sign(old.ground.keys.identity_key(), f"{old.did}#{kid(old)}", late, typ="vc+jwt")

    with pytest.raises(CredentialInvalidError, match="former key"):
        hospital.identity.verifier.proven(token, old.did)


def kid(node):
    return node.ground.keys.identity_kid


def test_nobody_takes_a_forged_history(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    forged = changed(fresh_world, tmp_path, forged=True)
    file = fresh_world.file
    keys = {**file["keys"], "history": [forged.signed.to_json()]}
    fresh_world.wire.answer(WHERE, {**file, "keys": keys})

    assert not hospital.identity.authority_keys.follow()

    assert kid(fresh_world.nodes[0]) == present_kid(hospital)
    assert ["space.key_refused"] == events_of(hospital)
    with pytest.raises(SuccessionError):
        hospital.space.take_key_history(keys["history"])


def test_nobody_leads_a_member_back_to_a_shorter_history(fresh_world, tmp_path):
    hospital = fresh_world.nodes[2]
    changed(fresh_world, tmp_path)
    hospital.identity.authority_keys.follow()

    assert not hospital.space.take_key_history([])

    assert kid(fresh_world.nodes[0]) == present_kid(hospital)


def test_unknown_keys_cost_one_look_in_ten_seconds(fresh_world):
    authority, _, hospital = fresh_world.nodes
    claims = jose.read(authority.identity.token_with(hospital.did).removeprefix("Bearer ")).claims
    key = authority.ground.keys.identity_key()

    for number in range(5):
        text = jose.sign(key, f"{authority.did}#none-{number}", claims)
        with pytest.raises(PeerUnauthenticatedError) as refusal:
            hospital.identity.identify(f"Bearer {text}")
        assert "kid_unknown" == refusal.value.code

    looks = [call for call in fresh_world.wire.calls if "space.json" in call]
    assert looks.count(f"GET {WHERE}") == 1


def test_a_compromised_key_verifies_nothing_and_everybody_gets_new_credentials(
    fresh_world, tmp_path
):
    _, faculty, hospital = fresh_world.nodes
    since = iso(fresh_world.clock.now())
    changed(fresh_world, tmp_path, since=since)
    authority = fresh_world.nodes[0]
    for node in (hospital, faculty):
        node.identity.receive_keys_changed(authority.did, {})
    with pytest.raises(PeerRefusedError):
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    assert not faculty.wallet.has_membership()

    assert authority.wallet.renew()
    for node in (faculty, hospital):
        assert node.wallet.renew()
    fresh_world.settle()

    assert faculty.wallet.has_membership()
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
    hospital.identity.authenticate(authority.identity.token_for(hospital.did))
    assert 1 == len(authority.identity.did_document()["verificationMethod"])


def test_credentials_of_keys_before_the_compromised_one_are_renewed_as_well(fresh_world, tmp_path):
    _, faculty, hospital = fresh_world.nodes
    since = iso(fresh_world.clock.now() - timedelta(days=30))
    changed(fresh_world, tmp_path)
    changed(fresh_world, tmp_path, since=since)
    for node in (hospital, faculty):
        node.identity.receive_keys_changed(fresh_world.nodes[0].did, {})
    assert not faculty.wallet.has_membership()

    assert fresh_world.nodes[0].wallet.renew()
    assert faculty.wallet.renew()
    fresh_world.settle()

    assert faculty.wallet.has_membership()
    hospital.identity.authenticate(faculty.identity.token_for(hospital.did))


@pytest.mark.parametrize("file", ["the first", "today's"])
def test_an_institution_joins_after_the_change_with_either_trust_file(fresh_world, tmp_path, file):
    first = fresh_world.file
    changed(fresh_world, tmp_path)
    authority = fresh_world.nodes[0]
    fresh_world.clock.advance(hours=30)  # the first key stands in no document any more
    node = make_node(tmp_path, fresh_world.wire, 7450, "Late", Seat.HK, fresh_world.clock)
    fresh_world.nodes.append(node)
    document = first if file == "the first" else space_document(authority.space.get_space())
    authority.wallet.renew()

    node.joining.join(document, authority.joining.invite("Late", Seat.HK, by=OPERATOR), by=OPERATOR)
    fresh_world.settle()

    assert node.joining.status().is_ready
    assert kid(authority) == present_kid(node)


def test_nobody_joins_a_node_that_shows_another_history(fresh_world, tmp_path):
    forged = changed(fresh_world, tmp_path, forged=True)
    authority, file = fresh_world.nodes[0], fresh_world.file
    keys = {**file["keys"], "history": [forged.signed.to_json()]}
    fresh_world.wire.answer(WHERE, {**file, "keys": keys})
    node = make_node(tmp_path, fresh_world.wire, 7451, "Late", Seat.HK, fresh_world.clock)
    fresh_world.nodes.append(node)
    code = authority.joining.invite("Late", Seat.HK, by=OPERATOR)

    with pytest.raises(SpaceConflictError) as refusal:
        node.joining.join(file, code, by=OPERATOR)
    assert "authority_key_differs" == refusal.value.code

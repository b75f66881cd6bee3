"""What is revoked or renewed while it is looked up: nothing that ended is issued or remembered."""

import pytest

from lib.interleaving import act_after
from lib.space_world import OPERATOR
from tidegate.connector.errors import IssuanceRacedError, PeerRefusedError
from tidegate.connector.identity import service as identity_service
from tidegate.connector.identity import statuses
from tidegate.connector.identity import store as identity_store
from tidegate.connector.identity.credentials import read_credential
from tidegate.connector.identity.issuance import certification_store, store
from tidegate.connector.identity.jose import read
from tidegate.connector.identity.messages import DCP_CONTEXT

CERTIFICATION = "urn:tidegate:credential:certification"
MEMBERSHIP = "urn:tidegate:credential:membership"
UNTIL = "2026-12-31T00:00:00Z"


def ask(world, node, wanted):
    message = {
        "@context": [DCP_CONTEXT],
        "type": "CredentialRequestMessage",
        "holderPid": "h",
        "credentials": [{"id": wanted}],
    }
    bearer = node.identity.token_with(world.authority.did)
    return world.authority.issuance.request(bearer, message)


def living(world, node):
    return [
        each for each in world.authority.issuance.list_issued(node.did) if each.revoked_at is None
    ]


def test_a_member_revoked_while_its_credentials_are_issued_gets_none(monkeypatch, fresh_world):
    faculty = fresh_world.nodes[1]
    number = ask(fresh_world, faculty, MEMBERSHIP)
    act_after(
        monkeypatch,
        store,
        "list_for_request",
        lambda: fresh_world.authority.joining.revoke(faculty.did, "Left.", by=OPERATOR),
    )

    with pytest.raises(PeerRefusedError):
        fresh_world.authority.issuance.deliver(number)

    assert [] == living(fresh_world, faculty)


def test_a_certification_withdrawn_while_its_credential_is_issued_is_attested_by_none(
    monkeypatch, fresh_world
):
    authority, faculty = fresh_world.authority, fresh_world.nodes[1]
    authority.certification.grant(faculty.did, "iso-27001", UNTIL, by=OPERATOR)
    number = ask(fresh_world, faculty, CERTIFICATION)
    act_after(
        monkeypatch,
        certification_store,
        "list_valid",
        lambda: authority.certification.withdraw(faculty.did, "iso-27001", "Lapsed.", by=OPERATOR),
    )

    with pytest.raises(IssuanceRacedError):
        authority.issuance.deliver(number)
    with pytest.raises(PeerRefusedError):  # and the next try sees it
        authority.issuance.deliver(number)

    assert [] == [each for each in living(fresh_world, faculty) if "Certif" in each.type]


def test_a_document_that_was_on_its_way_when_it_was_to_be_forgotten_is_not_kept(monkeypatch, world):
    _, faculty, hospital = world.nodes
    resolver = hospital.identity.resolver
    resolver.forget(faculty.did)
    act_after(monkeypatch, resolver, "_document", lambda: resolver.forget(faculty.did))
    resolver.resolve(faculty.did)
    before = len(world.wire.calls)

    resolver.resolve(faculty.did)

    assert before + 1 == len(world.wire.calls)


def test_a_document_looked_up_again_when_it_was_to_be_forgotten_is_not_kept(monkeypatch, world):
    _, faculty, hospital = world.nodes
    resolver = hospital.identity.resolver
    resolver.forget(faculty.did)
    resolver.resolve(faculty.did)
    world.clock.advance(seconds=60)
    act_after(monkeypatch, resolver, "_document", lambda: resolver.forget(faculty.did))
    resolver._looked_up_again(faculty.did)
    before = len(world.wire.calls)

    resolver.resolve(faculty.did)

    assert before + 1 == len(world.wire.calls)


def test_a_peer_that_proved_itself_while_it_was_forgotten_proves_itself_again(monkeypatch, world):
    _, faculty, hospital = world.nodes
    hospital.identity.forget_peer(faculty.did)
    act_after(
        monkeypatch,
        identity_service,
        "peer_from",
        lambda: hospital.identity.forget_peer(faculty.did),
    )

    def queries():
        hospital.identity.authenticate(faculty.identity.token_for(hospital.did))
        return sum(call.endswith("/presentations/query") for call in world.wire.calls)

    assert queries() + 1 == queries() == queries()


def test_a_status_list_that_was_on_its_way_when_lists_were_forgotten_is_asked_for_again(
    monkeypatch, world
):
    _, faculty, hospital = world.nodes
    lists = hospital.identity.statuses
    credential = read_credential(read(member_jwt(faculty)).claims, member_jwt(faculty))
    lists.forget()
    act_after(monkeypatch, statuses, "decode_list", lists.forget)
    lists.check(credential)
    before = len(world.wire.calls)

    lists.check(credential)

    assert before + 1 == len(world.wire.calls)


def test_an_older_status_list_that_comes_later_is_not_what_is_remembered(monkeypatch, fresh_world):
    _, faculty, hospital = fresh_world.nodes
    lists = hospital.identity.statuses
    credential = read_credential(read(member_jwt(faculty)).claims, member_jwt(faculty))
    url = credential.status[0].list_url

    def newer():
        fresh_world.clock.advance(seconds=2)
        lists.forget()
        lists.check(credential)

    lists.forget()
    act_after(monkeypatch, statuses, "decode_list", newer)
    lists.check(credential)

    kept = hospital.ground.journal.read(identity_store.find_status_list, url)
    moment = read_credential(read(kept).claims, kept).valid_from
    assert moment.startswith(fresh_world.clock.now().strftime("%Y-%m-%dT%H:%M:%S"))


def member_jwt(node):
    return node.wallet.membership_jwts()[0]


def test_a_credential_delivered_late_takes_no_newer_ones_place(fresh_world):
    faculty = fresh_world.nodes[1]
    jwt = member_jwt(faculty)
    older = read_credential(read(jwt).claims, jwt)
    fresh_world.clock.advance(seconds=60)
    faculty.wallet.request_credentials()
    fresh_world.settle()
    newer = {each.id for each in faculty.wallet.list_credentials()}

    faculty.wallet._keep((older,), by="system:test")

    assert newer == {each.id for each in faculty.wallet.list_credentials()}

"""Parsing, addresses and delivery: what a stranger may send, and where we may be sent."""

import json

import pytest

from tidegate.connector.http.model import Answer
from tidegate.connector.messages import terms, wire, wire_catalog
from tidegate.connector.messages.callback import check_callback
from tidegate.connector.messages.compose import (
    catalog_error,
    negotiation,
    negotiation_error,
    transfer,
    transfer_error,
    version_document,
)
from tidegate.connector.messages.delivery import AnswerGate, judge
from tidegate.connector.messages.errors import CallbackRefusedError, MessageRefusedError
from tidegate.connector.messages.model import DeliverySettings
from tidegate.connector.messages.read import LARGEST_MESSAGE, check, read, seal

PEER = "did:web:hospital.example"


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b"x" * (LARGEST_MESSAGE + 1),
        b'{"@id": "\\ud800"}',
        b'{"a": 1, "a": 2}',
        b"null",
        b"",
    ],
)
def test_hostile_bodies_are_refused(raw):
    with pytest.raises(MessageRefusedError):
        read(raw, wire.ContractRequestMessage)


def test_a_refusal_never_repeats_what_was_sent():
    secret = "Chan Tai Man A123456(7)"
    said = {"@context": [wire.CONTEXT], "@type": secret}
    with pytest.raises(MessageRefusedError) as refused:
        check(said, wire_catalog.CatalogRequestMessage)

    assert secret not in refused.value.message


def test_a_message_nests_constraints_but_not_for_ever():
    deep: dict = {"leftOperand": "a", "operator": "eq", "rightOperand": "b"}
    for _ in range(5000):
        deep = {"and": [deep]}
    rules = [{"action": "use", "constraint": [deep]}]

    with pytest.raises(MessageRefusedError):
        check({"@id": "x", "@type": "Offer", "permission": rules}, terms.MessageOffer)


@pytest.mark.parametrize(
    ("document", "kind"),
    [
        (negotiation("p", "c", "REQUESTED"), wire.ContractNegotiation),
        (transfer("p", "c", "STARTED"), wire.TransferProcess),
        (negotiation_error("", "", "x", []), wire.ContractNegotiationError),
        (transfer_error("p", "", "x", ["y"]), wire.TransferError),
        (catalog_error("x", []), wire_catalog.CatalogError),
        (version_document(PEER), wire_catalog.VersionResponse),
    ],
)
def test_what_we_compose_is_valid(document, kind):
    assert json.loads(seal(document, kind)) == document


def test_the_version_document_is_plain_json_without_a_context():
    assert "@context" not in version_document(PEER)


@pytest.mark.parametrize(
    "address",
    [
        "https://hospital.example/dsp",
        "https://hospital.example:443/dsp/",
        "https://HOSPITAL.example",
    ],
)
def test_a_callback_at_the_peers_own_host_is_taken(address):
    assert not check_callback(address, PEER, (), loopback=False).endswith("/")


def test_a_callback_at_a_service_of_the_did_document_is_taken():
    known = ("https://connector.example/dsp/2025-1",)

    assert check_callback("https://connector.example/cb", PEER, known, loopback=False)


@pytest.mark.parametrize(
    "address",
    [
        "https://attacker.example/dsp",
        "https://hospital.example:8443/dsp",
        "http://hospital.example/dsp",
        "https://hospital.example@attacker.example/dsp",
        "https://user@hospital.example/dsp",
        "https://169.254.169.254/latest",
        "https://127.0.0.1/x",
        "https://hospital.example/dsp?x=1",
        "https://hospital.example/dsp#x",
        "https://[::1/x",
        "https://hospital.example:99999/x",
        "ftp://hospital.example/x",
        "",
        "x" * 3000,
    ],
)
def test_any_other_callback_is_refused(address):
    with pytest.raises(CallbackRefusedError):
        check_callback(address, PEER, (), loopback=False)


def test_on_loopback_the_port_of_the_did_is_the_peer():
    did = "did:web:localhost%3A7002"

    assert check_callback("http://localhost:7002/dsp", did, (), loopback=True)
    with pytest.raises(CallbackRefusedError):
        check_callback("http://localhost:7003/dsp", did, (), loopback=True)


@pytest.mark.parametrize(
    ("status", "code"),
    [(200, ""), (201, ""), (204, ""), (404, "too_early"), (500, "unable"), (503, "unable"),
     (429, "unable"), (400, "refused"), (401, "unproven"), (403, "unproven"),
     (409, "too_early"), (405, "unable"), (302, "refused")],
)  # fmt: skip
def test_an_answer_is_judged_by_its_status(status, code):
    assert judge(Answer(status)).code == code


@pytest.mark.parametrize(
    ("body", "opens", "code"),
    [({"reason": ["Not found"]}, True, "refused"), ({"reason": ["Not found"]}, False, "too_early"),
     (None, True, "too_early"), ({"reason": []}, True, "too_early")],
)  # fmt: skip
def test_what_is_not_there_when_a_negotiation_opens_is_the_offer(body, opens, code):
    assert judge(Answer(404, {}, body), opens=opens).code == code


def test_delivery_gives_up_after_its_tries_and_at_once_when_refused():
    settings = DeliverySettings()

    assert settings.gives_up("refused", 1)
    assert not settings.gives_up("too_early", 5)
    assert settings.gives_up("too_early", 6)
    assert not settings.gives_up("unable", 11)
    assert [settings.delay_before(n) for n in (1, 2, 3, 20)] == [0.3, 0.6, 1.2, 60.0]


def test_the_gate_holds_until_every_answer_has_left():
    gate = AnswerGate()
    gate.hold("p")
    gate.hold("p")
    gate.release("p")
    gate.wait("p", seconds=0.01)
    gate.release("p")

    gate.wait("p", seconds=0.0)
    assert gate._answering == {}


@pytest.mark.parametrize("name", ["reason", "message"])
def test_a_peers_words_of_refusal_are_one_short_line(name):
    words = "no\x00\r\n\u202e" + "x" * 5000
    body = {name: [words] if name == "reason" else words}

    told = judge(Answer(400, {}, body)).words

    assert told.isprintable()
    assert len(told) < 400

"""Our DCP messages against the official schemas of DCP 1.0, their examples and our own."""

import copy
import json
import random
from pathlib import Path

import jsonschema_rs
import pytest

from tidegate.connector.errors import MessageInvalidError
from tidegate.connector.identity import messages

SCHEMAS = Path(__file__).parents[3] / "shared" / "schemas" / "dcp"
OUTSIDE = "https://identity.foundation/presentation-exchange/schemas/"
EXAMPLES = {
    "issuance/credential-message": messages.CredentialMessage,
    "issuance/credential-message-rejected": messages.CredentialMessage,
    "issuance/credential-request-message": messages.CredentialRequestMessage,
    "issuance/credential-status": messages.CredentialStatus,
    "issuance/issuer-metadata": messages.IssuerMetadata,
    "presentation/presentation-query-message": messages.PresentationQueryMessage,
    "presentation/presentation-query-message-w-presentation-definition": (
        messages.PresentationQueryMessage
    ),
    "presentation/presentation-response-message": messages.PresentationResponseMessage,
}
OURS = {
    "presentation/presentation-query-message": messages.PresentationQueryMessage(
        type="PresentationQueryMessage", scope=("a:b",)
    ),
    "presentation/presentation-response-message": messages.PresentationResponseMessage(
        type="PresentationResponseMessage", presentation=("a.b.c",)
    ),
    "issuance/credential-message": messages.CredentialMessage(
        type="CredentialMessage",
        issuer_pid="i",
        holder_pid="h",
        status="ISSUED",
        credentials=(
            messages.CredentialContainer(credential_type="T", format="vc20-bssl/jwt", payload="a"),
        ),
    ),
    "issuance/credential-request-message": messages.CredentialRequestMessage(
        type="CredentialRequestMessage",
        holder_pid="h",
        credentials=(messages.CredentialReference("urn:x"),),
    ),
    "issuance/credential-status": messages.CredentialStatus(
        type="CredentialStatus", issuer_pid="i", holder_pid="h", status="RECEIVED"
    ),
    "issuance/issuer-metadata": messages.IssuerMetadata(
        type="IssuerMetadata",
        issuer="did:web:a",
        credentials_supported=(
            messages.CredentialObject(
                id="urn:x", credential_type="T", credential_schema="urn:s", profile="vc20-bssl/jwt"
            ),
        ),
    ),
}


def registry():
    """Gather the schemas by their ids; documents of other bodies are taken as anything."""
    found = []
    for path in SCHEMAS.glob("*/*-schema.json"):
        schema = json.loads(path.read_text())
        found.append((schema["$id"], schema))
        found.append((f"https://w3id.org/dspace-dcp/v1.0/{path.parent.name}/{path.name}", schema))
    for name in ("presentation-definition.json", "presentation-submission.json"):
        anything = {"properties": {"presentation_submission": {}}}
        found.append((OUTSIDE + name, anything))
    return jsonschema_rs.Registry(list(dict(found).items()))


def validator(name: str):
    for stem in (name, name.replace("-rejected", ""), name.split("-w-")[0]):
        path = SCHEMAS / f"{stem}-schema.json"
        if path.exists():
            return jsonschema_rs.validator_for(json.loads(path.read_text()), registry=registry())
    raise AssertionError(name)


def example(name: str):
    group, stem = name.split("/")
    return json.loads((SCHEMAS / group / "example" / f"{stem}.json").read_text())


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_official_examples_are_read(name):
    document = example(name)
    if name.endswith("rejected"):
        document.setdefault("holderPid", "holderPid")

    assert messages.parse(document, EXAMPLES[name])


@pytest.mark.parametrize("name", OURS)
def test_what_we_write_is_valid_by_the_official_schema(name):
    assert validator(name).is_valid(messages.write(OURS[name]))


@pytest.mark.parametrize("name", OURS)
def test_we_accept_no_message_that_the_schema_refuses(name):
    """Mutate our own message; whatever we read must be valid by the schema as well."""
    judge, kind = validator(name), type(OURS[name])
    chance = random.Random(name)
    for _ in range(200):
        changed = mutated(messages.write(OURS[name]), chance)
        try:
            messages.parse(changed, kind)
        except MessageInvalidError:
            continue
        assert judge.is_valid(changed), changed


def mutated(document, chance):
    changed = copy.deepcopy(document)
    name = chance.choice(sorted(changed))
    match chance.randrange(4):
        case 0:
            del changed[name]
        case 1:
            changed[name] = chance.choice([7, "x", ["x"], {}, True])
        case 2:
            changed["@context"] = chance.choice([["x"], messages.DCP_CONTEXT, [], None])
        case _:
            changed["more"] = "x"
    return changed

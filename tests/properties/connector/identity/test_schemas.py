"""Credentials held against the schemas they name: what fits, what breaks, what is refused."""

import json

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lib.ground import ManualClock
from tidegate.connector.errors import CredentialInvalidError, PeerUnreachableError
from tidegate.connector.http.model import Answer
from tidegate.connector.identity.credentials import read_credential
from tidegate.connector.identity.model import IdentitySettings
from tidegate.connector.identity.schema_rules import SchemaUnsupportedError, find_fault
from tidegate.connector.identity.schemas import Schemas

URL = "http://localhost:7400/schema"
SUBJECT = {
    "$schema": "http://json-schema.org/draft-04/schema#", "type": "object",
    "properties": {"id": {"type": "string"}, "foo": {"type": "string"}}, "required": ["id", "foo"],
}  # fmt: skip


class Shelf:
    """Answers with one schema, and counts."""

    def __init__(self, body, status=200) -> None:
        self.body, self.status, self.calls = body, status, 0

    def get(self, _url, **_more):
        self.calls += 1
        if self.status == 0:
            raise PeerUnreachableError("down")
        return Answer(self.status, {}, self.body)


def credential(subject, kind="JsonSchemaValidator2018"):
    return read_credential(
        {
            "id": "x", "type": ["VerifiableCredential"], "issuer": "did:web:i",
            "exp": 9_999_999_999,
            "credentialSubject": {"id": "did:web:s", **subject},
            "credentialSchema": {"id": URL, "type": kind},
        }
    )  # fmt: skip


def schemas(body, status=200, clock=None) -> tuple[Schemas, Shelf]:
    shelf = Shelf(body, status)
    return Schemas(shelf, clock or ManualClock(), IdentitySettings()), shelf


def refused(checker, found) -> str:
    with pytest.raises(CredentialInvalidError) as refusal:
        checker.check(found)
    return refusal.value.code


def test_a_subject_that_obeys_its_schema_is_accepted_and_the_schema_kept():
    clock = ManualClock()
    checker, shelf = schemas(SUBJECT, clock=clock)

    checker.check(credential({"foo": "bar"}))
    checker.check(credential({"foo": "bar"}))
    clock.advance(seconds=400)
    checker.check(credential({"foo": "bar"}))

    assert 2 == shelf.calls


@pytest.mark.parametrize("subject", [{}, {"foo": 7}])
def test_a_subject_that_breaks_its_schema_is_refused(subject):
    checker, _ = schemas(SUBJECT)

    assert "schema_broken" == refused(checker, credential(subject))


def test_the_newer_kind_of_schema_describes_the_whole_credential():
    whole = {"type": "object", "required": ["credentialSubject"]}
    checker, _ = schemas({**whole, "properties": {"credentialSubject": SUBJECT}})

    checker.check(credential({"foo": "bar"}, "JsonSchema"))

    assert "schema_broken" == refused(checker, credential({}, "JsonSchema"))


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"pattern": "(a+)+$"}, 200, "schema_unsupported"),
        (None, 200, "schema_unsupported"),
        (SUBJECT, 404, "schema_unavailable"),
        (SUBJECT, 302, "schema_unavailable"),
    ],
)
def test_a_schema_that_cannot_be_checked_counts_against_the_credential(body, status, code):
    checker, _ = schemas(body, status)

    assert code == refused(checker, credential({"foo": "bar"}))


def test_a_schema_that_cannot_be_fetched_now_is_a_matter_of_time():
    checker, _ = schemas(SUBJECT, 0)

    with pytest.raises(PeerUnreachableError):
        checker.check(credential({"foo": "bar"}))


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "thing"}, {"type": []}, {"required": "x"}, {"properties": []}, {"enum": "x"},
        {"minLength": "3"}, {"maximum": True}, {"$ref": "#/x"}, {"enum": [1] * 300}, 7, [],
    ],
)  # fmt: skip
def test_malformed_or_unknown_keywords_are_not_guessed_at(schema):
    with pytest.raises(SchemaUnsupportedError):
        find_fault(schema, {"a": "b"})


def test_a_schema_that_nests_without_end_is_not_followed():
    schema: dict = {"type": "object"}
    for _ in range(40):
        schema = {"allOf": [schema]}

    with pytest.raises(SchemaUnsupportedError):
        find_fault(schema, {})


_LEAVES = st.one_of(
    st.sampled_from([{"type": t} for t in ("string", "number", "integer", "boolean", "null")]),
    st.sampled_from([True, False, {"enum": ["a", 1, None]}, {"const": "a"}, {"minimum": 1}]),
    st.sampled_from([{"maximum": 1}, {"minLength": 2}, {"maxLength": 1}, {"minItems": 1}]),
    st.sampled_from([{"type": ["string", "null"]}, {"type": "array"}, {"maxItems": 1}]),
)
_SCHEMAS = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.builds(
            lambda members, required, more: {
                "properties": members, "required": required, "additionalProperties": more
            },
            st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            st.lists(st.sampled_from("abc"), max_size=2, unique=True),
            inner,
        ),
        st.builds(lambda each: {"items": each}, inner),
        st.builds(lambda parts: {"anyOf": parts}, st.lists(inner, min_size=1, max_size=2)),
        st.builds(lambda parts: {"allOf": parts}, st.lists(inner, min_size=1, max_size=2)),
    ),
    max_leaves=6,
)  # fmt: skip
_VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-3, 3), st.sampled_from(["", "a", "abc"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(_SCHEMAS, _VALUES)
def test_the_verdict_agrees_with_a_full_validator(schema, value):
    expected = jsonschema_rs.validator_for(json.loads(json.dumps(schema))).is_valid(value)

    assert expected == (not find_fault(schema, value))

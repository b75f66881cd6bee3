"""Every reader of identity messages, fed with anything, answers or refuses in words."""

import base64
import gzip
import hmac
import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, RSAKey

from tidegate.connector.errors import (
    CredentialInvalidError,
    DidInvalidError,
    MessageInvalidError,
    PeerUnauthenticatedError,
)
from tidegate.connector.identity import jose, messages, rules
from tidegate.connector.identity.credentials import (
    check_credential,
    credential_claims,
    older_claims,
    read_credential,
)
from tidegate.connector.identity.did import did_url, own_document, read_document
from tidegate.connector.identity.model import (
    Credential,
    IdentitySettings,
    SchemaEntry,
    StatusEntry,
    VerificationMethod,
)
from tidegate.connector.identity.presentations import presentation_claims, read_presentation
from tidegate.connector.identity.schema_rules import SchemaUnsupportedError, find_fault
from tidegate.connector.identity.status_list import decode_list, encode_list
from tidegate.kernel.clock import iso
from tidegate.keys.rules import new_key, public_members, sign_raw

ME, PEER, ISSUER = "did:web:me", "did:web:peer", "did:web:issuer"
NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SETTINGS = IdentitySettings()
KEY = new_key("ES256")
PUBLIC = public_members(KEY.as_dict(private=False))
METHOD = VerificationMethod(f"{PEER}#k", PEER, PUBLIC)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner),
    max_leaves=15,
)
QUICK = settings(max_examples=50, deadline=None)
MUCH = settings(max_examples=100, deadline=None)


def mutated(data, content):
    """Return a copy of a message with one of its places, however deep, holding anything."""
    copy = json.loads(json.dumps(content))
    place = copy
    while True:
        names = list(place) if isinstance(place, dict) else list(range(len(place)))
        name = data.draw(st.sampled_from(names))
        inner = place[name]
        if not inner or not isinstance(inner, dict | list) or data.draw(st.booleans()):
            break
        place = inner
    act = data.draw(st.sampled_from(["drop", "replace", "add"]))
    if act == "drop":
        del place[name]
    elif act == "replace":
        place[name] = data.draw(ANYTHING)
    elif isinstance(place, dict):
        place[data.draw(st.text(max_size=12))] = data.draw(ANYTHING)
    else:
        place.append(data.draw(ANYTHING))
    return copy


def encoded(part):
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def signed(header, payload=b'{"iss":"did:web:peer"}'):
    """Return a token whose header is anything, truly signed over it with ES256."""
    text = f"{encoded(header)}.{encoded(payload)}"
    return f"{text}.{encoded(sign_raw(KEY, text.encode()))}"


def believed(text):
    return jose.verify(jose.read(text), METHOD)


# Tokens


@given(data=st.data())
@MUCH
def test_no_text_is_a_token_but_a_token(data):
    text = data.draw(st.text(max_size=200) | st.from_regex(r"[A-Za-z0-9_.-]{0,200}"))

    with pytest.raises(CredentialInvalidError):
        believed(text)


@given(header=st.dictionaries(st.sampled_from(["alg", "kid", "typ", "x", "cty"]), ANYTHING))
@MUCH
def test_any_header_is_read_or_refused_and_only_es256_is_believed(header):
    text = signed(header)

    try:
        claims = believed(text)
    except CredentialInvalidError:
        return
    assert ("ES256", "did:web:peer") == (header["alg"], claims["iss"])


@pytest.mark.parametrize(
    "algorithm",
    ["none", "None", "NONE", "nOnE", "", "HS256", "HS384", "HS512", "RS256", "PS256", "ES384",
     "ES512", "ES256K", "es256", "ES256 ", "EdDSA", "Ed25519", "Ed448", "dir", "A128KW", None, 0,
     ["ES256"], {"ES256": 1}, True],
    ids=str,
)  # fmt: skip
def test_no_name_of_an_algorithm_but_the_keys_own_is_believed(algorithm):
    with pytest.raises(CredentialInvalidError):
        believed(signed({"alg": algorithm, "kid": METHOD.id}))


@pytest.mark.parametrize("secret", ["x", "jwk", "pem"])
def test_a_public_key_is_no_secret_of_hs256(secret):
    material = {
        "x": PUBLIC["x"].encode(),
        "jwk": json.dumps(PUBLIC).encode(),
        "pem": ECKey.import_key(dict(PUBLIC)).as_pem(private=False),
    }[secret]
    said = f"{encoded({'alg': 'HS256', 'kid': METHOD.id})}.{encoded({'iss': PEER})}"
    text = f"{said}.{encoded(hmac.digest(material, said.encode(), 'sha256'))}"

    with pytest.raises(CredentialInvalidError) as refusal:
        believed(text)
    assert "algorithm_refused" == refusal.value.code
    _, payload, tag = text.split(".")
    with pytest.raises(CredentialInvalidError):
        believed(f"{encoded({'alg': 'ES256', 'kid': METHOD.id})}.{payload}.{tag}")


def test_an_rsa_key_in_a_document_proves_nothing():
    rsa = RSAKey.generate_key(2048)
    text = jws.serialize_compact({"alg": "RS256"}, b"{}", rsa, algorithms=["RS256"])

    with pytest.raises(CredentialInvalidError):
        believed(text)
    found = read_document(
        {"id": PEER, "verificationMethod": [
            {"id": "#r", "type": "JsonWebKey2020", "controller": PEER,
             "publicKeyJwk": rsa.as_dict(private=False)}]}, PEER,
    )  # fmt: skip
    assert () == found.methods


@pytest.mark.parametrize(
    "extra",
    [{"crit": ["b64"], "b64": False}, {"b64": False}, {"b64": True}, {"crit": []},
     {"crit": ["exp"], "exp": 1}, {"jwk": PUBLIC}, {"jku": "https://evil.example/keys"},
     {"x5u": "https://evil.example"}, {"x5c": ["AA"]}],
    ids=lambda each: ",".join(each),
)  # fmt: skip
def test_a_header_with_an_extension_or_a_key_is_refused_although_it_is_signed(extra):
    with pytest.raises(CredentialInvalidError) as refusal:
        believed(signed({"alg": "ES256", "kid": METHOD.id, **extra}))
    assert "header_refused" == refusal.value.code


@pytest.mark.parametrize(
    ("header", "payload"),
    [
        (b'{"alg":"none","alg":"ES256"}', b"{}"),
        (b'{"alg":"ES256","alg":"none"}', b"{}"),
        (b'{"alg":"ES256","kid":"a","kid":"b"}', b"{}"),
        (b'{"alg":"ES256"}', b'{"iss":"did:web:peer","iss":"did:web:other"}'),
        (b'{"alg":"ES256"}', b'{"exp":1,"exp":9999999999}'),
        (b'{"alg":"ES256"}', b'{"vc":{"id":"a","id":"b"}}'),
        (b'{"alg":"ES256"}', b'{"exp":NaN}'),
        (b'{"alg":"ES256"}', b'{"exp":1e999}'),
        (b'{"alg":"ES256"}', b"\xff\xfe"),
        (b'{"alg":"ES256"}', b"[" * 5000 + b"]" * 5000),
        (b'{"alg":"ES256"}', b'{"a":' * 60 + b"1" + b"}" * 60),
        (b'{"alg":"ES256"}', b"[]"),
        (b"[]", b"{}"),
        (b'\xef\xbb\xbf{"alg":"ES256"}', b"{}"),
    ],
)
def test_a_token_that_two_readers_could_read_differently_is_refused(header, payload):
    with pytest.raises(CredentialInvalidError) as refusal:
        believed(signed(header, payload))
    assert refusal.value.code in {"token_malformed", "algorithm_refused"}


@given(data=st.data())
@QUICK
def test_a_signature_in_another_form_does_not_hold(data):
    head, payload, signature = signed({"alg": "ES256"}).split(".")
    raw = base64.urlsafe_b64decode(signature + "==")
    other = data.draw(
        st.sampled_from([b"", raw[:-1], raw + b"\0", raw[32:] + raw[:32], bytes(64), b"\0" + raw])
        | st.binary(max_size=100)
    )
    assume(other != raw)

    with pytest.raises(CredentialInvalidError):
        believed(f"{head}.{payload}.{encoded(other)}")


def test_a_token_larger_than_any_is_not_read():
    with pytest.raises(CredentialInvalidError) as refusal:
        jose.read("a" * (jose.LONGEST_TOKEN + 1))
    assert "token_too_large" == refusal.value.code


# Claims and clocks


def claims(**changes):
    now = int(NOW.timestamp())
    return {"iss": PEER, "sub": PEER, "aud": ME, "jti": "1", "iat": now, "nbf": now,
            "exp": now + 60, **changes}  # fmt: skip


def facts(content, now=NOW):
    return rules.check_token_claims(content, audience=ME, now=now, settings=SETTINGS)


@given(data=st.data())
@MUCH
def test_any_claims_are_believed_or_refused_in_words(data):
    content = mutated(data, claims(token="given"))

    try:
        found = facts(content)
    except PeerUnauthenticatedError:
        return
    assert content["aud"] in (ME, [ME])
    assert PEER == found.did


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [-300, -30, 0, 29, 30])
def test_a_clock_ahead_by_as_much_as_is_allowed_is_forgiven(claim, ahead):
    assert PEER == facts(claims(**{claim: NOW.timestamp() + ahead})).did


@pytest.mark.parametrize("claim", ["iat", "nbf"])
@pytest.mark.parametrize("ahead", [31, 59, 60, 3600])
def test_a_clock_ahead_by_more_is_refused_and_the_reason_names_the_clocks(claim, ahead):
    with pytest.raises(PeerUnauthenticatedError, match="clocks") as refusal:
        facts(claims(**{claim: NOW.timestamp() + ahead}))
    assert "token_not_yet_valid" == refusal.value.code


@pytest.mark.parametrize(
    ("behind", "code"),
    [(0, ""), (29, ""), *((each, "token_expired") for each in (30, 31, 86400))],
)
def test_a_clock_behind_is_forgiven_as_far_and_no_farther(behind, code):
    content = claims(iat=NOW.timestamp() - 100, nbf=NOW.timestamp() - 100,
                     exp=NOW.timestamp() - behind)  # fmt: skip
    if not code:
        assert PEER == facts(content).did
        return
    with pytest.raises(PeerUnauthenticatedError) as refusal:
        facts(content)
    assert code == refusal.value.code


@pytest.mark.parametrize(("seconds", "is_fine"), [(900, True), (901, False), (1e9, False)])
def test_no_token_lives_longer_than_is_accepted(seconds, is_fine):
    content = claims(exp=NOW.timestamp() + seconds)
    if is_fine:
        assert PEER == facts(content).did
        return
    with pytest.raises(PeerUnauthenticatedError) as refusal:
        facts(content)
    assert "token_too_long_lived" == refusal.value.code


# DID documents and names


def document():
    return own_document(
        PEER, {**PUBLIC, "kid": "k"}, {"CredentialService": "https://peer/dcp"},
        former=({**public_members(new_key("EdDSA").as_dict(private=False)), "kid": "old"},),
    )  # fmt: skip


@given(data=st.data())
@MUCH
def test_any_document_is_read_or_refused_and_never_as_anothers(data):
    try:
        found = read_document(mutated(data, document()), PEER)
    except DidInvalidError:
        return
    assert PEER == found.id
    assert all("d" not in method.jwk for method in found.methods)


@given(content=ANYTHING)
@QUICK
def test_what_is_no_document_is_refused(content):
    with pytest.raises(DidInvalidError):
        read_document(content, PEER)


@given(rest=st.text(max_size=60) | st.from_regex(r"[a-z0-9.:%/@?#\[\]-]{0,60}"))
@MUCH
def test_a_name_leads_to_one_document_of_one_host_or_nowhere(rest):
    try:
        address = did_url(f"did:web:{rest}", loopback=False)
    except DidInvalidError:
        return
    assert re.fullmatch(r"https://[A-Za-z0-9.-]+(:\d{1,5})?(/[A-Za-z0-9._-]+)+/did\.json", address)
    assert "/../" not in address


# Messages

CONTEXT = [messages.DCP_CONTEXT]
OFFERED = {
    "id": "1", "type": "CredentialObject", "credentialType": "MembershipCredential",
    "bindingMethods": ["did:web"], "profile": "vc20-bssl/jwt", "issuancePolicy": {},
}  # fmt: skip
EXAMPLES = {
    messages.PresentationQueryMessage: {
        "@context": CONTEXT, "type": "PresentationQueryMessage", "scope": ["a:b"]},
    messages.PresentationResponseMessage: {
        "@context": CONTEXT, "type": "PresentationResponseMessage", "presentation": ["a.b.c"]},
    messages.CredentialMessage: {
        "@context": CONTEXT, "type": "CredentialMessage", "issuerPid": "1", "holderPid": "2",
        "status": "ISSUED",
        "credentials": [{"credentialType": "X", "format": "vc20-bssl/jwt", "payload": "a.b.c"}]},
    messages.CredentialOfferMessage: {
        "@context": CONTEXT, "type": "CredentialOfferMessage", "issuer": ISSUER,
        "credentials": [OFFERED]},
    messages.CredentialRequestMessage: {
        "@context": CONTEXT, "type": "CredentialRequestMessage", "holderPid": "1",
        "credentials": [{"id": "1"}]},
    messages.IssuerMetadata: {
        "@context": CONTEXT, "type": "IssuerMetadata", "issuer": ISSUER,
        "credentialsSupported": [OFFERED]},
    messages.CredentialStatus: {
        "@context": CONTEXT, "type": "CredentialStatus", "issuerPid": "1", "holderPid": "2",
        "status": "RECEIVED"},
}  # fmt: skip


def test_every_message_there_is_has_its_example():
    kinds = {
        kind for kind in vars(messages).values()
        if isinstance(kind, type) and issubclass(kind, messages._Message)
        and kind is not messages._Message
    }  # fmt: skip

    assert kinds == set(EXAMPLES)
    for kind, content in EXAMPLES.items():
        assert isinstance(messages.parse(content, kind), kind)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
@given(data=st.data())
@QUICK
def test_any_message_is_read_or_refused_in_words(kind, data):
    content = data.draw(st.just(EXAMPLES[kind]) | ANYTHING)
    content = mutated(data, content) if content and isinstance(content, dict) else content

    try:
        found = messages.parse(content, kind)
    except MessageInvalidError:
        return
    assert isinstance(found, kind)


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_no_message_is_read_as_one_of_another_kind(kind):
    for other in EXAMPLES:
        if other is not kind:
            with pytest.raises(MessageInvalidError):
                messages.parse(EXAMPLES[other], kind)


# Credentials, presentations, status lists, schemas

CREDENTIAL = Credential(
    id="urn:uuid:1", types=("VerifiableCredential", "MembershipCredential"), issuer=ISSUER,
    subject=PEER, claims={"name": "Peer"}, valid_from=iso(NOW),
    valid_until=iso(NOW + timedelta(days=1)), status=(StatusEntry("https://issuer/list", 7),),
    schemas=(SchemaEntry("https://issuer/schema", "JsonSchema"),),
)  # fmt: skip


@pytest.mark.parametrize("odd", [[], {}, [["x"]], None, 1, True], ids=str)
def test_a_member_of_another_kind_is_refused_where_a_name_is_asked_for(odd):
    status = {**credential_claims(CREDENTIAL)["credentialStatus"], "type": odd}
    with pytest.raises(CredentialInvalidError):
        read_credential({**credential_claims(CREDENTIAL), "credentialStatus": status})
    for keyword in (
        {"type": odd},
        {"required": [odd]},
        {"additionalProperties": True, "properties": [odd]},
    ):
        with pytest.raises(SchemaUnsupportedError):
            find_fault(keyword, {"a": 1})


@pytest.mark.parametrize("form", [credential_claims, older_claims], ids=["2.0", "1.1"])
@given(data=st.data())
@MUCH
def test_any_credential_is_read_or_refused_and_holds_for_nobody_else(form, data):
    content = mutated(data, form(CREDENTIAL))

    try:
        found = read_credential(content)
        check_credential(found, issuer=ISSUER, holder=PEER, now=NOW, leeway_seconds=30)
    except CredentialInvalidError:
        return
    assert (ISSUER, PEER) == (found.issuer, found.subject)
    assert found.valid_until > iso(NOW)


@given(data=st.data())
@MUCH
def test_any_presentation_is_opened_or_refused(data):
    content = presentation_claims(
        holder=PEER, verifier=ME, credentials=("a.b.c",), jti="1", now=NOW, seconds=60
    )

    try:
        found = read_presentation(
            mutated(data, content), holder=PEER, verifier=ME, now=NOW, leeway_seconds=30
        )
    except CredentialInvalidError:
        return
    assert all(isinstance(each, str) for each in found)


@pytest.mark.parametrize(
    ("changes", "code"),
    [({"iat": 31}, "presentation_not_yet_valid"), ({"nbf": 31}, "presentation_not_yet_valid"),
     ({"exp": -30}, "presentation_expired"), ({"iat": 30, "nbf": 30, "exp": -29}, "")],
)  # fmt: skip
def test_a_presentation_is_forgiven_the_same_skew_as_a_token(changes, code):
    content = presentation_claims(
        holder=PEER, verifier=ME, credentials=(), jti="1", now=NOW, seconds=60
    )
    content |= {name: NOW.timestamp() + seconds for name, seconds in changes.items()}

    def read():
        return read_presentation(content, holder=PEER, verifier=ME, now=NOW, leeway_seconds=30)

    if not code:
        assert () == read()
        return
    with pytest.raises(CredentialInvalidError) as refusal:
        read()
    assert code == refusal.value.code


@given(
    text=st.text(max_size=200)
    | st.binary(max_size=400).map(lambda raw: "u" + encoded(raw))
    | st.binary(max_size=400).map(lambda raw: "u" + encoded(gzip.compress(raw, mtime=0)))
)
@QUICK
def test_no_text_is_a_status_list_but_a_status_list(text):
    with pytest.raises(CredentialInvalidError):
        decode_list(text)


@given(data=st.data())
@QUICK
def test_a_status_list_cut_or_changed_is_refused_or_of_full_length(data):
    text = encode_list([1, 5])
    place = data.draw(st.integers(1, len(text) - 1))
    odd = text[:place] + data.draw(st.sampled_from(["", "A", "-", "=", "é", text[place:] * 2]))

    try:
        bits = decode_list(odd)
    except CredentialInvalidError:
        return
    assert len(bits) >= 131_072 // 8


@pytest.mark.parametrize("megabytes", [5, 16])
def test_a_bomb_is_cut_off_before_it_unfolds(megabytes):
    packed = gzip.compress(bytes(megabytes << 20), mtime=0)

    with pytest.raises(CredentialInvalidError) as refusal:
        decode_list("u" + encoded(packed))
    assert "status_list_invalid" == refusal.value.code


@pytest.mark.parametrize("is_older", [True, False])
def test_many_lists_in_one_are_not_read_on(is_older):
    one = gzip.compress(bytes(131_072 // 8), mtime=0)

    found = decode_list("u" + encoded(one + one), is_older=is_older)

    assert 131_072 // 8 == len(found)


SCHEMA = {
    "type": "object", "required": ["id", "name"], "minProperties": 1,
    "properties": {"name": {"type": "string", "minLength": 1}, "id": {"type": "string"}},
}  # fmt: skip


@given(data=st.data(), value=ANYTHING)
@MUCH
def test_any_schema_gives_a_verdict_or_says_it_cannot(data, value):
    schema = data.draw(st.just(SCHEMA) | ANYTHING)
    schema = mutated(data, schema) if schema and isinstance(schema, dict) else schema

    try:
        fault = find_fault(schema, value)
    except SchemaUnsupportedError:
        return
    assert isinstance(fault, str)

"""The history of an authority's key: what follows it, what forges it, and what former keys say."""

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from lib.successions import Authority, jwk_of
from tidegate.audit.authority.model import find_longer, read_successions
from tidegate.audit.authority.rules import dated
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError, SuccessionError
from tidegate.audit.jws import read_jws
from tidegate.kernel.canonical import canonical_json
from tidegate.keys import rules as keyed
from tidegate.keys.rules import new_key

FIRST, SECOND, THIRD = (f"2026-0{month}-01T08:00:00.000Z" for month in (3, 4, 5))
THEFT = "2026-02-01T00:00:00.000Z"


@pytest.fixture(scope="module")
def rotated():
    authority = Authority()
    authority.succeed(FIRST)
    authority.succeed(SECOND)
    return authority


def said(authority, place, day, **payload):
    """Return something the authority's key at `place` signed on a day."""
    header = {"kid": f"did#{authority.history().keys[place].kid}"}
    body = canonical_json({"validFrom": f"{day}T00:00:00Z", **payload})
    return read_jws(keyed.sign(authority.keys[place], header, body).encode())


def code_of(authority, *listed):
    with pytest.raises(SuccessionError) as refusal:
        authority.history(listed)
    return refusal.value.code


def test_a_history_leads_from_the_trust_file_to_the_present_key(rotated):
    history = rotated.history()

    assert jwk_of(rotated.keys[2]) == history.present.jwk
    assert [FIRST, SECOND, ""] == [each.until for each in history.keys]
    assert [history.keys[1]] == [history.find(f"x#{history.keys[1].kid}")]
    assert history.present == history.find("")
    assert history.find("unknown") is None


def test_a_history_travels_in_one_strict_form(rotated):
    travelling = [each.to_json() for each in rotated.listed]

    assert rotated.listed == read_successions(travelling)


@pytest.mark.parametrize(
    "stolen",
    [
        {"evidence": Ed25519PrivateKey.generate()},  # the identity key was copied, no other
        {"before": new_key("ES256")},  # the evidence key was copied, no other
    ],
    ids=["identity key", "evidence key"],
)
def test_whoever_copied_one_key_forges_no_history(rotated, stolen):
    forged = rotated.succeed(THIRD, **stolen)

    assert "key_history_forged" == code_of(rotated, *rotated.listed, forged)


def test_nobody_gives_the_space_a_key_they_do_not_have(rotated):
    honest = rotated.succeed(THIRD, key=new_key("ES256"))
    other = replace(honest.succession, jwk=jwk_of(new_key("ES256")))

    assert "key_history_forged" == code_of(
        rotated, *rotated.listed, replace(honest, succession=other)
    )


@pytest.mark.parametrize("place", [0, 1, 2])
def test_nobody_leads_back_to_a_key_that_was_given_up(rotated, place):
    back = rotated.succeed(THIRD, key=rotated.keys[place])

    assert "key_rolled_back" == code_of(rotated, *rotated.listed, back)


@pytest.mark.parametrize(
    "changed",
    [{"number": 4}, {"previous": "0" * 64}, {"before": "0" * 64}, {"at": SECOND, "until": FIRST},
     {"space": "space_2"}, {"authority": "did:web:other.example"}],
    ids=lambda each: next(iter(each)),
)  # fmt: skip
def test_a_succession_that_does_not_follow_is_refused(rotated, changed):
    odd = rotated.succeed(THIRD, changed=changed)

    assert "succession" == code_of(rotated, *rotated.listed, odd)


def test_successions_are_neither_dropped_nor_exchanged(rotated):
    first, second = rotated.listed

    assert "succession" == code_of(rotated, second)
    assert "succession" == code_of(rotated, second, first)
    assert "succession" == code_of(rotated, first, first)


def test_of_two_histories_the_longer_counts_and_a_fork_is_told(rotated):
    first, _ = rotated.listed
    place = {"number": 2, "previous": first.succession.sha256}
    other = rotated.succeed(THIRD, key=new_key("ES256"), changed=place)

    assert rotated.listed == find_longer((first,), rotated.listed)
    assert rotated.listed == find_longer(rotated.listed, (first,))
    with pytest.raises(SuccessionError) as refusal:
        find_longer(rotated.listed, (first, other))
    assert "key_history_forked" == refusal.value.code


def test_a_former_key_is_believed_for_what_it_signed_in_its_time(rotated):
    history = rotated.history()

    assert history.keys[0] == history.check(said(rotated, 0, "2026-02-28"), "credential")
    assert history.keys[1] == history.check(said(rotated, 1, "2026-03-31"), "credential")
    with pytest.raises(SignatureInvalidError, match="former key"):
        history.check(said(rotated, 0, "2026-03-02"), "credential")
    with pytest.raises(SignatureInvalidError, match="former key"):
        history.check(said(rotated, 0, "2026-02-28", iat=1790000000), "credential")


def test_a_compromised_key_is_believed_until_it_was_stolen_and_so_are_those_before_it():
    authority = Authority()
    authority.succeed("2026-01-15T00:00:00.000Z")
    authority.succeed(FIRST, until=THEFT)
    history = authority.history()

    assert [False, True, False] == [each.is_compromised for each in history.keys]
    history.check(said(authority, 1, "2026-01-31"), "credential")
    with pytest.raises(SignatureInvalidError, match="former key"):
        history.check(said(authority, 1, "2026-02-02"), "credential")
    early = Authority()
    early.succeed(FIRST)
    early.succeed(SECOND, until=THEFT)
    assert [THEFT, THEFT, ""] == [each.until for each in early.history().keys]


def test_a_statement_of_a_former_key_without_a_date_is_not_believed(rotated):
    kid = rotated.history().keys[0].kid
    token = keyed.sign(rotated.keys[0], {"kid": kid}, b'{"says":"anything"}')
    undated = read_jws(token.encode())

    assert "" == dated(undated.payload)
    with pytest.raises(SignatureInvalidError, match="dated nowhere"):
        rotated.history().check(undated, "credential")


def test_a_key_changes_after_the_change_before(rotated):
    with pytest.raises(SuccessionError):
        rotated.succeed(SECOND)
    with pytest.raises(SuccessionError):
        rotated.succeed(THIRD, until="2026-06-01T00:00:00.000Z")


@pytest.mark.parametrize(
    "odd", [None, {}, [1], [{}], ["x"] * 257, [{"succession": "{}", "evidence": "", "before": "",
                                               "after": ""}],
            [{"succession": "\ud800", "evidence": "", "before": "", "after": ""}]],
)  # fmt: skip
def test_what_is_no_history_is_refused(odd):
    with pytest.raises(EvidenceMalformedError):
        read_successions(odd)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_history_with_one_changed_character_is_refused(rotated, data):
    travelling = [each.to_json() for each in rotated.listed]
    which = data.draw(st.integers(0, 1))
    name = data.draw(st.sampled_from(sorted(travelling[which])))
    text = travelling[which][name]
    place = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.characters(codec="utf-8").filter(lambda each: each != text[place]))
    travelling[which][name] = text[:place] + other + text[place + 1 :]

    with pytest.raises((EvidenceMalformedError, SuccessionError)):
        rotated.history(read_successions(travelling))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=12,
)


@given(content=_JSON)
@settings(max_examples=60, deadline=None)
def test_whatever_comes_in_the_place_of_a_history_is_refused_in_words(content):
    if content == []:
        return
    with pytest.raises(EvidenceMalformedError):
        read_successions(content)


@given(payload=st.dictionaries(st.sampled_from(["iat", "nbf", "validFrom", "vc"]), _JSON))
@settings(max_examples=60, deadline=None)
def test_the_date_of_any_statement_can_be_asked_for(payload):
    assert dated(payload) == "" or dated(payload).endswith("Z")

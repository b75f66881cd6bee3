"""Two documents say the same terms, however JSON-LD writers spell them."""

import pytest

from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import Negotiation, NegotiationState
from tidegate.connector.negotiation.rules import is_same_terms, signed_agreement

PURPOSE = "http://www.w3.org/ns/odrl/2/purpose"
RESEARCH = "http://purl.obolibrary.org/obo/DUO_0000007"
DISEASE = "http://purl.obolibrary.org/obo/DUO_0000042"
PROFILE = "https://w3id.org/tidegate/policy/"


def offer(*constraints, **members):
    return {"permission": [{"action": "use", "constraint": list(constraints)}], **members}


def purpose(right, left=PURPOSE, operator="isAnyOf"):
    return {"leftOperand": left, "operator": operator, "rightOperand": right}


@pytest.mark.parametrize(
    "spelled",
    [
        offer(purpose([RESEARCH], left="odrl:purpose"), profile=PROFILE),
        offer(purpose(RESEARCH)),
        offer(purpose({"@value": RESEARCH})),
        offer(purpose([{"@id": RESEARCH}])),
        offer(purpose(f'[{{"@value":"{RESEARCH}"}}]'), assigner="a", target="b"),
    ],
)
def test_another_spelling_is_the_same(spelled):
    assert is_same_terms(offer(purpose([RESEARCH])), spelled)


@pytest.mark.parametrize(
    "other",
    [
        offer(purpose([DISEASE])),
        offer(purpose([RESEARCH, DISEASE])),
        offer(purpose([RESEARCH], operator="eq")),
        offer(),
        offer(purpose([RESEARCH]), obligation=[{"action": f"{PROFILE}recordUse"}]),
        offer(purpose([RESEARCH]), profile="https://example.org/other"),
        offer(purpose([RESEARCH]), unknown="x"),
    ],
)
def test_other_terms_are_not_the_same(other):
    assert not is_same_terms(offer(purpose([RESEARCH])), other)


def test_what_cannot_be_read_is_the_same_only_to_the_letter():
    foreign = offer(purpose("x", left="https://example.org/unknown"))

    assert is_same_terms(foreign, offer(purpose("x", left="https://example.org/unknown")))
    assert not is_same_terms(foreign, offer(purpose(["x"], left="https://example.org/unknown")))


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("2026-03-01T00:30:00Z", "2026-03-01T00:30:00Z"),
        ("2026-03-01T08:30:00.123456789+08:00", "2026-03-01T00:30:00.123Z"),
    ],
)
def test_the_moment_of_signing_is_kept_short_however_long_it_is_said(said, kept):
    at = "2026-03-02T08:00:00.000Z"
    agreement = offer(
        **{"@type": "Agreement", "@id": "urn:uuid:a", "target": "ds_1"},
        assigner="did:web:a",
        assignee="did:web:b",
        timestamp=said,
    )
    one = Negotiation(
        "urn:uuid:n", Side.CONSUMER, "did:web:a", "", "urn:uuid:p", "", "ds_1", "ver_1", "offer_1",
        {}, Side.PROVIDER, NegotiationState.FINALIZED, "x", at, "x", at, agreement=agreement,
    )  # fmt: skip

    assert signed_agreement(one).signed_at == kept


def test_a_list_as_text_that_never_ends_is_the_text_it_is():
    deep = '[{"@value":' * 20_000

    assert is_same_terms(offer(purpose(deep)), offer(purpose(deep), target="x"))
    assert not is_same_terms(offer(purpose(deep)), offer(purpose([RESEARCH])))

"""Two documents say the same terms, however JSON-LD writers spell them."""

import pytest

from tidegate.connector.negotiation.rules import is_same_terms

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

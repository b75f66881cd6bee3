"""A person assertion as the claims of a JWT, and back; the connector signs and verifies it."""

from collections.abc import Mapping
from typing import Any

from tidegate.access.model import institution_of
from tidegate.partners.errors import TrainingInvalidError
from tidegate.partners.model import PersonAssertion
from tidegate.partners.records import from_plain, to_plain
from tidegate.partners.training import rules

CLAIM = "tidegate_person"


def assertion_claims(assertion: PersonAssertion) -> dict[str, Any]:
    """Return the claims that state the assertion; the issuer adds `iss`, `aud` and its times."""
    return {"sub": assertion.person_ref, CLAIM: to_plain(assertion)}


def read_assertion(claims: Mapping[str, Any], issuer: str) -> PersonAssertion:
    """Read the claims of a verified JWT of `issuer`; raise when it speaks of others' people."""
    assertion = from_plain(claims.get(CLAIM), PersonAssertion)
    own = {issuer} == {assertion.institution, institution_of(assertion.person_ref)}
    if not own or claims.get("sub") != assertion.person_ref:
        raise TrainingInvalidError("An institution vouches for its own people only.")
    for training in assertion.trainings:
        rules.check_statement(training, issuer)
        if training.person_ref != assertion.person_ref:
            raise TrainingInvalidError("An assertion about one person certifies another.")
    return assertion

"""What an institution says of one of its people, as claims of a signed statement."""

from collections.abc import Mapping
from typing import Any

import msgspec

from tidegate.access.model import institution_of
from tidegate.connector.errors import CredentialInvalidError
from tidegate.partners.model import PersonAssertion

PERSON_TYP = "tidegate-person+jwt"


def person_claims(assertion: PersonAssertion, institution: str, audience: str) -> dict[str, Any]:
    """Return the claims by which `institution` tells `audience` of one of its people.

    Raises:
        CredentialInvalidError: the person is somebody else's.
    """
    if assertion.institution != institution:
        raise _of_another()
    return {
        "sub": assertion.person_ref,
        "aud": audience,
        "person": msgspec.to_builtins(assertion),
    }


def read_person(claims: Mapping[str, Any], institution: str) -> PersonAssertion:
    """Return what the claims of a statement by `institution` say of one of its people.

    Raises:
        CredentialInvalidError: malformed, or the person is somebody else's.
    """
    try:
        person = msgspec.convert(claims.get("person"), PersonAssertion)
    except msgspec.ValidationError:
        raise CredentialInvalidError(
            "The statement about a person is malformed.", code="person_malformed"
        ) from None
    owner = institution_of(person.person_ref)
    if {institution, person.institution} != {owner} or claims.get("sub") != person.person_ref:
        raise _of_another()
    return person


def _of_another() -> CredentialInvalidError:
    return CredentialInvalidError(
        "A node speaks for its own people only.", code="institution_mismatch"
    )

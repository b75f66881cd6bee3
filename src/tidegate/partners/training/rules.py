"""Who issues training credentials, and which courses a person has currently passed."""

from collections.abc import Iterable

from tidegate.access.model import Actor, Role, institution_of
from tidegate.access.rules import check_has_role
from tidegate.partners.errors import OwnMatterError, TrainingInvalidError
from tidegate.partners.model import PersonAssertion, TrainingCredential
from tidegate.partners.moments import is_moment


def check_may_issue(actor: Actor, own_ref: str, person_ref: str, self_did: str) -> None:
    """Raise unless a trainer certifies somebody else of the same institution."""
    check_has_role(actor, Role.TRAINER)
    if institution_of(person_ref) != self_did or person_ref == self_did:
        raise TrainingInvalidError("An institution certifies the training of its own people only.")
    if own_ref == person_ref:
        raise OwnMatterError("Nobody certifies their own training; ask another trainer.")


def check_statement(training: TrainingCredential, sender: str) -> None:
    """Raise unless the sender says this of one of its own people."""
    if training.issuer != sender or institution_of(training.person_ref) != sender:
        raise TrainingInvalidError("An institution certifies the training of its own people only.")
    stated = (training.issued_at, training.expires_at, training.revoked_at or training.issued_at)
    if not all(map(is_moment, stated)):
        raise TrainingInvalidError("The moments of a training credential are written in UTC.")
    if training.issued_at >= training.expires_at:
        raise TrainingInvalidError("A training credential must end after it begins.")


def check_assertion(assertion: PersonAssertion) -> None:
    """Raise unless the assertion, and all it certifies, is about one person of its institution."""
    if institution_of(assertion.person_ref) != assertion.institution:
        raise TrainingInvalidError("An institution vouches for its own people only.")
    for training in assertion.trainings:
        check_statement(training, assertion.institution)
        if training.person_ref != assertion.person_ref:
            raise TrainingInvalidError("An assertion about one person certifies another.")


def is_current(training: TrainingCredential, at: str) -> bool:
    """Tell whether the credential counts at that moment."""
    return training.revoked_at is None and training.issued_at <= at < training.expires_at


def find_missing(
    trainings: Iterable[TrainingCredential],
    people: Iterable[str],
    courses: Iterable[str],
    at: str,
) -> tuple[tuple[str, str], ...]:
    """Return every (person, course) that is required and not currently passed, in order."""
    passed = {(one.person_ref, one.course) for one in trainings if is_current(one, at)}
    wanted = tuple(courses)
    return tuple(
        (person, course) for person in people for course in wanted if (person, course) not in passed
    )

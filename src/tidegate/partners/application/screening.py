"""What stands in the way of an application before any committee looks at it."""

from collections.abc import Mapping
from dataclasses import field

from sqlalchemy import Connection

from tidegate.kernel.values import dataclass
from tidegate.partners.model import Application
from tidegate.partners.partnership import rules as partnership_rules
from tidegate.partners.partnership import store as partnership_store
from tidegate.partners.space import store as space_store
from tidegate.partners.training import rules as training_rules
from tidegate.partners.training import store as training_store


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A reason to refuse at once: its code, its words, and the names they mention."""

    code: str
    message: str
    details: Mapping[str, str] = field(default_factory=dict)


def find_obstacle(
    conn: Connection, application: Application, self_did: str, at: str
) -> Obstacle | None:
    """Return the first requirement the application does not meet now, or None."""
    provider, grantee = application.provider, application.grantee
    if provider == grantee == self_did:
        return None  # within one institution no partnership is needed
    for did, code in ((provider, "provider_not_member"), (grantee, "applicant_not_member")):
        if not space_store.is_active(conn, did):
            return Obstacle(code, "The institution is no active member of the space.", {"did": did})
    between = partnership_store.list_between(conn, provider, grantee)
    in_force = tuple(one for one in between if partnership_rules.is_in_force(one, at))
    if not in_force:
        return Obstacle(
            "partnership_missing",
            "The two institutions have no partnership in force; their legal offices must sign one.",
            {"provider": provider},
        )
    people = tuple(dict.fromkeys((application.applicant, *application.people)))
    trainings = training_store.list_of(conn, people)
    courses = in_force[0].required_training
    missing = training_rules.find_missing(trainings, people, courses, at)
    if missing:
        person, course = missing[0]
        return Obstacle(
            "training_missing",
            f"A person of the application has not passed the course '{course}' that the partnership"
            " requires, or it has expired; a trainer of their institution can certify it.",
            {"person": person, "course": course},
        )
    return None

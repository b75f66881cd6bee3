"""What an application must say, who decides on it, and what a permit may grant."""

import calendar
from dataclasses import replace

from tidegate.access.model import Actor, Role, institution_of
from tidegate.access.rules import check_has_role
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.machine import Machine, Move
from tidegate.partners.errors import ApplicationInvalidError, NotPartyError, OwnMatterError
from tidegate.partners.model import (
    Application,
    ApplicationState,
    Permit,
    PermitState,
)
from tidegate.partners.moments import is_moment
from tidegate.partners.purpose import covers, find_code

_A = ApplicationState
APPLICATION: Machine[ApplicationState] = Machine(
    "application",
    _A.SUBMITTED,
    (
        Move("approve", _A.SUBMITTED, _A.APPROVED, by="committee"),
        Move("refuse", _A.SUBMITTED, _A.REFUSED, by="committee"),
        Move("refuse", _A.SUBMITTED, _A.REFUSED, by="rules"),
        Move("withdraw", _A.SUBMITTED, _A.WITHDRAWN, by="applicant"),
        Move("withdraw", _A.APPROVED, _A.WITHDRAWN, by="applicant"),
    ),
)
PERMIT: Machine[PermitState] = Machine(
    "permit",
    PermitState.LIVE,
    (
        Move("end", PermitState.LIVE, PermitState.ENDED, by="committee"),
        Move("end", PermitState.LIVE, PermitState.ENDED, by="applicant"),
    ),
)
MOST_MONTHS = 120  # Regulation (EU) 2025/327 (EHDS) Article 68: at most ten years
MOST_NAMES = 500


def normal_application(application: Application) -> Application:
    """Return the application with purposes as codes and nothing twice; raise when unusable."""
    project = application.project
    purposes = tuple(find_code(purpose) or "" for purpose in application.purposes)
    if not purposes or not all(covers((project.purpose,), one) for one in purposes):
        raise ApplicationInvalidError(
            "The purposes must lie within the purpose of the study.", code="purpose_outside_study"
        )
    if not 1 <= application.months <= MOST_MONTHS:
        raise ApplicationInvalidError(f"A permit lasts 1 to {MOST_MONTHS} months.")
    people = tuple(dict.fromkeys(application.people))
    if not people or not set(people) <= set(project.people):
        raise ApplicationInvalidError(
            "The people must be named, and take part in the study.", code="person_outside_study"
        )
    if {institution_of(one) for one in (application.applicant, *people)} != {project.home}:
        raise ApplicationInvalidError("An institution applies for its own people only.")
    if application.applicant not in project.people:
        raise ApplicationInvalidError("Only somebody of the study can apply for it.")
    if application.dataset_id not in project.dataset_ids:
        raise ApplicationInvalidError(
            "The study does not list this dataset; add it first.", code="dataset_outside_study"
        )
    if len(application.variables) > MOST_NAMES or not all(v.strip() for v in application.variables):
        raise ApplicationInvalidError(f"At most {MOST_NAMES} variables can be named, none empty.")
    return replace(
        application,
        people=people,
        purposes=tuple(dict.fromkeys(purposes)),
        variables=tuple(dict.fromkeys(application.variables)),
    )


def check_may_decide(actor: Actor, actor_ref: str, application: Application) -> None:
    """Raise unless a committee member decides who neither asked nor takes part."""
    check_has_role(actor, Role.COMMITTEE)
    if actor_ref in {application.applicant, *application.people, *application.project.people}:
        raise OwnMatterError(
            "Nobody decides on an application they wrote or take part in;"
            " ask another member of the committee."
        )


def may_decide(actor: Actor, actor_ref: str, application: Application) -> bool:
    """Tell whether the actor may decide on the application."""
    try:
        check_may_decide(actor, actor_ref, application)
    except TidegateError:
        return False
    return True


def check_is_applicant(actor_ref: str, application: Application) -> None:
    """Raise unless the applicant or the lead of the study acts."""
    if actor_ref not in {application.applicant, application.project.lead}:
        raise NotPartyError("Only the applicant or the lead of the study may withdraw it.")


def check_permit_matches(permit: Permit, application: Application, now: str) -> None:
    """Raise unless a permit grants no more than was asked, for at most the longest term."""
    asked = (application.id, application.project.id, application.dataset_id)
    same = asked == (permit.application_id, permit.project_id, permit.dataset_id)
    ends = (application.provider, application.grantee) == (permit.provider, permit.grantee)
    within = (
        set(permit.people) <= set(application.people)
        and set(permit.purposes) <= set(application.purposes)
        and set(permit.variables) <= set(application.variables)
    )
    in_form = is_moment(permit.valid_from) and is_moment(permit.valid_until)
    if not (same and ends and within and in_form) or permit.valid_from >= permit.valid_until:
        raise ApplicationInvalidError("The permit does not match what was applied for.")
    if permit.valid_until > add_months(now, MOST_MONTHS + 1):
        raise ApplicationInvalidError("The permit is longer than ten years.")


def add_months(stamp: str, months: int) -> str:
    """Return a stamp moved by calendar months; the day is clipped to the month's last."""
    year, month = divmod(int(stamp[:4]) * 12 + int(stamp[5:7]) - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return f"{year:04d}-{month + 1:02d}-{min(int(stamp[8:10]), last):02d}{stamp[10:]}"

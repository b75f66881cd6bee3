"""What a study must say of itself, and who may change or approve it."""

import re
from dataclasses import replace

from tidegate.access.model import Actor, Role, institution_of
from tidegate.access.rules import check_has_role
from tidegate.kernel.machine import Machine, Move
from tidegate.partners.errors import (
    NotLeadError,
    OwnMatterError,
    ProjectClosedError,
    ProjectInvalidError,
)
from tidegate.partners.model import EthicsApproval, Project, ProjectState
from tidegate.partners.moments import is_moment
from tidegate.partners.purpose import find_code

PROJECT: Machine[ProjectState] = Machine(
    "study",
    ProjectState.LIVE,
    (Move("close", ProjectState.LIVE, ProjectState.CLOSED, by="lead"),),
)
LONGEST_PLAN = 20_000
MOST_PEOPLE = 200
BASES = frozenset({"consent", "research_exemption", "statute", "public_interest", "anonymised"})
_REF = re.compile(r"did:web:[^#\s]{1,300}#[^#\s]{1,100}")


def normal_project(project: Project) -> Project:
    """Return the study with its purpose as a code and nothing twice; raise when incomplete."""
    purpose = find_code(project.purpose)
    if purpose is None:
        raise ProjectInvalidError("A study's purpose is a DUO code, as in DUO:0000007 or HMB.")
    if not project.title.strip() or not project.data_management_plan.strip():
        raise ProjectInvalidError("A study needs a title and a data management plan.")
    if len(project.data_management_plan) > LONGEST_PLAN or len(project.people) > MOST_PEOPLE:
        raise ProjectInvalidError("The data management plan or the list of people is too long.")
    people = _once((project.lead, *project.people))
    if not all(_REF.fullmatch(person) for person in people):
        raise ProjectInvalidError("People are named as institution#person.")
    if institution_of(project.lead) != project.home:
        raise ProjectInvalidError("The lead of a study works at the institution it is run from.")
    return replace(
        project,
        purpose=purpose,
        people=people,
        dataset_ids=_once(project.dataset_ids),
        sites=_once((project.home, *project.sites)),
    )


def check_is_lead(actor_ref: str, project: Project) -> None:
    """Raise NotLeadError unless the lead of the study acts."""
    if actor_ref != project.lead:
        raise NotLeadError("Only the lead of the study may change it.", lead=project.lead)


def check_is_live(project: Project) -> None:
    """Raise ProjectClosedError when the study is closed."""
    if project.state is not ProjectState.LIVE:
        raise ProjectClosedError("This study is closed.", project=project.id)


def check_may_approve(actor: Actor, actor_ref: str, project: Project | None) -> None:
    """Raise unless a committee member who takes no part in the study speaks for the site."""
    check_has_role(actor, Role.COMMITTEE)
    if project is not None and actor_ref in project.people:
        raise OwnMatterError("Nobody approves a study they take part in.")


def check_approval(approval: EthicsApproval) -> None:
    """Raise ProjectInvalidError unless the approval says what it covers and until when."""
    if not approval.reference.strip() or not approval.covers_datasets:
        raise ProjectInvalidError("An ethics approval needs its reference and its datasets.")
    if not (is_moment(approval.expires_at) and is_moment(approval.recorded_at)):
        raise ProjectInvalidError("The moments of an ethics approval are written in UTC.")
    if approval.expires_at <= approval.recorded_at:
        raise ProjectInvalidError("This ethics approval has expired already.")


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))

"""Applications: what was asked, by whom, for what; and the committee's decision."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import has_role
from tidegate.kernel.errors import NotFoundError
from tidegate.partners.model import Application, ApplicationState
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import names_of, title_of
from tidegate.web.pages.dataset import my_ref
from tidegate.web.pages.searching import purpose_name
from tidegate.web.steps import steps_of


def is_visible(ask: Ask, application: Application) -> bool:
    """Applicants see their own; whoever decides or keeps the data sees all of this node."""
    if has_role(ask.actor, Role.COMMITTEE, Role.STEWARD, Role.LEGAL, Role.AUDITOR):
        return True
    mine = my_ref(ask, ask.actor)
    return mine == application.applicant or mine in application.people


def may_decide(ask: Ask, application: Application) -> bool:
    """Whether the decision form is shown (the service decides again)."""
    return (
        application.state is ApplicationState.SUBMITTED
        and application.provider == ask.web.settings.node_did
        and has_role(ask.actor, Role.COMMITTEE)
        and application.applicant != my_ref(ask, ask.actor)
    )


def waiting_for(ask: Ask) -> tuple[Application, ...]:
    """Return the applications this person could decide now."""
    found = ask.house.applications.list_applications()
    return tuple(application for application in found if may_decide(ask, application))


def show_applications(ask: Ask) -> Response:
    """List applications made here or received here."""
    found = [one for one in ask.house.applications.list_applications() if is_visible(ask, one)]
    return ask.page(
        "applications.html",
        applications=found[::-1],
        titles=titles_of(ask, found),
        people=names_of(ask),
        can_decide=lambda application: may_decide(ask, application),
    )


def titles_of(ask: Ask, things: list[Application]) -> dict[str, object]:
    """Return the titles of the datasets that are asked for, by application."""
    return {one.id: title_of(ask, one.dataset_id, one.provider) for one in things}


def show_application(ask: Ask) -> Response:
    """Show one application with its decision, its permit and its evidence."""
    application = _get(ask)
    permit = ask.house.applications.find_permit_of(application.id)
    subjects = [f"application:{application.id}"] + ([f"permit:{permit.id}"] if permit else [])
    return ask.page(
        "application.html",
        application=application,
        permit=permit,
        title=title_of(ask, application.dataset_id, application.provider),
        can_decide=may_decide(ask, application),
        is_mine=application.applicant == my_ref(ask, ask.actor),
        steps=steps_of(ask.house.evidence.timeline(*subjects)),
        people=names_of(ask),
        purpose_name=lambda code: purpose_name(ask, code),
    )


def _get(ask: Ask) -> Application:
    application = ask.house.applications.get_application(ask.path["application_id"])
    if not is_visible(ask, application):
        raise NotFoundError("No such application.", code="application_not_found")
    return application


def decide(ask: Ask) -> Response:
    """Approve or refuse, with reasons."""
    application = _get(ask)
    reason = ask.form.text("reason")
    if ask.form.text("decision") == "approve":
        ask.house.applications.approve(
            application.id,
            reason,
            months=ask.form.whole("months", application.months),
            by=ask.actor,
        )
        return ask.go(f"/applications/{application.id}", said="application_approved")
    ask.house.applications.refuse(application.id, reason, by=ask.actor)
    return ask.go(f"/applications/{application.id}", said="application_refused")


def withdraw(ask: Ask) -> Response:
    """Take one's application back."""
    application = _get(ask)
    ask.house.applications.withdraw(application.id, ask.form.text("reason"), by=ask.actor)
    return ask.go(f"/applications/{application.id}", said="application_withdrawn")


PAGES = (
    page("/applications", show_applications),
    page("/applications/{application_id}", show_application),
    making("/applications/{application_id}/decide", decide),
    making("/applications/{application_id}/withdraw", withdraw),
)

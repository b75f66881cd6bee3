"""A de-identification that runs in the background: how far it is, and what became of it."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.commons.errors import RunUnknownError
from tidegate.commons.runs.model import RunState
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import names_of


def show_run(ask: Ask) -> Response:
    """Show the newest run of a version; the part that changes is fetched again as it goes."""
    check_has_role(ask.actor, Role.STEWARD)
    version = ask.house.catalogue.get_version(ask.path["version_id"])
    view = ask.house.runs.find_latest(version.id)
    if view is None:
        raise RunUnknownError("This version was never asked to be de-identified.")
    report = ask.house.deidentification.find_report(version.id)
    return ask.page(
        "deidentifying.html",
        version=version,
        listing=ask.house.catalogue.get_listing(version.dataset_id, by=ask.actor),
        run=view.run,
        progress=view.progress,
        is_open=view.run.state is RunState.WAITING,
        has_paper=bool(report and report.generalised),
        people=names_of(ask),
    )


def cancel_run(ask: Ask) -> Response:
    """Give up the run that waits."""
    version = ask.path["version_id"]
    ask.house.runs.cancel(version, by=ask.actor)
    return ask.go(f"/versions/{version}/deidentification", said="run_cancelled")


PAGES = (
    page("/versions/{version_id}/deidentification", show_run),
    making("/versions/{version_id}/deidentification/cancel", cancel_run),
)

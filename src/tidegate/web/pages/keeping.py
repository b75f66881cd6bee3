"""Storing, archiving and checking a version on the screen, and putting it aside and back."""

from starlette.responses import Response

from tidegate.catalogue.model import VersionRecord
from tidegate.commons.custody.model import Act
from tidegate.commons.errors import NotReadyError
from tidegate.kernel.errors import NotFoundError
from tidegate.web.custody import check_confirmed
from tidegate.web.kit import Ask, making
from tidegate.web.pages.dataset import attempt

ASIDE = {
    act.value: act
    for act in (
        Act.RECALL,
        Act.SUSPEND,
        Act.RESUME,
        Act.QUARANTINE,
        Act.RELEASE,
        Act.RESTRICT,
        Act.UNRESTRICT,
    )
}


def store(ask: Ask) -> Response:
    """Store the tables; the key of the identified rows is destroyed, so the title is typed."""

    def act(version: VersionRecord) -> None:
        check_confirmed(ask, ask.house.catalogue.get_dataset(version.dataset_id).title)
        ask.house.holdings.store(version.id, by=ask.actor)

    return attempt(ask, Act.STORE, act, said="version_stored")


def archive(ask: Ask) -> Response:
    """Archive the version, once its objects were found whole."""
    return attempt(
        ask,
        Act.ARCHIVE,
        lambda version: ask.house.holdings.archive(version.id, by=ask.actor),
        said="version_archived",
    )


def check(ask: Ask) -> Response:
    """Hash the version's objects again."""

    def act(version: VersionRecord) -> None:
        if not ask.house.holdings.check_fixity(version.id, by=ask.actor):
            raise NotReadyError(
                "At least one object is not what was stored: nobody should use it. Tell the"
                " operator; the evidence names the objects.",
                code="fixity_changed",
            )

    return attempt(ask, Act.CHECK, act, said="fixity_whole")


def put_aside(ask: Ask) -> Response:
    """Put the version aside, or bring it back, with a reason."""
    act = ASIDE.get(ask.path["act"])
    if act is None:
        raise NotFoundError("There is no such page.", code="page_not_found")
    return attempt(
        ask,
        act,
        lambda version: ask.house.holdings.move_aside(
            version.id, act, ask.form.required("reason"), by=ask.actor
        ),
        said=f"version_{act}",
    )


PAGES = (
    making("/versions/{version_id}/store", store),
    making("/versions/{version_id}/archive", archive),
    making("/versions/{version_id}/fixity", check),
    making("/versions/{version_id}/aside/{act}", put_aside),
)

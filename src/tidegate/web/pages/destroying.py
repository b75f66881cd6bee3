"""The end of a version on the screen: one person asks, another approves, a certificate stays."""

from starlette.responses import Response

from tidegate.catalogue.model import VersionRecord
from tidegate.commons.custody.model import Act
from tidegate.kernel.errors import NotFoundError
from tidegate.web.custody import care_of, check_confirmed
from tidegate.web.kit import Ask, making, page
from tidegate.web.pages.dataset import attempt


def request(ask: Ask) -> Response:
    """Ask for the destruction of the version, with a reason."""
    return attempt(
        ask,
        Act.REQUEST_DESTRUCTION,
        lambda version: ask.house.destruction.request(
            version.id, ask.form.required("reason"), by=ask.actor
        ),
        said="destruction_requested",
    )


def approve(ask: Ask) -> Response:
    """Approve what another person asked for, which destroys; the title is typed."""

    def act(version: VersionRecord) -> None:
        check_confirmed(ask, ask.house.catalogue.get_dataset(version.dataset_id).title)
        ask.house.destruction.approve(version.id, by=ask.actor)

    return attempt(ask, Act.APPROVE_DESTRUCTION, act, said="version_destroyed")


def show_certificate(ask: Ask) -> Response:
    """Give the certificate of the destruction as it was signed."""
    version = ask.house.catalogue.get_version_for(ask.path["version_id"], by=ask.actor)
    care = care_of(ask, version)
    if care is None or care.certificate is None:
        raise NotFoundError(
            "There is no certificate of destruction of this version.", code="certificate_missing"
        )
    name = f'attachment; filename="{care.certificate.id}.jws"'
    return Response(
        care.certificate.jws, media_type="application/jose", headers={"Content-Disposition": name}
    )


PAGES = (
    making("/versions/{version_id}/destruction", request),
    making("/versions/{version_id}/destruction/approve", approve),
    page("/versions/{version_id}/certificate.jws", show_certificate),
)

"""The risk report of a de-identified version, signed on the screen by a second person."""

from starlette.responses import Response

from tidegate.commons.custody.model import Act
from tidegate.web.kit import Ask, making
from tidegate.web.pages.dataset import attempt


def sign(ask: Ask) -> Response:
    """Sign the report that was read, named by its id."""
    return attempt(
        ask,
        Act.SIGN,
        lambda version: ask.house.deidentification.sign_risk_report(
            version.id, ask.form.required("report"), by=ask.actor
        ),
        said="risk_signed",
    )


PAGES = (making("/versions/{version_id}/risk-report/sign", sign),)

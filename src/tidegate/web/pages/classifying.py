"""The classification of a version on the screen: one person proposes, another approves."""

from starlette.responses import Response

from tidegate.catalogue.model import Classification
from tidegate.commons.custody.model import Act
from tidegate.web.forms import Form
from tidegate.web.kit import Ask, making
from tidegate.web.pages.dataset import attempt


def propose(ask: Ask) -> Response:
    """Propose how protected the version is."""
    return attempt(
        ask,
        Act.PROPOSE,
        lambda version: ask.house.classification.propose(
            version.id, read_proposal(ask.form), by=ask.actor
        ),
        said="classification_proposed",
    )


def approve(ask: Ask) -> Response:
    """Approve the proposal that was read, named by its hash."""
    return attempt(
        ask,
        Act.APPROVE,
        lambda version: ask.house.classification.approve(
            version.id, ask.form.required("proposal"), by=ask.actor
        ),
        said="classification_approved",
    )


def read_proposal(form: Form) -> Classification:
    """Read a proposal; raise InvalidError for a field left open. Nothing is chosen beforehand."""
    personal, basis = form.required("personal"), form.required("basis")
    return Classification(
        cn_class=form.required("cn_class"),
        level=form.whole("level"),
        personal=personal != "none",
        sensitive=personal == "sensitive",
        basis=form.required("basis_words") if basis == "other" else basis,
        important_status=form.required("important_status"),
        hgr=form.required("hgr"),
        source=form.required("source"),
    )


PAGES = (
    making("/versions/{version_id}/classification", propose),
    making("/versions/{version_id}/classification/approve", approve),
)

"""Data planes and control planes elsewhere: registered, approved and forgotten on the screen."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import has_role
from tidegate.connector.signaling.model import Asked, AuthType, PlaneKind, Registered
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import names_of, title_of

MOST_FLOWS = 50


def show_planes(ask: Ask) -> Response:
    """List the registered planes, what waits for a legal officer, and the newest data flows."""
    return _page(ask)


def _page(ask: Ask, done: Registered | None = None) -> Response:
    signaling = ask.house.signaling
    planes = signaling.list_planes(by=ask.actor)
    return ask.page(
        "planes.html",
        planes=planes,
        titles={
            name: title_of(ask, name, ask.web.settings.node_did)
            for one in planes
            for name in one.datasets
        },
        flows=signaling.list_flows(by=ask.actor, limit=MOST_FLOWS),
        done=done,
        kinds=tuple(PlaneKind),
        may_register=has_role(ask.actor, Role.OPERATOR),
        may_approve=has_role(ask.actor, Role.LEGAL),
        people=names_of(ask),
    )


def register(ask: Ask) -> Response:
    """Register a plane with bearer tokens; the token it presents is shown this once."""
    form = ask.form
    kind = PlaneKind.CONTROL if form.text("kind") == PlaneKind.CONTROL else PlaneKind.DATA
    serves = tuple(form.text("serves").split())
    done = ask.house.signaling.register(
        Asked(
            kind=kind,
            id=form.required("name"),
            endpoint=form.required("endpoint"),
            auth=AuthType.BEARER.value,
            secret=form.required("secret"),
            profiles=serves if kind is PlaneKind.DATA else (),
            datasets=serves if kind is PlaneKind.CONTROL else (),
            accepts=form.text("accepts"),
        ),
        by=ask.actor,
    )
    return _page(ask, done)


def approve(ask: Ask) -> Response:
    """Open the datasets of a control plane, as they were shown."""
    ask.house.signaling.approve(
        ask.form.required("name"),
        ask.form.required("ground"),
        seen=ask.form.required("seen"),
        by=ask.actor,
    )
    return ask.go("/planes", said="plane_approved")


def remove(ask: Ask) -> Response:
    """Forget a plane; its open flows end."""
    kind = PlaneKind.CONTROL if ask.form.text("kind") == PlaneKind.CONTROL else PlaneKind.DATA
    ask.house.signaling.remove(kind, ask.form.required("name"), by=ask.actor)
    return ask.go("/planes", said="plane_removed")


PAGES = (
    page("/planes", show_planes),
    making("/planes/register", register),
    making("/planes/approve", approve),
    making("/planes/remove", remove),
)

"""The space: who belongs to it, and what the institutions agreed on."""

from starlette.responses import Response

from tidegate.web.kit import Ask, page
from tidegate.web.names import names_of
from tidegate.web.pages.searching import purpose_name


def show_space(ask: Ask) -> Response:
    """Show the space, its members and the partnerships."""
    return ask.page(
        "space.html",
        space=ask.house.space.find_space(),
        members=ask.house.space.list_members(),
        partnerships=ask.house.partnerships.list_partnerships(),
        people=names_of(ask),
        purpose_name=lambda code: purpose_name(ask, code),
    )


PAGES = (page("/space", show_space),)

"""The pages as routes, with what is served beside them: the style, the script, the picture."""

from collections.abc import Callable
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tidegate.house import House
from tidegate.kernel.errors import NotFoundError
from tidegate.web.kit import SECURITY_HEADERS, Web, WebSettings, page
from tidegate.web.pages import (
    agreements,
    applications,
    approving,
    checking,
    classifying,
    countering,
    countersigning,
    dataset,
    deidentified,
    deidentifying,
    destroying,
    evidence,
    home,
    inbox,
    keeping,
    operation,
    peers,
    planes,
    progress,
    proposing,
    queries,
    recipe,
    searching,
    signing_in,
    space,
    strategies,
)

_MEDIA = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
_MODULES = (
    signing_in,
    home,
    searching,
    dataset,
    classifying,
    deidentified,
    deidentifying,
    recipe,
    countersigning,
    keeping,
    destroying,
    applications,
    agreements,
    progress,
    inbox,
    approving,
    countering,
    proposing,
    strategies,
    queries,
    checking,
    evidence,
    space,
    peers,
    planes,
    operation,
)


def routes(house: House, settings: WebSettings) -> list[Route]:
    """Return every page of the node; the last route answers whatever no other does."""
    web = Web(house, settings)
    made = [declare(web) for module in _MODULES for declare in module.PAGES]
    beside = [Route(f"/static/{name}", _static(name)) for name in _static_names()]
    return [*beside, *made, page("/{path:path}", _missing, public=True)(web)]


def _missing(ask: object) -> Response:
    del ask
    raise NotFoundError("There is no such page.", code="page_not_found")


def _static_names() -> tuple[str, ...]:
    folder = files("tidegate.web").joinpath("static")
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.name.count(".") == 1))


def _static(name: str) -> Callable[[Request], Response]:
    content = files("tidegate.web").joinpath("static", name).read_bytes()
    media = next(kind for ending, kind in _MEDIA.items() if name.endswith(ending))
    headers = {**SECURITY_HEADERS, "Cache-Control": "public, max-age=300"}

    def answer(_request: Request) -> Response:
        return Response(content, media_type=media, headers=headers)

    return answer

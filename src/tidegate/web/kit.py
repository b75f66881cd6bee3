"""How a page is made: who reads it, in which language, with which words, under which headers."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import field
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from tidegate.access.model import Actor, Role
from tidegate.access.rules import ANONYMOUS
from tidegate.audit.service import MAY_READ
from tidegate.house import House
from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TidegateError,
    UnavailableError,
    WithheldError,
)
from tidegate.kernel.ids import secret_token
from tidegate.kernel.text import Language
from tidegate.kernel.values import dataclass
from tidegate.web.forms import LARGEST_FIELD, TOKEN_FIELD, Form, check_token, make_token
from tidegate.web.menu import Group, counts_for, menu_for
from tidegate.web.messages import choose_language
from tidegate.web.repeats import ONCE_FIELD, Repeats, key_of

log = logging.getLogger("tidegate.web")

MOST_FORM_FIELDS = 500

STATUS: Mapping[type[TidegateError], int] = {
    NotFoundError: 404,
    ForbiddenError: 403,
    ConflictError: 409,
    InvalidError: 400,
    WithheldError: 403,
    UnavailableError: 503,
    CorruptError: 500,
}
"""The one table from a kind of error to the status of its page."""

_OPEN_SUBJECTS = frozenset({"dataset", "version", "agreement", "negotiation", "transfer", "query"})

SECURITY_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
        "connect-src 'self'; font-src 'none'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
}


@dataclass(frozen=True, slots=True)
class WebSettings:
    """What the pages are told from outside; `csrf_key` is derived from the node's root secret."""

    node_name: str
    node_did: str
    node_role: str
    csrf_key: bytes
    is_secure: bool = False
    """Whether browsers reach the node by https, so that cookies travel only so."""

    @property
    def cookie_mark(self) -> str:
        """A short name of the node for cookies: ports of one host share them."""
        kept = (each if each.isalnum() else "-" for each in self.node_did.removeprefix("did:web:"))
        return "".join(kept)[-40:]


@dataclass(frozen=True, slots=True)
class Web:
    """What every page handler stands on."""

    house: House
    settings: WebSettings
    repeats: Repeats = field(default_factory=Repeats)

    def cookie(self, kind: str) -> str:
        """Name one of this node's cookies: session, form or language."""
        prefix = "__Host-" if self.settings.is_secure else ""
        return f"{prefix}tidegate-{kind}-{self.settings.cookie_mark}"

    def set_cookie(self, response: Response, kind: str, value: str, *, days: int = 0) -> None:
        """Set one of this node's cookies."""
        response.set_cookie(
            self.cookie(kind),
            value,
            max_age=days * 86_400 or None,
            path="/",
            httponly=True,
            secure=self.settings.is_secure,
            samesite="lax",
        )


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who looks at a page and what their browser sent along."""

    actor: Actor
    language: Language
    seed: str
    is_new_seed: bool

    @property
    def is_signed_in(self) -> bool:
        """Whether we know who it is."""
        return self.actor.id != ANONYMOUS.id

    def has(self, *roles: str) -> bool:
        """Tell templates whether the person holds one of the roles."""
        return bool(self.actor.roles & {Role(role) for role in roles})


@dataclass(frozen=True, slots=True)
class Ask:
    """One request on its way to a page: everything a handler may look at."""

    web: Web
    visitor: Visitor
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Form
    url: str
    session: str = ""

    @property
    def house(self) -> House:
        """Every room's service."""
        return self.web.house

    @property
    def actor(self) -> Actor:
        """Who asks."""
        return self.visitor.actor

    @property
    def language(self) -> Language:
        """The language of the page."""
        return self.visitor.language

    def menu(self, *, counted: bool) -> tuple[Group, ...]:
        """Return the menu of this visitor; a page about a problem counts nothing."""
        house, did = self.house, self.web.settings.node_did
        counts = counts_for(house, self.actor, did) if counted else {}
        return menu_for(self.actor, self.url.partition("?")[0], counts)

    def is_about(self, subject: str, by: str = "") -> bool:
        """Whether anyone here may read it: of themselves, of data, agreements and queries."""
        kind = subject.partition(":")[0]
        return self.actor.id in (subject, by) or kind in _OPEN_SUBJECTS

    def may_see(self, subject: str = "", by: str = "") -> bool:
        """Whether this visitor may read a leaf or chain, so that no link leads to a refusal."""
        return self.is_about(subject, by) or bool(self.actor.roles & MAY_READ)

    def page(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Render a template for this visitor."""
        shown = {"ask": self, "visitor": self.visitor, "node": self.web.settings, **values}
        shown["menu"] = self.menu(counted=status < 500)
        shown["once"] = secret_token()
        shown["csrf"] = make_token(self.web.settings.csrf_key, self.visitor.seed)
        from tidegate.web.rendering import render  # noqa: PLC0415 - Jinja2 comes with the first page

        return HTMLResponse(render(template, self.language, shown), status_code=status)

    def go(self, path: str, *, said: str = "") -> Response:
        """Send the browser on after a form; `said` names the message the next page shows."""
        mark = f"{'&' if '?' in path else '?'}said={said}" if said else ""
        return RedirectResponse(path + mark, status_code=303)


Handler = Callable[[Ask], Response]


class UnforeseenError(TidegateError):
    """Something nobody anticipated; its words never leave the node."""


class SignInNeededError(ForbiddenError):
    """The page is for people who signed in."""


def page(path: str, handler: Handler, *, public: bool = False) -> Callable[[Web], Route]:
    """Declare a page that is read."""
    return lambda web: Route(path, _endpoint(web, handler, public=public), methods=["GET"])


def action(path: str, handler: Handler, *, public: bool = False) -> Callable[[Web], Route]:
    """Declare a form that is sent."""
    return lambda web: Route(path, _endpoint(web, handler, public=public), methods=["POST"])


def making(path: str, handler: Handler) -> Callable[[Web], Route]:
    """Declare a form that makes something, and makes it once however often it is sent."""

    def make_once(ask: Ask) -> Response:
        if not ask.form.text(ONCE_FIELD):
            return handler(ask)
        key = key_of(ask.visitor.seed, ask.url, ask.form.values)
        return ask.web.repeats.once(key, lambda: handler(ask))

    return action(path, make_once)


def _endpoint(
    web: Web, handler: Handler, *, public: bool
) -> Callable[[Request], Awaitable[Response]]:
    async def answer(request: Request) -> Response:
        sent = await _read_form(request) if request.method == "POST" else None
        return await run_in_threadpool(respond, web, request, sent, handler, public)

    return answer


async def _read_form(request: Request) -> FormData:
    """Read a form's fields; no page takes files, which would fill the disk before any check."""
    return await request.form(max_files=0, max_fields=MOST_FORM_FIELDS, max_part_size=LARGEST_FIELD)


def respond(
    web: Web,
    request: Request,
    sent: FormData | None,
    handler: Handler,
    public: bool,  # noqa: FBT001 - called through a thread pool
) -> Response:
    """Answer one request: find the visitor, check the form, run the handler, set the headers."""
    visitor = find_visitor(web, request)
    ask = _ask(web, request, sent, visitor)
    try:
        if not (public or visitor.is_signed_in):
            raise SignInNeededError("Sign in to see this page.", code="sign_in_needed")
        if sent is not None:
            check_token(web.settings.csrf_key, visitor.seed, ask.form.text(TOKEN_FIELD))
        response = handler(ask)
    except TidegateError as problem:
        response = problem_page(ask, problem)
    except Exception as failure:
        log.error("a page failed", extra={"path": request.url.path}, exc_info=failure)
        words = "Something went wrong in this node; its operator finds the time in the log."
        response = problem_page(ask, UnforeseenError(words, code="unforeseen"))
    return seal(web, visitor, response)


def find_visitor(web: Web, request: Request) -> Visitor:
    """Say who is asking, by the session cookie, and in which language to answer."""
    cookies = request.cookies
    language = choose_language(
        cookies.get(web.cookie("language"), ""), request.headers.get("accept-language", "")
    )
    session = cookies.get(web.cookie("session"), "")
    actor = ANONYMOUS
    if session:
        try:
            actor = web.house.access.actor_for_session(session)
        except ForbiddenError:
            session = ""
    seed = session or cookies.get(web.cookie("form"), "")
    return Visitor(actor, language, seed or secret_token(), is_new_seed=not seed)


def _ask(web: Web, request: Request, sent: FormData | None, visitor: Visitor) -> Ask:
    values: dict[str, tuple[str, ...]] = {}
    for name, value in sent.multi_items() if sent is not None else ():
        if isinstance(value, str):
            values[name] = (*values.get(name, ()), value)
    parts = urlsplit(str(request.url))
    return Ask(
        web=web,
        visitor=visitor,
        path=request.path_params,
        query=dict(request.query_params),
        form=Form(values),
        url=f"{parts.path}?{parts.query}" if parts.query else parts.path,
        session=request.cookies.get(web.cookie("session"), ""),
    )


def problem_page(ask: Ask, problem: TidegateError) -> Response:
    """Show what went wrong, in the reader's words where we have them."""
    if isinstance(problem, SignInNeededError):
        return ask.page("sign_in.html", status=401, next=ask.url, problem=None)
    return ask.page("problem.html", status=status_of(problem), problem=problem)


def status_of(problem: TidegateError) -> int:
    """Return the status of a page that tells this problem."""
    return next((code for kind, code in STATUS.items() if isinstance(problem, kind)), 500)


def seal(web: Web, visitor: Visitor, response: Response) -> Response:
    """Set the security headers and, for a new browser, the cookie that binds its forms."""
    for name, value in SECURITY_HEADERS.items():
        response.headers.setdefault(name, value)
    response.headers["Content-Language"] = visitor.language.value
    response.headers["Vary"] = "Accept-Language, Cookie"
    if visitor.is_new_seed:
        web.set_cookie(response, "form", visitor.seed)
    return response


def json_ld(document: Mapping[str, Any]) -> Response:
    """Give a JSON-LD document to download."""
    return Response(msgspec.json.encode(document), media_type="application/ld+json")

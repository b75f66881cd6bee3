"""Signing in and out, and choosing a language."""

from starlette.responses import Response

from tidegate.kernel.errors import ForbiddenError
from tidegate.kernel.text import Language
from tidegate.web.kit import Ask, action, page

_LANGUAGE_DAYS = 365


def _safe(path: str) -> str:
    """Return a path of this site; anything else becomes the home page (no open redirect)."""
    is_local = path.startswith("/") and not path.startswith(("//", "/\\")) and "\n" not in path
    return path if is_local else "/"


def show_sign_in(ask: Ask) -> Response:
    """Show the form for password and code."""
    return ask.page("sign_in.html", next=_safe(ask.query.get("next", "/")), problem=None)


def sign_in(ask: Ask) -> Response:
    """Sign in by password and second factor."""
    target = _safe(ask.form.text("next"))
    try:
        session = ask.house.access.sign_in(
            ask.form.text("email"), ask.form.text("password"), ask.form.text("totp")
        )
    except ForbiddenError as problem:
        return ask.page("sign_in.html", status=401, next=target, problem=problem)
    return _signed_in(ask, session.token, target)


def show_link(ask: Ask) -> Response:
    """Show a button before the one-time link is used, so that no link scanner burns it."""
    return ask.page("sign_in_link.html", token=ask.path["token"])


def use_link(ask: Ask) -> Response:
    """Use a one-time link."""
    session = ask.house.access.redeem_link(ask.path["token"])
    return _signed_in(ask, session.token, "/")


def _signed_in(ask: Ask, token: str, target: str) -> Response:
    response = ask.go(target)
    ask.web.set_cookie(response, "session", token)
    return response


def sign_out(ask: Ask) -> Response:
    """End the session."""
    ask.house.access.sign_out(ask.session)
    response = ask.go("/")
    ask.web.set_cookie(response, "session", "")
    return response


def choose_language(ask: Ask) -> Response:
    """Remember the reader's language."""
    response = ask.go(_safe(ask.form.text("back")))
    chosen = ask.form.text("language")
    if chosen in {language.value for language in Language}:
        ask.web.set_cookie(response, "language", chosen, days=_LANGUAGE_DAYS)
    return response


PAGES = (
    page("/sign-in", show_sign_in, public=True),
    action("/sign-in", sign_in, public=True),
    page("/sign-in/link/{token}", show_link, public=True),
    action("/sign-in/link/{token}", use_link, public=True),
    action("/sign-out", sign_out),
    action("/language", choose_language, public=True),
)

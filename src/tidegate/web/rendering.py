"""Templates: Jinja2 with everything escaped, undefined names refused, and our words and formats."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from tidegate.kernel.errors import TidegateError
from tidegate.kernel.text import Language, Multilingual
from tidegate.web import facts, formats, paths, sayings
from tidegate.web.messages import NAMES, find_words, words

_TICKED = re.compile("`([^`]+)`")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("tidegate.web", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        t=_translate,
        said=_said,
        gap=_gap,
        colon=_colon,
        Language=Language,
        names=NAMES,
        dataset_path=_dataset_path,
    )
    environment.filters.update(
        number=formats.number,
        per_mille=formats.per_mille,
        size=formats.size,
        short=formats.short,
        institution=formats.institution,
        moment=_moment,
        day=_day,
        text=_text,
        term=_term,
        basis=_basis,
        problem=_problem,
        roles=_roles,
        plain=_plain,
        plain_term=_plain_term,
        plain_change=_plain_change,
        reason=_reason,
        check=_check,
        coded=_coded,
        fact=_fact,
        listed=_listed,
        group=_group,
        category=_category,
    )
    return environment


def render(template: str, language: Language, values: dict[str, Any]) -> str:
    """Render a template in a language."""
    return _environment().get_template(template).render(language=language, **values)


def _language(context: Context) -> Language:
    language: Language = context["language"]
    return language


@pass_context
def _translate(context: Context, key: str, **values: object) -> str:
    return words(_language(context), key, **values)


@pass_context
def _dataset_path(context: Context, dataset_id: str, publisher: str, rest: str = "") -> str:
    """Return the address of a dataset, which says whose it is where it is not our own."""
    return paths.dataset_path(dataset_id, publisher, rest, own=context["node"].node_did)


@pass_context
def _gap(context: Context) -> str:
    """Return what stands after a colon: full-width ones need no space."""
    return " " if _language(context) is Language.EN else ""


@pass_context
def _colon(context: Context) -> str:
    """Return the colon between a label and what it labels."""
    return sayings.colon(_language(context))


@pass_context
def _listed(context: Context, parts: Iterable[object]) -> str:
    """Write several things one after another."""
    return sayings.listed(map(str, parts), _language(context))


@pass_context
def _group(context: Context, name: str) -> str:
    """Say a group of a result, of a curve with the day of its step."""
    return sayings.say_group(name, _language(context))


@pass_context
def _category(context: Context, value: object, kind: str) -> str:
    """Say a category of a column: truths and what was pooled, in the reader's words."""
    return sayings.say_category(str(value), kind, _language(context))


@pass_context
def _said(context: Context, key: str) -> str:
    """Return the message a form left for the next page; unknown keys say nothing."""
    return find_words(_language(context), f"said.{key}") or ""


@pass_context
def _moment(context: Context, stamp: str | None) -> Markup:
    shown = formats.moment(stamp, _language(context))
    return Markup('<time datetime="{}">{}</time>').format(stamp, shown) if stamp else Markup("—")


@pass_context
def _day(context: Context, stamp: str | None) -> Markup:
    shown = formats.day(stamp, _language(context))
    return Markup('<time datetime="{}">{}</time>').format(stamp, shown) if stamp else Markup("—")


@pass_context
def _text(context: Context, text: Multilingual) -> Markup:
    """Write a text in the reader's language, and mark it up when another had to stand in."""
    language = _language(context)
    shown = text.in_language(language)
    actual = next((tag for tag, written in text.every() if written == shown), language)
    if actual is language or not shown:
        return Markup("{}").format(shown)
    return Markup('<span lang="{}">{}</span>').format(actual.value, shown)


@pass_context
def _term(context: Context, value: str, group: str) -> str:
    """Say a code in words (`stored` of group `stage`); a code without words is made readable."""
    found = find_words(_language(context), f"{group}.{str(value).replace('.', '_')}")
    return found or str(value).replace("_", " ").replace(".", " ")


@pass_context
def _basis(context: Context, basis: str) -> str:
    """Say a legal basis by its code, or as somebody wrote it."""
    return find_words(_language(context), f"legal_basis.{basis}") or basis


@pass_context
def _problem(context: Context, problem: TidegateError) -> str:
    """Say an error in the reader's language by its code, or else by its kind.

    English readers have the error's own words, which say more.
    """
    language = _language(context)
    if language is Language.EN:
        return problem.message
    told = facts.tell(problem.message, problem.code, language)
    if told is not None:
        return told
    found = find_words(language, f"problem.{problem.code}")
    found = found or find_words(language, f"kind.{problem.kind}")
    return found or words(language, "problem.unforeseen")


@pass_context
def _roles(context: Context, roles: str) -> str:
    """Say the roles that an error names, joined by `or`, in the reader's language."""
    joined = words(_language(context), "say.or")
    return joined.join(_term(context, role, "role") for role in roles.split(" or "))


@pass_context
def _plain(context: Context, text: str, names: Mapping[str, str]) -> str:
    return sayings.plain(text, names, _language(context))


@pass_context
def _plain_term(context: Context, term: Any, names: Mapping[str, str]) -> str:
    """Say a term of a policy with names instead of DIDs and days instead of stamps."""
    language = _language(context)
    return sayings.plain_term(term.name, term.text.in_language(language), names, language)


@pass_context
def _plain_change(context: Context, change: Any, names: Mapping[str, str]) -> str:
    """Say a difference between two policies with names instead of DIDs, days instead of stamps."""
    language = _language(context)
    return sayings.plain_term(change.name, change.text.in_language(language), names, language)


@pass_context
def _reason(context: Context, text: str, code: str = "") -> str:
    """Say why something waits, failed or ended."""
    return sayings.say_reason(text, code, _language(context))


@pass_context
def _fact(context: Context, text: str, name: str) -> str:
    """Say what a leaf gives under a name, its codes in the reader's language."""
    return sayings.say_fact(name, text, _language(context))


@pass_context
def _check(context: Context, text: str) -> str:
    """Say a check of the quality profile in the reader's language."""
    return sayings.say_check(text, _language(context))


def _coded(text: str) -> Markup:
    """Set what stands between backticks as code; everything is escaped first."""
    return Markup(_TICKED.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped above

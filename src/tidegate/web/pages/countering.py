"""The editor of other terms: a form over the rules of a policy, with the difference in words."""

from starlette.responses import Response

from tidegate.access.rules import check_has_role
from tidegate.connector.negotiation.errors import NegotiationBusyError
from tidegate.connector.negotiation.model import Negotiation
from tidegate.connector.progress.rules import may_take
from tidegate.kernel.errors import TidegateError
from tidegate.policy.model import Policy
from tidegate.policy.service import differences, fields_of
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import institutions_of, names_of, provider_of, title_of
from tidegate.web.pages.progress import HELPERS
from tidegate.web.pages.searching import purpose_name
from tidegate.web.proposals import proposal_of, published_policy
from tidegate.web.terms_form import choices_for, local, read_terms


def show_counter(ask: Ask) -> Response:
    """Show the form, filled with what is on the table now."""
    return _page(ask, _countered(ask))


def counter(ask: Ask) -> Response:
    """Show what the filled form would change, or send it."""
    one = _countered(ask)
    base = _base(ask, one)
    if base is None:
        return _page(ask, one)
    try:
        wanted = read_terms(ask.form, base)
    except TidegateError as problem:
        return _page(ask, one, problem=problem)
    if ask.form.text("do") != "send":
        return _page(ask, one, wanted=wanted)
    ask.house.negotiation.counter(one.pid, wanted.terms(), by=ask.actor)
    return ask.go(f"/negotiations/{one.pid}", said="terms_proposed")


def _countered(ask: Ask) -> Negotiation:
    """Return the negotiation, if other terms can be proposed in it now."""
    check_has_role(ask.actor, *HELPERS)
    one = ask.house.negotiation.get(ask.path["pid"])
    if one.pending or not may_take(one, "offer" if one.side.value == "provider" else "request"):
        raise NegotiationBusyError(
            f"The negotiation is {one.state}; other terms cannot be proposed now.",
            code="counter_not_now",
        )
    return one


def _base(ask: Ask, one: Negotiation) -> Policy | None:
    """Return what the form starts from: the terms on the table, else those published."""
    return proposal_of(ask, one).policy or published_policy(ask, one)


def _page(
    ask: Ask,
    one: Negotiation,
    *,
    wanted: Policy | None = None,
    problem: TidegateError | None = None,
) -> Response:
    proposal, base = proposal_of(ask, one), _base(ask, one)
    shown = wanted or base
    return ask.page(
        "counter.html",
        status=400 if problem is not None else 200,
        negotiation=one,
        title=title_of(ask, one.dataset_id, provider_of(ask, one)),
        proposal=proposal,
        fields=fields_of(shown) if shown is not None else None,
        choices=choices_for(base, dict(institutions_of(ask.house))) if base is not None else None,
        is_previewed=wanted is not None,
        from_published=differences(proposal.published, shown)
        if shown is not None and proposal.published is not None
        else (),
        from_table=differences(proposal.policy, shown)
        if shown is not None and proposal.policy is not None
        else (),
        problem=problem,
        local=local,
        purpose_words=lambda iri: purpose_name(ask, iri),
        people=names_of(ask),
    )


PAGES = (
    page("/negotiations/{pid}/counter", show_counter),
    making("/negotiations/{pid}/counter", counter),
)

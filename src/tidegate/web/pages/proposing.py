"""Asking for an agreement on other terms than the published ones, from the dataset's page."""

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role
from tidegate.catalogue.model import HarvestedOffer, HarvestedRecord
from tidegate.kernel.errors import NotFoundError, TidegateError
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy
from tidegate.policy.service import attested, differences, fields_of, sentences
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import asked_record, institutions_of, names_of
from tidegate.web.pages.searching import purpose_name
from tidegate.web.terms_form import choices_for, local, read_terms

ASKERS = (Role.RESEARCHER, Role.STEWARD, Role.LEGAL)


@dataclass(frozen=True, slots=True)
class Asked:
    """The offer of another institution that other terms are asked for."""

    record: HarvestedRecord
    offer: HarvestedOffer


def show_terms(ask: Ask) -> Response:
    """Show the form, filled with the published terms."""
    return _page(ask, _asked(ask, ask.query.get("offer", "")))


def propose(ask: Ask) -> Response:
    """Show what the filled form would change, or ask for an agreement on it."""
    asked = _asked(ask, ask.form.required("offer"))
    try:
        wanted = read_terms(ask.form, asked.offer.policy)
    except TidegateError as problem:
        return _page(ask, asked, problem=problem)
    if ask.form.text("do") != "send":
        return _page(ask, asked, wanted=wanted)
    try:
        one = ask.house.negotiation.request(
            asked.record.peer.did,
            asked.record.dataset.id,
            asked.offer.id,
            by=ask.actor,
            accepts=ask.form.every("accepts"),
            terms=wanted.terms(),
        )
    except TidegateError as problem:
        return _page(ask, asked, wanted=wanted, problem=problem)
    return ask.go(f"/negotiations/{one.pid}", said="negotiation_started")


def _asked(ask: Ask, offer_id: str) -> Asked:
    check_has_role(ask.actor, *ASKERS)
    record = asked_record(ask)
    offers = record.dataset.offers if record is not None else ()
    offer = next((one for one in offers if one.id == offer_id), None)
    if record is None or offer is None:
        raise NotFoundError("No peer offers this dataset so.", code="offer_unknown")
    return Asked(record, offer)


def _page(
    ask: Ask, asked: Asked, *, wanted: Policy | None = None, problem: TidegateError | None = None
) -> Response:
    published = asked.offer.policy
    shown = wanted or published
    names = attested(shown)
    return ask.page(
        "propose.html",
        status=400 if problem is not None else 200,
        asked=asked,
        title=asked.record.dataset.title,
        fields=fields_of(shown),
        choices=choices_for(published, dict(institutions_of(ask.house))),
        attested=tuple(term for term in sentences(shown) if term.name in names),
        is_previewed=wanted is not None,
        changes=differences(published, shown),
        problem=problem,
        local=local,
        purpose_words=lambda iri: purpose_name(ask, iri),
        people=names_of(ask),
    )


PAGES = (
    page("/datasets/{dataset_id}/terms", show_terms),
    making("/datasets/{dataset_id}/terms", propose),
)

"""How this node answers by itself: chosen for an offer of ours, or for a dataset of a peer."""

from typing import Any

from starlette.responses import Response

from tidegate.access.model import Role
from tidegate.access.rules import check_has_role, has_role
from tidegate.connector.messages.model import Side, subject_of
from tidegate.connector.negotiation.strategy import AUTOMATIC
from tidegate.kernel.errors import NotFoundError, TidegateError
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy
from tidegate.policy.service import differences, fields_of, from_odrl
from tidegate.web.kit import Ask, making, page
from tidegate.web.names import asked_record, institutions_of, names_of, title_of
from tidegate.web.pages.searching import purpose_name
from tidegate.web.paths import dataset_path
from tidegate.web.strategies import (
    CHOICES,
    choice_of,
    make_strategy,
    say_strategy,
    template_of,
)
from tidegate.web.terms_form import choices_for, local, read_terms

SETTERS = (Role.STEWARD, Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Subject:
    """What a strategy is for: an offer of ours, or a dataset a peer offers."""

    id: str
    side: Side
    dataset_id: str
    publisher: str
    policy: Policy
    path: str


def show_offer(ask: Ask) -> Response:
    """Show the strategy of an offer."""
    return _page(ask, _offer(ask))


def set_offer(ask: Ask) -> Response:
    """Choose the strategy of an offer."""
    return _set(ask, _offer(ask))


def show_dataset(ask: Ask) -> Response:
    """Show the strategy for a dataset of a peer."""
    return _page(ask, _dataset(ask))


def set_dataset(ask: Ask) -> Response:
    """Choose the strategy for a dataset of a peer."""
    return _set(ask, _dataset(ask))


def _offer(ask: Ask) -> Subject:
    offer = ask.house.catalogue.get_offer(ask.path["offer_id"])
    path = f"/offers/{offer.id}/strategy"
    return Subject(
        offer.id, Side.PROVIDER, offer.dataset_id, ask.web.settings.node_did, offer.policy, path
    )


def _dataset(ask: Ask) -> Subject:
    record = asked_record(ask)
    if record is None or not record.dataset.offers:
        raise NotFoundError("No peer offers this dataset.", code="dataset_unknown")
    id_, peer = record.dataset.id, record.peer.did
    policy = record.dataset.offers[0].policy
    path = dataset_path(id_, peer, "/strategy", own=ask.web.settings.node_did)
    return Subject(subject_of(peer, id_), Side.CONSUMER, id_, peer, policy, path)


def _set(ask: Ask, subject: Subject) -> Response:
    check_has_role(ask.actor, *SETTERS)
    choice = ask.form.text("choice")
    terms: dict[str, Any] | None = None
    try:
        if choice == "counter":
            wanted = read_terms(ask.form, _template(ask, subject))
            if ask.form.text("do") == "preview":
                return _page(ask, subject, choice=choice, wanted=wanted)
            terms = wanted.terms()
        strategy = make_strategy(
            subject.side, choice, terms=terms, reason=ask.form.text("reason")[:300]
        )
        ask.house.negotiation.set_strategy(subject.id, strategy, by=ask.actor)
    except TidegateError as problem:
        return _page(ask, subject, choice=choice, problem=problem)
    return ask.go(subject.path, said="strategy_set")


def _template(ask: Ask, subject: Subject) -> Policy:
    """Return what the form for other terms starts from: the present template, or the offer."""
    strategy = ask.house.negotiation.find_strategy(subject.id)
    kept = template_of(strategy, subject.side) if strategy is not None else None
    return from_odrl({"@type": "Offer", **kept}) if kept is not None else subject.policy


def _page(
    ask: Ask,
    subject: Subject,
    *,
    choice: str = "",
    wanted: Policy | None = None,
    problem: TidegateError | None = None,
) -> Response:
    strategy = ask.house.negotiation.find_strategy(subject.id) or AUTOMATIC
    template = wanted or _template(ask, subject)
    return ask.page(
        "strategy.html",
        status=400 if problem is not None else 200,
        subject=subject,
        title=title_of(ask, subject.dataset_id, subject.publisher),
        lines=say_strategy(strategy, subject.side, ask.language),
        options=CHOICES[subject.side],
        choice=choice or choice_of(strategy, subject.side),
        chosen=choice_of(strategy, subject.side),
        fields=fields_of(template),
        choices=choices_for(template, dict(institutions_of(ask.house))),
        changes=differences(subject.policy, template),
        problem=problem,
        local=local,
        purpose_words=lambda iri: purpose_name(ask, iri),
        may_set=has_role(ask.actor, *SETTERS),
        people=names_of(ask),
    )


PAGES = (
    page("/offers/{offer_id}/strategy", show_offer),
    making("/offers/{offer_id}/strategy", set_offer),
    page("/datasets/{dataset_id}/strategy", show_dataset),
    making("/datasets/{dataset_id}/strategy", set_dataset),
)

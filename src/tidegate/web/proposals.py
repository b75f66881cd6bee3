"""What a negotiation is about now, beside the published offer: for the inbox and its pages."""

from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.model import Negotiation
from tidegate.kernel.errors import NotFoundError, TidegateError
from tidegate.kernel.values import dataclass
from tidegate.policy.model import Policy
from tidegate.policy.service import (
    Difference,
    Sentence,
    attested,
    differences,
    from_odrl,
    sentences,
)
from tidegate.web.kit import Ask


@dataclass(frozen=True, slots=True)
class Proposal:
    """The terms on the table, in words, and how they differ from the offer as published.

    `problem` says why the terms cannot be read; `published` is None where the offer is gone.
    """

    policy: Policy | None
    published: Policy | None
    terms: tuple[Sentence, ...] = ()
    changes: tuple[Difference, ...] = ()
    attested: tuple[Sentence, ...] = ()
    problem: TidegateError | None = None


def proposal_of(ask: Ask, one: Negotiation) -> Proposal:
    """Read the terms of a negotiation; terms nobody here knows are a problem, never dropped."""
    published = published_policy(ask, one)
    try:
        policy = from_odrl(dict(one.offer))
    except TidegateError as problem:
        return Proposal(None, published, problem=problem)
    names = attested(policy)
    terms = sentences(policy)
    return Proposal(
        policy,
        published,
        terms,
        differences(published, policy) if published is not None else (),
        tuple(term for term in terms if term.name in names),
    )


def published_policy(ask: Ask, one: Negotiation) -> Policy | None:
    """Return the policy of the offer a negotiation began with, as its provider publishes it."""
    if one.side is Side.PROVIDER:
        try:
            return ask.house.catalogue.get_offer(one.offer_id).policy
        except NotFoundError:
            return None
    record = ask.house.catalogue.find_harvested(one.dataset_id, one.peer_did)
    offers = record.dataset.offers if record is not None else ()
    return next((offer.policy for offer in offers if offer.id == one.offer_id), None)

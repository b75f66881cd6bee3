"""What must hold of offers and agreements: pure, over the documents as they were said."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.catalogue.model import Offer, OfferState
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.errors import (
    AgreementDiffersError,
    OfferChangedError,
    OfferNotOpenError,
)
from tidegate.connector.negotiation.model import Negotiation
from tidegate.kernel.clock import iso, parse_iso
from tidegate.policy.errors import PolicyInvalidError
from tidegate.policy.model import Agreement, Policy, Rule, UseFacts
from tidegate.policy.service import (
    AgreementTerms,
    check_recipient,
    from_odrl,
    read_agreement,
    seal,
    to_message_offer,
)

Document = Mapping[str, Any]

_LONGEST_MOMENT = 24
_ENVELOPE = frozenset({"@context", "@id", "@type", "target", "assigner", "assignee", "timestamp"})


def bare_terms(document: Document) -> dict[str, Any]:
    """Return the rules of an offer or agreement without who, what and when."""
    return {name: value for name, value in document.items() if name not in _ENVELOPE}


def is_same_terms(one: Document, other: Document) -> bool:
    """Tell whether two documents say exactly the same rules, however they spell them.

    Peers write the same JSON-LD in other words (`odrl:purpose` for the full IRI). Reading a policy
    is closed, so two that read alike say alike; what cannot be read is the same only to the letter.
    """
    if _canonical(bare_terms(one)) == _canonical(bare_terms(other)):
        return True
    try:
        return _read_terms(one) == _read_terms(other)
    except PolicyInvalidError:
        return False


def _read_terms(document: Document) -> Policy:
    policy = policy_of({**bare_terms(document), "@type": "Offer"})
    return Policy(*(tuple(map(_spelled, rules)) for rules in _groups(policy)))


def _groups(policy: Policy) -> tuple[tuple[Rule, ...], ...]:
    return policy.permissions, policy.prohibitions, policy.obligations


def _spelled(rule: Rule) -> Rule:
    """Return a rule with a list of one right operand as that one: JSON-LD does not tell them apart.

    Source: JSON-LD 1.1, §4.3 Value Ordering and §4.1 (arrays of one value compact to the value).
    """
    constraints = tuple(
        replace(one, right=one.right[0] if len(one.right) == 1 else one.right)
        for one in rule.constraints
    )
    return replace(rule, constraints=constraints, duties=tuple(map(_spelled, rule.duties)))


def _canonical(document: Document) -> str:
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def may_see(offer: Offer, who: UseFacts) -> bool:
    """Tell whether an offer is open, and its policy admits this recipient at all.

    Who lacks the seat, the certification or the name that a policy asks for does not see the
    offer, as it could never be agreed.
    """
    return offer.state is OfferState.PUBLISHED and check_recipient(offer.policy, who) is None


def check_open(offer: Offer | None, who: UseFacts, target: str) -> Offer:
    """Return the offer a request names; raise OfferNotOpenError unless the peer may ask for it."""
    if offer is None or not may_see(offer, who):
        raise OfferNotOpenError(
            "There is no such offer; read the catalogue again.", code="offer_unknown"
        )
    if target not in {"", offer.dataset_id}:
        raise OfferNotOpenError(
            "The offer is about another dataset than the target.", code="offer_target"
        )
    return offer


def published_terms(offer: Offer) -> dict[str, Any]:
    """Return the offer as it stands in messages."""
    return to_message_offer(offer.policy, offer.id, offer.dataset_id)


def check_offer_target(document: Document, dataset_id: str) -> None:
    """Raise OfferChangedError unless a new offer is about the dataset being negotiated."""
    if document.get("target", dataset_id) != dataset_id:
        raise OfferChangedError(
            "The new offer is about another dataset; open another negotiation for it.",
            code="offer_target",
        )


def agreement_document(
    negotiation: Negotiation, agreement_id: str, *, assigner: str, at: str
) -> dict[str, Any]:
    """Write the agreement: the terms exactly as offered, now with parties and time."""
    return {
        **bare_terms(negotiation.offer),
        "@type": "Agreement",
        "@id": agreement_id,
        "target": negotiation.dataset_id,
        "assigner": assigner,
        "assignee": negotiation.peer_did,
        "timestamp": at,
    }


def check_agreement(document: Document, negotiation: Negotiation, self_did: str) -> None:
    """Raise AgreementDiffersError unless the agreement is exactly what was offered, between us.

    Raises PolicyInvalidError where it holds terms this node does not understand.
    """
    if (document.get("assigner"), document.get("assignee")) != (negotiation.peer_did, self_did):
        raise AgreementDiffersError(
            "The agreement names other parties than these two.", code="agreement_parties"
        )
    if document.get("target") != negotiation.dataset_id:
        raise AgreementDiffersError(
            "The agreement is about another dataset.", code="agreement_target"
        )
    if not is_same_terms(document, negotiation.offer):
        raise AgreementDiffersError(
            "The agreement's terms are not those that were offered.", code="agreement_terms"
        )
    read_agreement(document)


def policy_of(document: Document) -> Policy:
    """Read the rules of an offer; raise PolicyInvalidError for anything unknown."""
    return from_odrl(dict(document))


def signed_agreement(negotiation: Negotiation) -> Agreement:
    """Return the agreement of a negotiation as the policy room records it."""
    return agreement_on(
        read_agreement(dict(negotiation.agreement)),
        negotiation.side,
        dataset_id=negotiation.dataset_id,
        version_id=negotiation.version_id,
        offer_id=negotiation.offer_id,
    )


def agreement_on(
    terms: AgreementTerms, side: Side, *, dataset_id: str, version_id: str, offer_id: str
) -> Agreement:
    """Return an agreement on these terms, sealed, as the policy room records it."""
    return seal(
        Agreement(
            id=terms.id,
            role=side.value,
            dataset_id=dataset_id,
            version_id=version_id,
            assigner=terms.assigner,
            assignee=terms.assignee,
            policy=terms.policy,
            offer_id=offer_id,
            signed_at=_moment(terms.timestamp),
        )
    )


def _moment(timestamp: str) -> str:
    """Return when an agreement was signed as it is kept: as it was written, if that is short."""
    return timestamp if len(timestamp) <= _LONGEST_MOMENT else iso(parse_iso(timestamp))


def parties(negotiation: Negotiation, self_did: str) -> tuple[str, str]:
    """Return the DIDs of provider and consumer."""
    if negotiation.side is Side.PROVIDER:
        return self_did, negotiation.peer_did
    return negotiation.peer_did, self_did

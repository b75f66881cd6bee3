"""Whether a flow that a control plane elsewhere opened may move bytes: judged as our transfers are.

The agreement is asked of the control plane that signed it (Data Plane Signaling 1.0-RC3, control
plane endpoint), believed only as far as it binds this participant on terms this node offers, and
kept in the policy room: from then on it is used, counted, suspended and ended like any other.
"""

from collections.abc import Callable
from typing import Protocol

from tidegate.access.model import Seat
from tidegate.audit.journal import Tx
from tidegate.catalogue.model import Offer
from tidegate.connector.messages.model import Side
from tidegate.connector.negotiation.rules import (
    agreement_on,
    is_same_terms,
    may_see,
    published_terms,
)
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Crossing, Desk, Taken
from tidegate.connector.signaling.errors import HostedWithheldError
from tidegate.connector.signaling.flows import is_over
from tidegate.connector.signaling.model import DataFlow, FlowRole, Plane
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.wire import DataFlowMessage, segment
from tidegate.kernel.errors import InvalidError, UnavailableError
from tidegate.policy.model import Agreement, AgreementState, UseFacts
from tidegate.policy.service import AgreementTerms, read_agreement


class Offers(Protocol):
    """Where this node's offers are."""

    def list_open_offers(self, *, dataset_id: str = "") -> tuple[Offer, ...]:
        """Return what can be negotiated now."""
        ...


def is_ours(desk: Desk, by: Plane, said: DataFlowMessage) -> bool:
    """Tell whether a flow is for a transfer of our own control plane, registered at itself."""
    own = desk.journal.read(store.find_flow, said.process_id, FlowRole.REMOTE)
    is_named = own is not None and own.agreement_id == said.agreement_id and not is_over(own)
    return is_named and by.endpoint == desk.base


class Judging:
    """Decides about hosted flows; each question raises with the first reason against.

    `standing_of` tells what is known of a participant; who is no active member has no seat.
    """

    def __init__(
        self,
        desk: Desk,
        registry: Registry,
        *,
        crossing: Crossing,
        offers: Offers,
        standing_of: Callable[[str], UseFacts],
    ) -> None:
        self._desk = desk
        self._registry = registry
        self._crossing = crossing
        self._offers = offers
        self._standing_of = standing_of

    def check_counterparty(self, did: str) -> None:
        """Raise HostedWithheldError unless the other side is an active member of the space."""
        seat = self._standing_of(did).seat
        if seat is None or seat not in set(Seat):
            raise HostedWithheldError(
                "The counterparty is no active member of this space, or its seat is not attested; "
                "no data flow is moved for it.",
                code="counterparty_not_member",
                counterparty=did,
            )

    def take_in(self, by: Plane, said: DataFlowMessage) -> Taken:
        """Return the agreement a flow is under, and the version it lets out.

        One that this node has not met is fetched and is the caller's to `keep`. Raises
        UnavailableError where the control plane cannot answer now.
        """
        known = self._desk.agreements.find_agreement(said.agreement_id)
        if known is None:
            taken = self._fetched(by, said)
        elif self._may_name(by, said):
            taken = known
        else:
            raise HostedWithheldError(
                "That is an agreement of this node, which is not the control plane's to use.",
                code="agreement_ours",
            )
        self._check_about(taken, said.dataset_id, said.counter_party_id)
        return Taken(taken.version_id, taken)

    def _may_name(self, by: Plane, said: DataFlowMessage) -> bool:
        """Tell whether an agreement kept here came from this plane, or is for its transfer of ours.

        The latter where our own control plane drives this plane over the wire: whoever else
        learned the name of such a transfer gets nothing by it.
        """
        if is_ours(self._desk, by, said):
            return True
        return self._desk.journal.read(store.has_hosted, by.key, said.agreement_id)

    def _fetched(self, by: Plane, said: DataFlowMessage) -> Agreement:
        answer = self._desk.wire.call(
            "GET",
            f"{by.endpoint}/transfers/{segment(said.process_id)}/agreement",
            authorization=self._registry.token_for(by),
        )
        if answer.is_transient:
            raise UnavailableError(
                f"The control plane cannot give the agreement now (HTTP {answer.status}).",
                code="agreement_unavailable",
            )
        if not answer.is_ok:
            raise HostedWithheldError(
                f"The control plane does not give the agreement of this transfer (HTTP "
                f"{answer.status}); nothing is moved under words that nobody here has read.",
                code="agreement_unknown",
            )
        try:
            terms = read_agreement(answer.body)
        except InvalidError as problem:
            raise HostedWithheldError(
                f"The agreement cannot be read here: {problem.message}", code=problem.code
            ) from None
        return self._ours(terms, answer.body, said)

    def _ours(self, terms: AgreementTerms, document: object, said: DataFlowMessage) -> Agreement:
        """Return the agreement as one of this node, on terms that it offers."""
        if terms.id != said.agreement_id or terms.assigner != self._desk.did:
            raise HostedWithheldError(
                "The agreement is another one, or does not bind this participant as provider.",
                code="agreement_parties",
            )
        who = self._standing_of(said.counter_party_id)
        words = dict(document) if isinstance(document, dict) else {}
        for offer in self._offers.list_open_offers(dataset_id=said.dataset_id):
            if may_see(offer, who) and is_same_terms(words, published_terms(offer)):
                return agreement_on(
                    terms,
                    Side.PROVIDER,
                    dataset_id=terms.target,
                    version_id=offer.version_id,
                    offer_id=offer.id,
                )
        raise HostedWithheldError(
            "This node offers the dataset to nobody, or not to this counterparty, on the terms of "
            "the agreement; publish that offer first.",
            code="terms_not_offered",
        )

    def _check_about(self, agreement: Agreement, dataset: str, counterparty: str) -> None:
        is_ours = agreement.role == Side.PROVIDER.value and agreement.assigner == self._desk.did
        if not is_ours or (agreement.assignee, agreement.dataset_id) != (counterparty, dataset):
            raise HostedWithheldError(
                "The agreement is with another participant, or about another dataset.",
                code="agreement_parties",
            )

    def keep(self, tx: Tx, taken: Taken) -> None:
        """Keep an agreement that was taken in, in the caller's write; a known one stays."""
        if taken.agreement is not None:
            self._desk.agreements.record_agreement(tx, taken.agreement)

    def let_out(self, one: DataFlow, *, counted: bool) -> str:
        """Decide with a receipt of the rules of law whether rows may leave; return the permit.

        `counted`: the flow's own use stands in the ledger already.
        """
        self.check_counterparty(one.counterparty)
        return self._crossing.let_out(self._in_force(one), None, one.id, counted=counted)

    def check_open(self, one: DataFlow) -> None:
        """Raise unless all but the rules of law still let these rows out; leaves no receipt."""
        self.check_counterparty(one.counterparty)
        self._crossing.check_open(self._in_force(one), None)

    def count(self, tx: Tx, one: DataFlow) -> None:
        """Count one use in the caller's write; raise when the agreement has none left."""
        self._crossing.count(tx, one.agreement_id)

    def state_of(self, one: DataFlow) -> AgreementState | None:
        """Return how the agreement of a flow stands; None where there is none."""
        found = self._desk.agreements.find_agreement(one.agreement_id)
        return None if found is None else found.state

    def _in_force(self, one: DataFlow) -> Agreement:
        found = self._desk.agreements.find_agreement(one.agreement_id)
        if found is None or found.state is not AgreementState.ACTIVE:
            state = found.state.value if found else "unknown"
            raise HostedWithheldError(
                f"The agreement is {state}; nothing is moved under it.",
                code="agreement_not_active",
            )
        self._check_about(found, one.dataset_id, one.counterparty)
        return found

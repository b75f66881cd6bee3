"""Hold the node's credentials, present them to those we gave a token, and renew them in time."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from tidegate.access.model import Actor, node_actor
from tidegate.audit.journal import Journal
from tidegate.connector.errors import (
    CredentialInvalidError,
    CredentialMissingError,
    DefinitionUnsupportedError,
    MessageInvalidError,
    PeerAnswerError,
    PeerDeclinedError,
    PeerRefusedError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import messages, rules
from tidegate.connector.identity.model import (
    CERTIFICATION,
    MEMBERSHIP,
    SEAT,
    VC_FORMAT,
    Credential,
)
from tidegate.connector.identity.presentations import presentation_claims
from tidegate.connector.identity.service import IdentityService
from tidegate.connector.identity.wallet import store
from tidegate.kernel.canonical import Json
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.ids import Ids
from tidegate.kernel.values import dataclass

WANTED = (MEMBERSHIP, SEAT)
RENEWER = Actor(id="system:credentials.renew", name="credentials.renew")
_ASK_AGAIN_SECONDS = 30
_PRESENTATION_SECONDS = 60


@dataclass(frozen=True, slots=True)
class HeldCredential:
    """A credential in the wallet, without its text."""

    id: str
    type: str
    valid_from: str
    valid_until: str


class WalletService:
    """The holder's side: storage, presentation and renewal of this node's credentials."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        identity: IdentityService,
        http: PeerHttp,
        issue_own: Callable[[tuple[str, ...]], tuple[str, ...]] | None = None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._identity = identity
        self._http = http
        self._issue_own = issue_own

    def list_credentials(self) -> tuple[HeldCredential, ...]:
        """Return the credentials that hold now."""
        return tuple(HeldCredential(*row[:4]) for row in self._valid())

    def membership_jwts(self) -> tuple[str, ...]:
        """Return the membership credentials at hand: our own first, then those of peers met.

        They attest each node's evidence key, and count even after they have expired.
        """
        held = self._journal.read(store.list_held)
        own = tuple(row[4] for row in held if row[1] == MEMBERSHIP)
        return (*own, *self._identity.list_peer_memberships())

    def has_membership(self) -> bool:
        """Whether the node can prove its membership and seat now."""
        return {row[1] for row in self._valid()} >= set(WANTED)

    def last_answer(self) -> tuple[str, str, str] | None:
        """Return status, reason and moment of the last request for credentials."""
        return self._journal.read(store.last_ask)

    def answer_query(self, authorization: str | None, body: object) -> dict[str, Any]:
        """Answer a PresentationQueryMessage with what the access token allows (DCP §5.4).

        More than was granted is not an error: the granted part is presented.

        Raises:
            PeerUnauthenticatedError: the token or the access token does not hold.
            MessageInvalidError: no scope, an unknown one, or a definition besides.
            DefinitionUnsupportedError: a presentation definition, which is not answered here.
        """
        speaker = self._identity.identify(authorization)
        granted = self._identity.access_tokens.read(
            speaker.access_token, speaker.did, self._clock.now()
        )
        query = messages.parse(body, messages.PresentationQueryMessage)
        if not query.scope:
            raise DefinitionUnsupportedError(
                "Send the scopes of the credentials you ask for; presentation definitions are "
                "not supported.",
                code="definition_unsupported",
            )
        rules.check_scopes(query.scope)
        asked, allowed = rules.read_scope(query.scope), rules.read_scope(granted)
        jwts = tuple(
            row[4]
            for row in self._valid()
            if asked.covers(row[1], row[0]) and allowed.covers(row[1], row[0])
        )
        return messages.write(
            messages.PresentationResponseMessage(
                type="PresentationResponseMessage",
                presentation=(self._present(speaker.did, jwts),) if jwts else (),
            )
        )

    def receive_credentials(self, authorization: str | None, body: object) -> None:
        """Take in credentials that the authority delivers (DCP §6.5).

        Raises:
            PeerUnauthenticatedError: the token does not hold.
            PeerRefusedError: the sender is not the authority, or answers what was not asked.
            CredentialInvalidError: a credential does not hold; none is kept then.
        """
        speaker = self._identity.identify(authorization)
        message = messages.parse(body, messages.CredentialMessage)
        authority = self._identity.authority()
        if speaker.did != authority:
            raise PeerRefusedError(
                "Only the authority of the space delivers credentials here.",
                code="issuer_untrusted",
            )
        if self._journal.read(store.find_ask, message.holder_pid) != authority:
            raise PeerRefusedError(
                "Nothing was asked for under this holderPid.", code="holder_pid_unknown"
            )
        held = tuple(self._verified(each, authority) for each in message.credentials)
        if message.status == "ISSUED" and not held:
            raise MessageInvalidError("ISSUED comes with credentials.", code="message_invalid")
        self._keep(
            held,
            by=node_actor(authority).id,
            answer=(message.holder_pid, message.status, message.rejection_reason or ""),
        )

    def check_offer(
        self, authorization: str | None, body: object
    ) -> messages.CredentialOfferMessage:
        """Return an offer of the authority that is well formed (DCP §6.6).

        Raises:
            PeerUnauthenticatedError: the token does not hold.
            PeerRefusedError: the sender is not the authority, or offers for somebody else.
            MessageInvalidError: malformed, or without a credential.
        """
        speaker = self._identity.identify(authorization)
        offer = messages.parse(body, messages.CredentialOfferMessage)
        if speaker.did != self._identity.authority() or offer.issuer != speaker.did:
            raise PeerRefusedError(
                "Only the authority of the space offers credentials here.",
                code="issuer_untrusted",
            )
        return offer

    def receive_offer(self, authorization: str | None, body: object) -> None:
        """Take the authority's offer as the occasion to ask for what it offers (DCP §6.6).

        Raises:
            MessageInvalidError: malformed, or an entry is not in the issuer's metadata.
        """
        offer = self.check_offer(authorization, body)
        issuer = self._identity.endpoint_of(offer.issuer, "IssuerService")
        known = {each.id for each in self._metadata(issuer).credentials_supported}
        if not {each.id for each in offer.credentials} <= known:
            raise MessageInvalidError(
                "A credential is offered that is not in the issuer's metadata.",
                code="credential_not_offered",
            )
        with self._journal.upkeep() as tx:
            tx.enqueue(
                "credentials.request",
                lane="credentials.request",
                wanted="\n".join(each.id for each in offer.credentials),
            )

    def request_offered(self, wanted: str) -> None:
        """Ask for the credentials offered under these ids, one a line; run by the work room."""
        issuer = self._identity.endpoint_of(self._identity.authority(), "IssuerService")
        self._request(issuer, tuple(map(messages.CredentialReference, wanted.split("\n"))))

    def take_own(self) -> None:
        """Take new credentials at the authority, which issues its own."""
        if self._issue_own is None:
            raise CredentialMissingError("This node cannot issue its own credentials.")
        own = self._issue_own((*WANTED, CERTIFICATION))
        self._keep(tuple(map(self._identity.verifier.read_own, own)), by=RENEWER.id)

    def renew(self) -> bool:
        """Ask for new credentials when half their life is over; return whether that was so.

        The authority issues its own. Runs as a periodic job and after joining.
        """
        if self._identity.has_no_space() or not self._is_renewal_due():
            return False
        if self._issue_own is not None and self._identity.node.is_authority:
            self.take_own()
            return True
        if self._asked_just_now():
            return False
        self.request_credentials()
        return True

    def request_credentials(self) -> str:
        """Ask the authority for membership and seat credentials; return our id of the request.

        Raises:
            UnavailableError: the authority cannot be reached now.
            PeerDeclinedError: the authority refuses.
        """
        issuer = self._identity.endpoint_of(self._identity.authority(), "IssuerService")
        return self._request(issuer, self._entries(issuer))

    def _request(self, issuer: str, entries: tuple[messages.CredentialReference, ...]) -> str:
        authority = self._identity.authority()
        holder_pid = self._ids.urn()
        with self._journal.write(
            by=RENEWER.id,
            did="credential.requested",
            to=f"node:{self._identity.node.did}",
            why={"issuer": authority},
        ) as tx:
            store.add_ask(tx.connection, holder_pid, authority, tx.at)
        request = messages.CredentialRequestMessage(
            type="CredentialRequestMessage", holder_pid=holder_pid, credentials=entries
        )
        try:
            self._http.post(
                f"{issuer}/credentials",
                messages.write(request),
                authorization=self._identity.token_with(authority),
            ).checked()
        except PeerDeclinedError as problem:
            with self._journal.write(
                by=node_actor(authority).id,
                did="credential.refused",
                to=f"node:{self._identity.node.did}",
                why={"reason": problem.code},
            ) as tx:
                store.answer_ask(tx.connection, holder_pid, "REJECTED", problem.message)
            raise
        return holder_pid

    def _metadata(self, issuer: str) -> messages.IssuerMetadata:
        answer = self._http.get(f"{issuer}/metadata").checked()
        try:
            return messages.parse(answer.body, messages.IssuerMetadata)
        except MessageInvalidError as problem:
            raise PeerAnswerError(problem.message, code=problem.code) from None

    def _entries(self, issuer: str) -> tuple[messages.CredentialReference, ...]:
        """Return the ids of what this node needs, and of what it holds besides."""
        offered = {
            each.credential_type: each.id
            for each in self._metadata(issuer).credentials_supported
            if each.profile == VC_FORMAT
        }
        if not set(WANTED) <= offered.keys():
            raise PeerAnswerError(
                "The authority does not issue the credentials this node needs.",
                code="credentials_not_offered",
            )
        held = {row[1] for row in self._valid()}
        return tuple(
            messages.CredentialReference(name)
            for kind, name in offered.items()
            if kind in WANTED or kind in held
        )

    def _verified(self, each: messages.CredentialContainer, authority: str) -> Credential:
        credential = self._identity.verifier.verify_credential(
            each.payload,
            holder=self._identity.node.did,
            authority=authority,
            check_status=False,
        )
        if each.credential_type not in credential.types:
            raise CredentialInvalidError(
                "A credential is of another type than announced.", code="credential_type_mismatch"
            )
        return credential

    def _keep(
        self, held: tuple[Credential, ...], *, by: str, answer: tuple[str, str, str] | None = None
    ) -> None:
        status = answer[1] if answer else "ISSUED"
        why: dict[str, Json] = {"status": status, "types": [each.type for each in held]}
        did = "credential.stored" if held else "credential.refused"
        with self._journal.write(
            by=by, did=did, to=f"node:{self._identity.node.did}", why=why
        ) as tx:
            for credential in held:
                store.keep(tx.connection, credential, tx.at)
            if answer is not None:
                store.answer_ask(tx.connection, *answer)
            if held:
                tx.announce("credentials.stored", did=self._identity.node.did)

    def _present(self, verifier: str, jwts: tuple[str, ...]) -> str:
        return self._identity.sign_as_is(
            presentation_claims(
                holder=self._identity.node.did,
                verifier=verifier,
                credentials=jwts,
                jti=self._ids.urn(),
                now=self._clock.now(),
                seconds=_PRESENTATION_SECONDS,
            )
        )

    def _valid(self) -> tuple[tuple[str, str, str, str, str], ...]:
        now = iso(self._clock.now())
        counts = self._identity.authority_keys.counts
        held = self._journal.read(store.list_held)
        return tuple(row for row in held if row[3] > now and counts(row[4]))

    def _is_renewal_due(self) -> bool:
        now = self._clock.now()
        held = {row[1]: row for row in self._valid()}
        if any(name not in held for name in WANTED):
            return True
        return any(_is_past_half(row, now) for row in held.values())

    def _asked_just_now(self) -> bool:
        last = self._journal.read(store.last_ask)
        if last is None or last[0] != "RECEIVED":
            return False
        return (self._clock.now() - parse_iso(last[2])).total_seconds() < _ASK_AGAIN_SECONDS


def _is_past_half(row: tuple[str, str, str, str, str], now: datetime) -> bool:
    begins, ends = parse_iso(row[2]), parse_iso(row[3])
    return now >= begins + (ends - begins) / 2

"""Who speaks: tokens we send, tokens we accept, and the peers behind them (DCP 1.0)."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from tidegate.audit.journal import Journal, Tx
from tidegate.connector.errors import (
    CredentialInvalidError,
    DidInvalidError,
    NoSpaceError,
    PeerRefusedError,
    PeerUnauthenticatedError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import jose, rules, store
from tidegate.connector.identity.access_tokens import AccessTokens
from tidegate.connector.identity.authority import AuthorityKeys, SpaceKeys
from tidegate.connector.identity.did import own_document
from tidegate.connector.identity.known import KnownPeers
from tidegate.connector.identity.model import (
    MEMBER_SCOPE,
    Credential,
    DidDocument,
    IdentitySettings,
    NodeIdentity,
    Relation,
    Speaker,
)
from tidegate.connector.identity.persons import PERSON_TYP, person_claims, read_person
from tidegate.connector.identity.places import Places, Turns
from tidegate.connector.identity.refusals import Refusals
from tidegate.connector.identity.resolver import DidResolver
from tidegate.connector.identity.schemas import Schemas
from tidegate.connector.identity.standings import Standings
from tidegate.connector.identity.statuses import StatusLists
from tidegate.connector.identity.verifier import PresentationVerifier, peer_from
from tidegate.connector.model import Peer
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.ids import Ids
from tidegate.keys.service import KeyRing
from tidegate.partners.model import Member, MemberState, PersonAssertion, Space

_MOST_MET = 24  # of the forty threads that answer calls
_MOST_MET_PER_HOST = 8


class Membership(SpaceKeys, Protocol):
    """What identity asks about the space; the partners room answers."""

    def find_space(self) -> Space | None:
        """Return the space this node belongs to."""
        ...

    def find_member(self, did: str) -> Member | None:
        """Return a member by its DID."""
        ...

    def find_member_within(self, tx: Tx, did: str) -> Member | None:
        """Return a member by its DID, as it stands inside the caller's write."""
        ...


class IdentityService:
    """Prove this node to others, and others to this node.

    A caller is believed after its self-issued ID token and, once in `peer_cache_seconds`, its
    presentation of the authority's credentials were verified.
    """

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        keys: KeyRing,
        node: NodeIdentity,
        http: PeerHttp,
        membership: Membership,
        settings: IdentitySettings | None = None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._keys = keys
        self._membership = membership
        self._kid = f"{node.did}#{keys.identity_kid}"
        self._peers = KnownPeers(clock)
        self._turns = Turns()
        self._places = Places(most=_MOST_MET, per_host=_MOST_MET_PER_HOST)
        self.on_peer: Callable[[str], None] = lambda _did: None
        self.refusals = Refusals(
            journal, clock, lambda did: bool(did) and membership.find_member(did) is not None
        )
        self.node = node
        self.settings = settings or IdentitySettings()
        self.access_tokens = AccessTokens(
            keys.derive("dcp-access-token"), self.settings.access_seconds
        )
        self.resolver = DidResolver(http, clock, self.settings)
        self.authority_keys = AuthorityKeys(
            node.did, membership, http, clock, self.settings, self.address_of
        )
        self.authority_keys.on_changed = self._forget_peers
        self.resolver.pinned = self.authority_keys
        self.statuses = StatusLists(journal, http, self.resolver, clock, self.settings)
        self.standings = Standings(journal, clock, self.statuses)
        self.verifier = PresentationVerifier(
            node.did,
            http,
            self.resolver,
            self.statuses,
            Schemas(http, clock, self.settings),
            clock,
            self.settings,
        )

    def did_document(self) -> dict[str, Any]:
        """Return this node's DID document."""
        base = self.node.base_url.rstrip("/")
        services = {"CredentialService": f"{base}/dcp/holder"}
        if self.node.is_authority:
            services["IssuerService"] = f"{base}/dcp/issuer"
        services["CatalogService"] = f"{base}/dsp/2025-1/catalog"
        services["DataService"] = f"{base}/dsp/2025-1"
        now = iso(self._clock.now())
        former = [each.jwk for each in self._keys.former_keys() if each.until > now]
        return own_document(
            self.node.did, self._keys.identity_public_jwk(), services, former=former
        )

    def resolve_did(self, did: str) -> DidDocument:
        """Return the DID document of another node, from the cache when fresh."""
        return self.resolver.resolve(did)

    def endpoint_of(self, did: str, service_type: str) -> str:
        """Return the address of a service of another node (`DataService` is its DSP base).

        Raises:
            DidInvalidError: its DID document names none.
        """
        found = self.resolver.resolve(did).find_endpoint(service_type)
        if not found:
            raise DidInvalidError(
                f"The DID document of {did} names no {service_type}.", code="service_missing"
            )
        return found

    def address_of(self, did: str) -> str:
        """Return the base address of another node of Tidegate's kind."""
        return self.endpoint_of(did, "CredentialService").removesuffix("/dcp/holder")

    def token_for(self, audience: str, *, scope: tuple[str, ...] = MEMBER_SCOPE) -> str:
        """Return a fresh `Bearer …` header value for one call to the node with DID `audience`.

        The token is single use; with it the other node may query our credentials of `scope`.
        """
        granted = self.access_tokens.make(audience, scope, self._clock.now())
        return self.token_with(audience, granted)

    def token_with(self, audience: str, access_token: str = "") -> str:
        """Return a `Bearer …` header value that carries an access token we were given, or none."""
        claims: dict[str, Any] = {"sub": self.node.did, "aud": audience}
        if access_token:
            claims["token"] = access_token
        return f"Bearer {self.sign(claims, seconds=self.settings.token_seconds)}"

    def sign(self, claims: Mapping[str, Any], *, seconds: int, typ: str = "JWT") -> str:
        """Return a JWT of this node: issuer, id and times are added to the claims."""
        now = int(self._clock.now().timestamp())
        full = {
            "iss": self.node.did,
            "jti": self._ids.urn(),
            "iat": now,
            "nbf": now,
            "exp": now + seconds,
            **claims,
        }
        return jose.sign(self._keys.identity_key(), self._kid, full, typ=typ)

    def sign_as_is(self, claims: Mapping[str, Any], *, typ: str = "JWT") -> str:
        """Return a JWT of this node over exactly these claims: a credential, a status list."""
        return jose.sign(self._keys.identity_key(), self._kid, claims, typ=typ)

    def verify_signed(self, jwt: str, issuer: str, *, typ: str) -> Mapping[str, Any]:
        """Return the claims of a statement of kind `typ` that `issuer` signed for this node.

        Raises:
            CredentialInvalidError: of somebody else, another kind, for another node, out of
                time, or the signature does not hold.
        """
        token = jose.read(jwt)
        if token.issuer != issuer or token.typ != typ:
            raise CredentialInvalidError(
                "The statement is of another kind or signed by somebody else.",
                code="issuer_mismatch",
            )
        claims = self.resolver.prove(token, Relation.ASSERTION)
        rules.check_statement_claims(
            claims, audience=self.node.did, now=self._clock.now(), settings=self.settings
        )
        return claims

    def sign_person(self, assertion: PersonAssertion, audience: str) -> str:
        """Return what this institution says of one of its people, signed for one other node."""
        claims = person_claims(assertion, self.node.did, audience)
        return self.sign(claims, seconds=self.settings.person_seconds, typ=PERSON_TYP)

    def verify_person(self, jwt: str, institution: str) -> PersonAssertion:
        """Return what `institution` says of one of its people.

        Raises:
            CredentialInvalidError: the statement does not hold, or speaks of somebody else's.
        """
        return read_person(self.verify_signed(jwt, institution, typ=PERSON_TYP), institution)

    def identify(self, authorization: str | None) -> Speaker:
        """Return the DID behind an Authorization header, without asking for credentials.

        Raises:
            PeerUnauthenticatedError: no token, or one that does not prove the caller.
            UnavailableError: the caller's DID document cannot be fetched now.
        """
        now = self._clock.now()
        claimed = ""
        try:
            token = jose.read(rules.bearer(authorization))
            claimed = token.issuer
            facts = rules.check_token_claims(
                token.claims, audience=self.node.did, now=now, settings=self.settings
            )
            self.resolver.prove(token, Relation.INVOCATION)
        except (CredentialInvalidError, DidInvalidError, PeerUnauthenticatedError) as problem:
            refusal = PeerUnauthenticatedError(problem.message, code=problem.code)
            self.refusals.note(claimed, refusal, is_proven=False)
            raise refusal from None
        forget_at = facts.expires_at + timedelta(seconds=2 * self.settings.leeway_seconds)
        with self._journal.upkeep() as tx:
            fresh = store.remember_token(tx.connection, facts.did, facts.jti, iso(forget_at))
        if not fresh:
            replayed = PeerUnauthenticatedError(
                "The token was used before; make a new one for every call.", code="token_replayed"
            )
            self.refusals.note(facts.did, replayed)
            raise replayed
        return Speaker(facts.did, facts.access_token, iso(facts.expires_at))

    def authenticate(
        self, authorization: str | None, *, scope: tuple[str, ...] = MEMBER_SCOPE
    ) -> Peer:
        """Return the member behind an Authorization header.

        Raises:
            PeerUnauthenticatedError: no token, or one that does not prove the caller (401).
            PeerRefusedError: the caller is known, and is not a member in good standing (403).
            UnavailableError: the caller's node or the authority cannot be reached (503).
        """
        speaker = self.identify(authorization)
        try:
            self._check_not_revoked(speaker.did)
            peer = self._peers.find(speaker.did, scope) or self._meet(speaker, scope)
            self._check_not_revoked(speaker.did)
        except (PeerRefusedError, PeerUnauthenticatedError) as problem:
            self.refusals.note(speaker.did, problem)
            raise
        self.on_peer(peer.did)
        return peer

    def show(
        self, authorization: str | None, *, scope: tuple[str, ...]
    ) -> tuple[Speaker, tuple[Credential, ...]]:
        """Return who calls, and the credentials it presents for a scope, each one verified.

        For callers of other kinds than members: nothing is asked of what the credentials say.

        Raises:
            PeerUnauthenticatedError: no token, or one that does not prove the caller.
            PeerRefusedError: a credential of the scope is missing, or does not hold.
            UnavailableError: the caller's node or the authority cannot be reached.
        """
        speaker = self.identify(authorization)
        try:
            credentials = self._fetched(speaker, scope)
            for name in sorted(rules.read_scope(scope).types):
                if not any(name in each.types for each in credentials):
                    raise PeerRefusedError(
                        f"The caller presented no {name}.", code="credential_missing"
                    )
        except (PeerRefusedError, PeerUnauthenticatedError) as problem:
            self.refusals.note(speaker.did, problem)
            raise
        return speaker, credentials

    def forget_peer(self, did: str) -> None:
        """Drop what is cached of a peer; its next call must prove everything anew."""
        self._peers.forget(did)
        self.resolver.forget(did)
        self.statuses.forget()

    def _forget_peers(self) -> None:
        """Have every peer prove itself by what the authority says now, and renew our own proof."""
        self._peers.forget()
        self.statuses.forget()
        with self._journal.upkeep() as tx:
            tx.enqueue("credentials.renew", lane="credentials.renew")

    def receive_keys_changed(self, sender: str, _body: Mapping[str, Any]) -> None:
        """Learn that a member has another key: what is cached of its document counts no more."""
        self.resolver.forget(sender)
        if self.authority_keys.is_pinned(sender):
            self.authority_keys.follow()

    def is_first_use(self, issuer: str, jti: str, until: datetime) -> bool:
        """Remember a token that is good once; tell whether it was never seen before."""
        with self._journal.upkeep() as tx:
            return store.remember_token(tx.connection, issuer, jti, iso(until))

    def purge_tokens(self) -> int:
        """Forget the ids of tokens that have expired; return how many."""
        with self._journal.upkeep() as tx:
            self.refusals.purge(tx)
            return store.purge_tokens(tx.connection, tx.at)

    def derive(self, purpose: str) -> bytes:
        """Derive a secret of this node for one purpose of the identity side."""
        return self._keys.derive(f"dcp-{purpose}")

    def authority(self) -> str:
        """Return the DID of the space's authority.

        Raises:
            NoSpaceError: the node belongs to no space yet.
        """
        space = self._membership.find_space()
        if space is None:
            raise NoSpaceError(
                "This node belongs to no space yet; join one with `tidegate space join`."
            )
        return space.authority

    def has_no_space(self) -> bool:
        """Whether the node belongs to no space yet."""
        return self._membership.find_space() is None

    def _meet(self, speaker: Speaker, scope: tuple[str, ...]) -> Peer:
        """Query and verify a peer's credentials, once for callers that come together."""
        with self._places.taken(speaker.did), self._turns.taken(speaker.did):
            known, turn = self._peers.find(speaker.did, scope), self._peers.turn
            if known is not None:
                return known
            credentials = self._fetched(speaker, scope)
            peer = peer_from(speaker.did, credentials)
            if self._peers.keep(peer, scope, self._until(credentials), turn=turn):
                self.standings.keep(peer, credentials)
            return peer

    def _fetched(self, speaker: Speaker, scope: tuple[str, ...]) -> tuple[Credential, ...]:
        if not speaker.access_token:
            raise PeerUnauthenticatedError(
                "The token carries no access token (claim `token`) for your credentials.",
                code="access_token_missing",
            )
        return self.verifier.fetch(
            speaker.did,
            scope,
            authorization=self.token_with(speaker.did, speaker.access_token),
            authority=self.authority(),
        )

    def _until(self, credentials: tuple[Credential, ...]) -> datetime:
        ends = [parse_iso(each.valid_until) for each in credentials]
        limit = self._clock.now() + timedelta(seconds=self.settings.peer_cache_seconds)
        return min([limit, *ends])

    def list_peer_memberships(self) -> tuple[str, ...]:
        """Return the membership credential that each peer last presented, as JWT."""
        return self._journal.read(store.list_peer_memberships)

    def _check_not_revoked(self, did: str) -> None:
        member = self._membership.find_member(did)
        if member is not None and member.state is MemberState.REVOKED:
            raise PeerRefusedError(
                "The caller's membership of the space was revoked.", code="member_revoked"
            )

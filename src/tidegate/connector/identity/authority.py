"""What the space's authority signs, held against its keys in the trust file and their history.

DID documents count for nothing here: neither a false one at the authority's address nor its absence
matters. A key nobody here knows is looked for in the authority's history, which proves itself and
may therefore come from any member.
"""

import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from tidegate.audit.authority.rules import AuthorityKey, KeyHistory, dated
from tidegate.audit.errors import EvidenceMalformedError, SignatureInvalidError, SuccessionError
from tidegate.connector.errors import (
    AddressRefusedError,
    CredentialInvalidError,
    DidInvalidError,
    PeerAnswerError,
    PeerDeclinedError,
    PeerUnreachableError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import jose
from tidegate.connector.identity.model import IdentitySettings, Relation, VerificationMethod
from tidegate.connector.identity.places import Places
from tidegate.kernel.clock import Clock
from tidegate.partners.model import Member, MemberState

_MOST_SOURCES = 4
_MOST_AT_ONCE = 8  # callers that wait for the one look
_WHERE = "/space/space.json"
_PASSING = (
    PeerUnreachableError,
    PeerDeclinedError,
    PeerAnswerError,
    DidInvalidError,
    AddressRefusedError,
)
_WRONG = (EvidenceMalformedError, SuccessionError)


class SpaceKeys(Protocol):
    """What is asked about the keys of the space; the partners room answers."""

    def find_keys(self) -> KeyHistory | None:
        """Return the keys the authority has had."""
        ...

    def take_key_history(self, content: object) -> bool:
        """Follow a longer history; return whether it was longer."""
        ...

    def list_members(self) -> tuple[Member, ...]:
        """Return every member there is or was."""
        ...


class AuthorityKeys:
    """Verifies what the authority signs, and follows its key when it changes."""

    def __init__(
        self,
        own_did: str,
        space: SpaceKeys,
        http: PeerHttp,
        clock: Clock,
        settings: IdentitySettings,
        address_of: Callable[[str], str],
    ) -> None:
        self._own_did = own_did
        self._space = space
        self._http = http
        self._clock = clock
        self._pause = timedelta(seconds=settings.document_retry_seconds)
        self._address_of = address_of
        self._asked_at: datetime | None = None
        self._guard = threading.Lock()
        self._places = Places(most=_MOST_AT_ONCE, per_host=_MOST_AT_ONCE)
        self.on_changed: Callable[[], None] = lambda: None

    def is_pinned(self, did: str) -> bool:
        """Tell whether a DID is the authority whose keys the trust file names."""
        history = self._space.find_keys()
        return history is not None and history.authority == did

    def prove(self, token: jose.Unproven, relation: Relation) -> Mapping[str, Any]:
        """Return the claims of a token that the authority's key verifies.

        A former key proves nobody's presence, and of statements only those it made in its time;
        one that was compromised verifies nothing any more: what it signed is issued anew.

        Raises:
            CredentialInvalidError: the token does not hold.
        """
        key = self._key_of(token)
        claims = jose.verify(token, VerificationMethod(token.kid, token.issuer, dict(key.jwk)))
        if key.until and (relation is not Relation.ASSERTION or key.is_compromised):
            raise CredentialInvalidError(
                "The token is signed with a key that the authority has given up.",
                code="former_key",
            )
        try:
            key.check_may_have_signed(dated(claims), "token")
        except SignatureInvalidError as problem:
            raise CredentialInvalidError(problem.message, code=problem.code) from None
        return claims

    def counts(self, jwt: str) -> bool:
        """Tell whether others still believe a credential of ours, by the key under it."""
        token, history = jose.read(jwt), self._space.find_keys()
        key = history.find(token.kid) if history is not None else None
        if key is None or not key.until:
            return True
        return not key.is_compromised and "" < dated(token.claims) <= key.until

    def follow(self) -> bool:
        """Ask for the authority's key history, at most once in ten seconds; tell if there is more.

        The authority is asked first, then a few members, so that a change is followed although
        the authority cannot be reached.
        """
        with self._places.taken(self._own_did), self._guard:
            now = self._clock.now()
            if self._asked_at is not None and now - self._asked_at < self._pause:
                return False
            self._asked_at = now
            changed = any(self._taken_from(did) for did in self._sources())
        if changed:
            self.on_changed()
        return changed

    def _key_of(self, token: jose.Unproven) -> AuthorityKey:
        if token.kid.partition("#")[0] not in {token.issuer, ""}:
            raise CredentialInvalidError(
                "The token names a key of another DID.", code="kid_of_another"
            )
        found = self._found(token)
        if found is None:
            self.follow()  # or somebody just did, while we waited
            found = self._found(token)
        if found is None:
            raise CredentialInvalidError(
                "The token names a key that the authority's key history does not have.",
                code="kid_unknown",
            )
        return found

    def _found(self, token: jose.Unproven) -> AuthorityKey | None:
        history = self._space.find_keys()
        return history.find(token.kid) if history is not None else None

    def _sources(self) -> tuple[str, ...]:
        history = self._space.find_keys()
        if history is None or history.authority == self._own_did:
            return ()
        others = (
            each.did
            for each in self._space.list_members()
            if each.state is MemberState.ACTIVE
            and each.did not in {self._own_did, history.authority}
        )
        return (history.authority, *others)[:_MOST_SOURCES]

    def _taken_from(self, did: str) -> bool:
        try:
            body = self._http.get(f"{self._address_of(did)}{_WHERE}").checked().body
        except _PASSING:
            return False  # the next one is asked, and everybody again in a while
        keys = body.get("keys") if isinstance(body, dict) else None
        listed = keys.get("history", []) if isinstance(keys, dict) else None
        try:
            return self._space.take_key_history(listed)
        except _WRONG:
            return False  # it stands in the evidence; another may have the true one

"""Resolving did:web through the outgoing client, with a cache, and proving tokens by it."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import field, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

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
from tidegate.connector.identity.did import did_url, read_document
from tidegate.connector.identity.model import DidDocument, IdentitySettings, Relation
from tidegate.connector.identity.places import Places
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass

_MOST_DOCUMENTS = 1024
_MOST_AT_ONCE = 16
_MOST_PER_HOST = 8
_SECONDS = 5.0
_JUST_NOW = timedelta(seconds=1)  # a document read now is not read again for a key it lacks
_STALE_CODES = frozenset({"kid_unknown", "signature_invalid", "key_not_allowed"})


class Pinned(Protocol):
    """Who proves the tokens of a DID whose keys do not come from its document."""

    def is_pinned(self, did: str) -> bool:
        """Tell whether the DID is one of these."""
        ...

    def prove(self, token: jose.Unproven, relation: Relation) -> Mapping[str, Any]:
        """Return the claims of a token that holds; raise CredentialInvalidError."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    document: DidDocument | None
    fetched_at: datetime
    failure: PeerUnreachableError | DidInvalidError | None = None
    looked_again_at: datetime | None = None
    looking: threading.Lock = field(default_factory=threading.Lock, compare=False)


class DidResolver:
    """Finds DID documents; keeps good ones for minutes and failures for seconds."""

    def __init__(
        self,
        http: PeerHttp,
        clock: Clock,
        settings: IdentitySettings,
        pinned: Pinned | None = None,
    ) -> None:
        self.pinned = pinned
        self._http = http
        self._clock = clock
        self._settings = settings
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._turn = 0
        self._guard = threading.Lock()
        self._places = Places(most=_MOST_AT_ONCE, per_host=_MOST_PER_HOST)

    def resolve(self, did: str) -> DidDocument:
        """Return the document of a DID, from the cache while it is fresh.

        Raises:
            DidInvalidError: the DID or its document is malformed.
            PeerUnreachableError: the document cannot be fetched now.
        """
        entry, turn = self._find(did), self._turn
        if entry is None:
            with self._places.taken(did):
                entry = self._fetch(did)
            self._keep(did, entry, turn)
        return _document_of(entry)

    def prove(self, token: jose.Unproven, relation: Relation) -> Mapping[str, Any]:
        """Return the claims of a token that a key of its issuer verifies.

        A key that is not known, or does not fit, is looked up once more: keys change. What the
        authority says, states or presents is verified by the keys of the trust file and nothing
        else, so that neither its absence nor a false document at its address matters.

        Raises:
            CredentialInvalidError: the token does not hold.
            PeerUnreachableError: the issuer's document cannot be fetched now.
        """
        did = token.issuer
        if self.pinned is not None and self.pinned.is_pinned(did):
            return self.pinned.prove(token, relation)
        try:
            return _prove(token, self.resolve(did), relation)
        except CredentialInvalidError as problem:
            if problem.code not in _STALE_CODES:
                raise
            before = self.resolve(did)
            after = self._looked_up_again(did)
            if after == before:
                raise
            return _prove(token, after, relation)

    def _looked_up_again(self, did: str) -> DidDocument:
        """Return the document as it is now, at most one look in `document_retry_seconds`.

        Callers that come together with a new key wait for the one look. A look that fails leaves
        what is known as it is: nobody loses a peer's document by naming a key it never had.
        """
        with self._places.taken(did):
            entry = self._find(did)
            if entry is None:
                return self.resolve(did)
            with entry.looking:
                turn = self._turn
                entry = self._find(did) or entry
                now = self._clock.now()
                if not self._may_look_again(entry, now):
                    return _document_of(entry)
                self._keep(did, replace(entry, looked_again_at=now), turn)
                found = self._fetch(did)
                if found.failure is None:
                    again = replace(found, looked_again_at=now, looking=entry.looking)
                    self._keep(did, again, turn)
            return _document_of(found)

    def _may_look_again(self, entry: _Entry, now: datetime) -> bool:
        if now - entry.fetched_at < _JUST_NOW:
            return False
        last = entry.looked_again_at
        pause = timedelta(seconds=self._settings.document_retry_seconds)
        return last is None or now - last >= pause

    def forget(self, did: str) -> None:
        """Drop what is cached of a DID, and what is on its way at this moment."""
        with self._guard:
            self._turn += 1
            self._entries.pop(did, None)

    def _find(self, did: str) -> _Entry | None:
        with self._guard:
            entry = self._entries.get(did)
        if entry is None:
            return None
        limit = self._settings.document_cache_seconds
        if isinstance(entry.failure, PeerUnreachableError):
            limit = self._settings.unreachable_seconds  # it may be back; messages wait for it
        elif entry.failure is not None:
            limit = self._settings.document_retry_seconds
        if self._clock.now() - entry.fetched_at >= timedelta(seconds=limit):
            return None
        return entry

    def _keep(self, did: str, entry: _Entry, turn: int) -> None:
        """Keep a document that was asked for in a turn, unless one was forgotten since."""
        with self._guard:
            if turn != self._turn:
                return
            self._entries[did] = entry
            self._entries.move_to_end(did)
            while len(self._entries) > _MOST_DOCUMENTS:
                self._entries.popitem(last=False)

    def _fetch(self, did: str) -> _Entry:
        url = did_url(did, loopback=self._http.is_loopback)
        try:
            return _Entry(self._document(did, url), self._clock.now())
        except (PeerUnreachableError, DidInvalidError) as problem:
            return _Entry(None, self._clock.now(), problem)

    def _document(self, did: str, url: str) -> DidDocument:
        try:
            answer = self._http.get(url, seconds=_SECONDS).checked()
        except PeerUnreachableError as problem:
            raise PeerUnreachableError(
                f"The DID document of {did} cannot be fetched now. {problem.message}",
                code="did_unreachable",
            ) from None
        except (PeerDeclinedError, PeerAnswerError, AddressRefusedError) as problem:
            raise DidInvalidError(
                f"The DID document of {did} cannot be had. {problem.message}",
                code="did_unresolvable",
            ) from None
        body = answer.body
        if body is None:
            raise DidInvalidError("The DID document is not JSON.", code="did_document_malformed")
        return read_document(body, did)


def _document_of(entry: _Entry) -> DidDocument:
    if entry.failure is not None:
        raise type(entry.failure)(entry.failure.message, code=entry.failure.code)
    if entry.document is None:  # pragma: no cover - an entry has one or the other
        raise DidInvalidError("The DID document is missing.")
    return entry.document


def _prove(token: jose.Unproven, document: DidDocument, relation: Relation) -> Mapping[str, Any]:
    allowed = {
        Relation.INVOCATION: document.capability_invocation,
        Relation.AUTHENTICATION: document.authentication,
        Relation.ASSERTION: document.assertion_method,
    }[relation]
    return jose.verify(token, jose.key_of(token, document, allowed))

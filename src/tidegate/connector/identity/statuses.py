"""Looking up whether a credential was revoked, with a short cache and a longer memory.

A list is asked for again after `status_cache_seconds`. When the authority cannot be reached, the
last list it signed counts until its own end: a node cut off from the authority goes on until
the credentials run out, and not longer.
"""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from tidegate.audit.journal import Journal
from tidegate.connector.errors import CredentialInvalidError, PeerUnreachableError
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import jose, store
from tidegate.connector.identity.credentials import check_credential, read_credential
from tidegate.connector.identity.model import Credential, IdentitySettings, Relation, StatusEntry
from tidegate.connector.identity.resolver import DidResolver
from tidegate.connector.identity.status_list import decode_list, is_set
from tidegate.kernel.clock import Clock, parse_iso
from tidegate.kernel.values import dataclass

_LIST_TYPES = frozenset({"BitstringStatusListCredential", "StatusList2021Credential"})


@dataclass(frozen=True, slots=True)
class _Held:
    bits: bytes
    purposes: tuple[str, ...]
    valid_until: datetime
    fetched_at: datetime


class StatusLists:
    """Reads the status lists that the space's authority signs."""

    def __init__(
        self,
        journal: Journal,
        http: PeerHttp,
        resolver: DidResolver,
        clock: Clock,
        settings: IdentitySettings,
    ) -> None:
        self._journal = journal
        self._http = http
        self._resolver = resolver
        self._clock = clock
        self._settings = settings
        self._held: dict[str, _Held] = {}
        self._turn = 0
        self._guard = threading.Lock()

    def check(self, credential: Credential) -> None:
        """Raise CredentialInvalidError when a credential is revoked or suspended.

        Raises:
            PeerUnreachableError: no list is known and none can be fetched now.
        """
        for entry in credential.status:
            if is_set(self._bits(entry, credential.issuer), entry.index):
                raise CredentialInvalidError(
                    f"The {credential.type} was revoked by the authority.",
                    code="credential_revoked",
                )

    def forget(self) -> None:
        """Ask for every list anew at its next use."""
        with self._guard:
            self._turn += 1  # what is on its way at this moment is not kept
            self._held.clear()

    def _bits(self, entry: StatusEntry, issuer: str) -> bytes:
        with self._guard:
            held, turn = self._held.get(entry.list_url), self._turn
        now = self._clock.now()
        age = timedelta(seconds=self._settings.status_cache_seconds)
        if held is None or now - held.fetched_at >= age:
            held = self._refreshed(entry.list_url, issuer, now)
            with self._guard:
                if turn == self._turn:
                    self._held[entry.list_url] = held
        if entry.purpose not in held.purposes:
            raise CredentialInvalidError(
                "The status list is for another purpose.", code="status_list_invalid"
            )
        return held.bits

    def _refreshed(self, url: str, issuer: str, now: datetime) -> _Held:
        try:
            jwt = self._http.get(url).checked().text.strip()
        except PeerUnreachableError:
            remembered = self._journal.read(store.find_status_list, url)
            if remembered is None:
                raise
            return self._read(remembered, url, issuer, now)
        held = self._read(jwt, url, issuer, now)
        with self._journal.upkeep() as tx:
            known = store.find_status_list(tx.connection, url)
            if known is None or _signed_at(known) <= _signed_at(jwt):
                store.keep_status_list(tx.connection, url, jwt, tx.at)
        return held

    def _read(self, jwt: str, url: str, issuer: str, now: datetime) -> _Held:
        token = jose.read(jwt)
        if token.issuer != issuer:
            raise CredentialInvalidError(
                "The status list is not signed by the issuer of the credential.",
                code="status_list_invalid",
            )
        listed = read_credential(self._resolver.prove(token, Relation.ASSERTION))
        check_credential(
            listed,
            issuer=issuer,
            holder=listed.subject,
            now=now,
            leeway_seconds=self._settings.leeway_seconds,
        )
        if not _LIST_TYPES & set(listed.types) or listed.id != url:
            raise CredentialInvalidError(
                "The status list is of another address or kind.", code="status_list_invalid"
            )
        return _Held(
            decode_list(
                str(listed.claims.get("encodedList", "")),
                is_older="StatusList2021Credential" in listed.types,
            ),
            _purposes(listed.claims),
            parse_iso(listed.valid_until),
            now,
        )


def _signed_at(jwt: str) -> str:
    """Return from when a status list counts, that was verified when it came."""
    return read_credential(jose.read(jwt).claims).valid_from


def _purposes(claims: Mapping[str, Any]) -> tuple[str, ...]:
    found = claims.get("statusPurpose")
    return tuple(str(each) for each in found) if isinstance(found, list) else (str(found),)

"""Fetching the JSON schemas that credentials name, and holding credentials against them."""

import threading
from collections import OrderedDict
from datetime import datetime, timedelta

from tidegate.connector.errors import (
    AddressRefusedError,
    CredentialInvalidError,
    PeerAnswerError,
    PeerDeclinedError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity.model import Credential, IdentitySettings, SchemaEntry
from tidegate.connector.identity.schema_rules import SchemaUnsupportedError, find_fault
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass

OF_SUBJECT = "JsonSchemaValidator2018"
OF_CREDENTIAL = "JsonSchema"
_MOST_SCHEMAS = 64
_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class _Held:
    schema: object
    fetched_at: datetime


class Schemas:
    """Checks what a credential promises of its own form (VC Data Model 2.0 §4.11).

    `JsonSchema` describes the whole credential (VC JSON Schema §3.1), `JsonSchemaValidator2018`
    of VC 1.1 its subject. A kind or keyword that is not known here fails the credential.
    """

    def __init__(self, http: PeerHttp, clock: Clock, settings: IdentitySettings) -> None:
        self._http = http
        self._clock = clock
        self._settings = settings
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._guard = threading.Lock()

    def check(self, credential: Credential) -> None:
        """Raise CredentialInvalidError unless a credential obeys every schema it names.

        Raises:
            PeerUnreachableError: a schema cannot be fetched now.
        """
        for entry in credential.schemas:
            self._check(entry, credential)

    def _check(self, entry: SchemaEntry, credential: Credential) -> None:
        if entry.type == OF_SUBJECT:
            value: object = {"id": credential.subject, **credential.claims}
        elif entry.type == OF_CREDENTIAL:
            value = dict(credential.document)
        else:
            raise _bad("The credential names a schema of an unknown kind.", "schema_unsupported")
        try:
            fault = find_fault(self._schema(entry.id), value)
        except SchemaUnsupportedError as problem:
            raise _bad(
                f"The credential's schema cannot be checked here: {problem}.", "schema_unsupported"
            ) from None
        if fault:
            raise _bad(f"The credential breaks its own schema: {fault}.", "schema_broken")

    def _schema(self, url: str) -> object:
        now = self._clock.now()
        with self._guard:
            held = self._held.get(url)
        age = timedelta(seconds=self._settings.document_cache_seconds)
        if held is not None and now - held.fetched_at < age:
            return held.schema
        try:
            found = self._http.get(url, seconds=_SECONDS).checked().body
        except (PeerDeclinedError, PeerAnswerError, AddressRefusedError) as problem:
            raise _bad(
                f"The credential's schema cannot be had. {problem.message}", "schema_unavailable"
            ) from None
        with self._guard:
            self._held[url] = _Held(found, now)
            while len(self._held) > _MOST_SCHEMAS:
                self._held.popitem(last=False)
        return found


def _bad(message: str, code: str) -> CredentialInvalidError:
    return CredentialInvalidError(message, code=code)

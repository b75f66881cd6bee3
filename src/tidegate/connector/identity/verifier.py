"""The verifier's half of the presentation flow: query a peer's credentials and check them all."""

from collections.abc import Mapping
from typing import Any

from tidegate.access.model import Seat
from tidegate.connector.errors import (
    CredentialInvalidError,
    MessageInvalidError,
    PeerAnswerError,
    PeerDeclinedError,
    PeerRefusedError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import jose, messages
from tidegate.connector.identity.credentials import check_credential, read_credential
from tidegate.connector.identity.model import (
    CERTIFICATION,
    MEMBERSHIP,
    SEAT,
    Credential,
    IdentitySettings,
    Relation,
)
from tidegate.connector.identity.presentations import read_presentation
from tidegate.connector.identity.resolver import DidResolver
from tidegate.connector.identity.schemas import Schemas
from tidegate.connector.identity.statuses import StatusLists
from tidegate.connector.model import Peer
from tidegate.kernel.clock import Clock
from tidegate.kernel.values import dataclass

_MOST_PRESENTATIONS = 8
_LAPSED = frozenset({"credential_revoked", "credential_expired"})


@dataclass(frozen=True, slots=True)
class PresentationVerifier:
    """Fetches a peer's presentation and believes only what the authority signed."""

    did: str
    http: PeerHttp
    resolver: DidResolver
    statuses: StatusLists
    schemas: Schemas
    clock: Clock
    settings: IdentitySettings

    def fetch(
        self, holder: str, scope: tuple[str, ...], *, authorization: str, authority: str
    ) -> tuple[Credential, ...]:
        """Return the credentials of `holder` for a scope, each one verified.

        Raises:
            PeerRefusedError: the holder gives none, or one that does not hold.
            UnavailableError: the holder or the authority cannot be reached now.
        """
        base = self.resolver.resolve(holder).find_endpoint("CredentialService")
        if base is None:
            raise PeerRefusedError(
                "The DID document of the caller names no CredentialService.",
                code="credential_service_missing",
            )
        query = messages.PresentationQueryMessage(type="PresentationQueryMessage", scope=scope)
        try:
            answer = self.http.post(
                f"{base}/presentations/query", messages.write(query), authorization=authorization
            ).checked()
            response = messages.parse(answer.body, messages.PresentationResponseMessage)
            return self._verified(response.presentation, holder, authority)
        except (
            PeerDeclinedError,
            PeerAnswerError,
            MessageInvalidError,
            CredentialInvalidError,
        ) as problem:
            raise PeerRefusedError(
                f"The caller's credentials were not accepted. {problem.message}", code=problem.code
            ) from None

    def _verified(
        self, presentations: tuple[object, ...], holder: str, authority: str
    ) -> tuple[Credential, ...]:
        if len(presentations) > _MOST_PRESENTATIONS:
            raise CredentialInvalidError(
                "There are too many presentations.", code="presentation_malformed"
            )
        found: list[Credential] = []
        for text in presentations:
            if not isinstance(text, str):
                raise CredentialInvalidError(
                    "Only presentations as JWT are read here.", code="presentation_malformed"
                )
            for jwt in self._opened(text, holder):
                credential = self._standing(jwt, holder, authority)
                if credential is not None:
                    found.append(credential)
        return tuple(found)

    def _standing(self, jwt: str, holder: str, authority: str) -> Credential | None:
        """Return a credential that holds; None for a certification that has lapsed.

        A certification adds to a membership: withdrawn or over it counts as absent, and does
        not shut its holder out.
        """
        try:
            return self.verify_credential(jwt, holder=holder, authority=authority)
        except CredentialInvalidError as problem:
            if problem.code in _LAPSED and CERTIFICATION in jose.read(jwt).types:
                return None
            raise

    def _opened(self, text: str, holder: str) -> tuple[str, ...]:
        token = jose.read(text)
        if token.issuer != holder:
            raise CredentialInvalidError(
                "The presentation is of another holder.", code="presentation_of_another"
            )
        return read_presentation(
            self.resolver.prove(token, Relation.AUTHENTICATION),
            holder=holder,
            verifier=self.did,
            now=self.clock.now(),
            leeway_seconds=self.settings.leeway_seconds,
        )

    def verify_credential(
        self, jwt: str, *, holder: str, authority: str, check_status: bool = True
    ) -> Credential:
        """Return a credential whose signature, issuer, holder, validity, status and schema hold.

        Without `check_status`, what needs a further call (status and schema) is left out.

        Raises:
            CredentialInvalidError: naming the first check that fails.
        """
        credential = read_credential(self.proven(jwt, authority), jwt)
        check_credential(
            credential,
            issuer=authority,
            holder=holder,
            now=self.clock.now(),
            leeway_seconds=self.settings.leeway_seconds,
        )
        if check_status:
            self.statuses.check(credential)
            self.schemas.check(credential)
        return credential

    def proven(self, jwt: str, authority: str) -> Mapping[str, Any]:
        """Return the claims of a credential that the authority signed; nothing else is checked."""
        token = jose.read(jwt)
        if token.issuer != authority:
            raise CredentialInvalidError(
                "The credential's issuer is not the authority of the space.",
                code="issuer_untrusted",
            )
        return self.resolver.prove(token, Relation.ASSERTION)

    def read_own(self, jwt: str) -> Credential:
        """Return a credential that this node has just signed for itself."""
        token = jose.read(jwt)
        return read_credential(token.claims, jwt)


def peer_from(did: str, credentials: tuple[Credential, ...]) -> Peer:
    """Return the peer that membership and seat credentials describe together.

    Raises:
        PeerRefusedError: one of the two is missing, or says something unknown.
    """
    membership, seat = _newest(credentials, MEMBERSHIP), _newest(credentials, SEAT)
    name, role = membership.claims.get("name"), membership.claims.get("role")
    stated = seat.claims.get("seat")
    if not isinstance(name, str) or not isinstance(role, str) or not _is_seat(stated):
        raise PeerRefusedError(
            "The caller's credentials do not say name, role and seat.", code="claims_missing"
        )
    return Peer(
        did=did,
        name=name,
        seat=Seat(str(stated)),
        role=role,
        credentials=tuple(sorted({each.type for each in credentials})),
        valid_until=min(membership.valid_until, seat.valid_until),
        certifications=_certifications(credentials),
    )


def _is_seat(stated: object) -> bool:
    return isinstance(stated, str) and stated in set(Seat)


def _certifications(credentials: tuple[Credential, ...]) -> tuple[str, ...]:
    """Return the schemes a peer is certified under, as its newest certification says."""
    held = [each for each in credentials if CERTIFICATION in each.types]
    if not held:
        return ()
    stated = max(held, key=lambda each: each.valid_until).claims.get("certifications")
    listed = stated if isinstance(stated, list) else []
    return tuple(sorted({each for each in listed if isinstance(each, str)}))


def _newest(credentials: tuple[Credential, ...], kind: str) -> Credential:
    found = [each for each in credentials if kind in each.types]
    if not found:
        raise PeerRefusedError(
            f"The caller presented no {kind}; only members of the space are served.",
            code="credential_missing",
        )
    return max(found, key=lambda each: each.valid_until)

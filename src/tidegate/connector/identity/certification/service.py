"""Certify members: grant, withdraw, and offer them the credential that says so (DCP §6.6)."""

import re

from tidegate.access.model import Actor, Role
from tidegate.access.rules import check_has_role
from tidegate.audit.journal import Journal
from tidegate.connector.errors import (
    CertificationRefusedError,
    PeerDeclinedError,
    RequestUnknownError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import messages
from tidegate.connector.identity.issuance import certification_store, store
from tidegate.connector.identity.model import CERTIFICATION, VC_FORMAT, Certification
from tidegate.connector.identity.service import IdentityService, Membership
from tidegate.kernel.clock import Clock, iso, parse_iso
from tidegate.kernel.ids import Ids
from tidegate.partners.model import MemberState

_SCHEME = re.compile(r"[a-z0-9][a-z0-9.:-]{1,62}[a-z0-9]")
_OFFERED = "urn:tidegate:credential:certification"


class CertificationService:
    """The authority's book of certifications; policies ask for them by the name of the scheme."""

    def __init__(
        self,
        journal: Journal,
        clock: Clock,
        ids: Ids,
        identity: IdentityService,
        http: PeerHttp,
        membership: Membership,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._identity = identity
        self._http = http
        self._membership = membership

    def grant(self, did: str, scheme: str, until: str, *, by: Actor) -> Certification:
        """Certify a member under a scheme until a moment, and offer it the credential.

        Raises:
            CertificationRefusedError: no active member, a malformed scheme, or a moment past.
        """
        self._check_may(by)
        self._check_member(did)
        if not _SCHEME.fullmatch(scheme):
            raise CertificationRefusedError(
                "A scheme is named in small letters, digits, dots and hyphens, such as "
                "iso-27001; use the name that policies ask for.",
                code="scheme_malformed",
            )
        ends = iso(parse_iso(until))
        now = iso(self._clock.now())
        if ends <= now:
            raise CertificationRefusedError(
                "A certification ends in the future; give the end of the certificate.",
                code="certification_over",
            )
        made = Certification(self._ids.new("cert"), did, scheme, now, ends)
        with self._journal.write(
            by=by.id,
            did="certification.granted",
            to=f"member:{did}",
            why={"scheme": scheme, "ends": ends},
        ) as tx:
            certification_store.add(tx.connection, made, by.id)
            tx.enqueue("credentials.offer", lane=f"credentials:{did}", holder=did)
        return made

    def withdraw(self, did: str, scheme: str, reason: str, *, by: Actor) -> int:
        """End a member's certification now and revoke what attests it; return how many ended.

        Raises:
            CertificationRefusedError: the member is not certified so, or the reason is missing.
        """
        self._check_may(by)
        if not reason.strip():
            raise CertificationRefusedError("A withdrawal needs its reason.", code="reason_missing")
        found = [each for each in self.list_valid(did) if each.scheme == scheme]
        if not found:
            raise CertificationRefusedError(
                "The member holds no such certification now.", code="certification_unknown"
            )
        with self._journal.write(
            by=by.id,
            did="certification.withdrawn",
            to=f"member:{did}",
            why={"scheme": scheme, "reason": reason.strip()},
        ) as tx:
            for each in found:
                certification_store.withdraw(tx.connection, each.id, reason.strip(), tx.at)
            store.revoke_all(tx.connection, did, reason.strip(), tx.at, kind=CERTIFICATION)
            tx.enqueue("credentials.offer", lane=f"credentials:{did}", holder=did)
        return len(found)

    def list_all(self, did: str = "") -> tuple[Certification, ...]:
        """Return every certification there is or was, of one member or of all."""
        return self._journal.read(certification_store.list_of, did)

    def list_valid(self, did: str) -> tuple[Certification, ...]:
        """Return the certifications of a member that hold now."""
        return self._journal.read(certification_store.list_valid, did, iso(self._clock.now()))

    def offer(self, holder: str) -> None:
        """Offer a member the credential of its certifications; run by the work room.

        Nothing is sent to a member that holds none any more: its credential is revoked.

        Raises:
            UnavailableError: the member cannot be reached now; the work room tries again.
        """
        member = self._membership.find_member(holder)
        if member is None or member.state is not MemberState.ACTIVE or not self.list_valid(holder):
            return
        base = self._identity.endpoint_of(holder, "CredentialService")
        offered = messages.OfferedCredential(
            id=_OFFERED, type="CredentialObject", credential_type=CERTIFICATION, profile=VC_FORMAT
        )
        message = messages.CredentialOfferMessage(
            type="CredentialOfferMessage",
            issuer=self._identity.node.did,
            credentials=(offered,),
        )
        try:
            self._http.post(
                f"{base}/offers",
                messages.write(message),
                authorization=self._identity.token_with(holder),
            ).checked()
        except PeerDeclinedError as problem:
            self._journal.note(
                by="system:credentials.offer",
                did="credential.refused",
                to=f"member:{holder}",
                why={"reason": problem.code},
            )
            raise

    def _check_may(self, by: Actor) -> None:
        if not by.is_system:
            check_has_role(by, Role.OPERATOR)
        if not self._identity.node.is_authority:
            raise RequestUnknownError(
                "This node is not the authority of a space and certifies nobody.",
                code="not_an_issuer",
            )

    def _check_member(self, did: str) -> None:
        member = self._membership.find_member(did)
        if member is None or member.state is not MemberState.ACTIVE:
            raise CertificationRefusedError(
                "Only active members of the space are certified; see `tidegate space members`.",
                code="not_a_member",
            )

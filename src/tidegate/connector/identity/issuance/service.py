"""Issue credentials to members, deliver them, list the revoked ones, and revoke (DCP §6)."""

from datetime import datetime, timedelta
from typing import Any

from tidegate.access.model import Actor, node_actor
from tidegate.audit.journal import Journal, Tx
from tidegate.connector.errors import (
    IssuanceRacedError,
    MessageInvalidError,
    PeerDeclinedError,
    PeerRefusedError,
    RequestUnknownError,
)
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.identity import messages
from tidegate.connector.identity.credentials import (
    VC2_CONTEXT,
    VC_TYP,
    credential_claims,
    older_claims,
)
from tidegate.connector.identity.issuance import certification_store, store
from tidegate.connector.identity.issuance.catalogue import (
    CATALOGUE,
    SUBJECTS,
    find_issuable,
    subject_claims,
    subject_schema,
)
from tidegate.connector.identity.model import (
    CERTIFICATION,
    OLDER_FORMAT,
    VC_FORMAT,
    Certification,
    Credential,
    CredentialRequest,
    IssuedCredential,
    RequestStatus,
    StatusEntry,
)
from tidegate.connector.identity.service import IdentityService, Membership
from tidegate.connector.identity.status_list import encode_list
from tidegate.kernel.clock import Clock, iso
from tidegate.kernel.ids import Ids
from tidegate.partners.model import Member, MemberState

ISSUER = Actor(id="system:credentials.deliver", name="credentials.deliver")


class IssuanceService:
    """The authority's side: only members of the space get credentials, each with a status."""

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
        self._places = identity.derive("status-list-places")

    def metadata(self) -> dict[str, Any]:
        """Return the issuer's metadata (DCP §6.7)."""
        self._check_authority()
        supported = tuple(
            messages.CredentialObject(
                id=each.id,
                credential_type=each.type,
                credential_schema=f"{self._base()}/dcp/issuer/schemas/{each.type}",
                profile=each.format,
            )
            for each in CATALOGUE
        )
        return messages.write(
            messages.IssuerMetadata(
                type="IssuerMetadata",
                issuer=self._identity.node.did,
                credentials_supported=supported,
            )
        )

    def schema(self, kind: str) -> dict[str, Any]:
        """Return the JSON schema of the subject of a credential that is issued here."""
        self._check_authority()
        if kind not in SUBJECTS:
            raise RequestUnknownError("No credential of that type is issued here.")
        return subject_schema(kind, f"{self._base()}/dcp/issuer/schemas/{kind}")

    def request(self, authorization: str | None, body: object) -> str:
        """Take a member's request for credentials; return the id its status is found under.

        Raises:
            PeerUnauthenticatedError: the token does not hold.
            PeerRefusedError: the holder is no member in good standing.
            MessageInvalidError: malformed, or for something that is not issued here.
        """
        self._check_authority()
        speaker = self._identity.identify(authorization)
        message = messages.parse(body, messages.CredentialRequestMessage)
        self._member(speaker.did)
        if not message.credentials or not message.holder_pid:
            raise MessageInvalidError(
                "A request names its holderPid and at least one credential.",
                code="message_invalid",
            )
        found = [find_issuable(each.id) for each in message.credentials]
        entries = tuple(dict.fromkeys(each for each in found if each is not None))
        if None in found:
            raise MessageInvalidError(
                "A credential is asked for that is not in the issuer's metadata.",
                code="credential_not_offered",
            )
        request = CredentialRequest(
            id=self._ids.new("creq"),
            holder=speaker.did,
            holder_pid=message.holder_pid[:400],
            types=tuple(each.id for each in entries),
            status=RequestStatus.RECEIVED,
            created_at=iso(self._clock.now()),
        )
        with self._journal.write(
            by=node_actor(speaker.did).id,
            did="credential.requested",
            to=f"member:{speaker.did}",
            why={"request": request.id, "types": [each.type for each in entries]},
        ) as tx:
            store.add_request(tx.connection, request)
            tx.enqueue(
                "credentials.deliver", lane="credentials", party=speaker.did, request=request.id
            )
        return request.id

    def status(self, authorization: str | None, request_id: str) -> dict[str, Any]:
        """Say where a request of the caller stands (DCP §6.8).

        Raises:
            RequestUnknownError: there is none of that id, or it is another holder's.
        """
        self._check_authority()
        speaker = self._identity.identify(authorization)
        request = self._journal.read(store.find_request, request_id)
        if request is None or request.holder != speaker.did:
            raise RequestUnknownError("There is no such request of yours.")
        return messages.write(
            messages.CredentialStatus(
                type="CredentialStatus",
                issuer_pid=request.id,
                holder_pid=request.holder_pid,
                status=request.status.value,
            )
        )

    def deliver(self, request: str) -> None:
        """Issue and deliver what was requested; may run again after a failure at any point.

        Raises:
            UnavailableError: the holder cannot be reached now; the work room tries again.
        """
        asked = self._journal.read(store.find_request, request)
        if asked is None or asked.status is not RequestStatus.RECEIVED:
            return
        try:
            issued = self._issued_for(asked)
            self._post(asked, issued)
        except (PeerRefusedError, PeerDeclinedError) as problem:
            self._close(asked, RequestStatus.REJECTED, problem.message)
            raise
        self._close(asked, RequestStatus.ISSUED, "")

    def issue_own(self, types: tuple[str, ...]) -> tuple[str, ...]:
        """Return new credentials of the authority for itself."""
        self._check_authority()
        own = CredentialRequest(
            id=self._ids.new("creq"),
            holder=self._identity.node.did,
            holder_pid="own",
            types=types,
            status=RequestStatus.ISSUED,
        )
        member = self._member(own.holder)
        return tuple(self._sign(each, member) for each in self._issued_for(own))

    def status_list(self, number: int, *, is_older: bool = False) -> str:
        """Return a status list as a signed credential (Bitstring Status List 1.0 §2.2).

        `is_older`: in the form of StatusList2021, for credentials of VC 1.1; the bits are the same.
        """
        self._check_authority()
        if not 0 <= number <= self._journal.read(store.last_list):
            raise RequestUnknownError("There is no status list of that number.")
        now = self._clock.now()
        ends = now + timedelta(seconds=self._identity.settings.status_list_seconds)
        url = self._list_url(number, OLDER_FORMAT if is_older else VC_FORMAT)
        encoded = encode_list(self._journal.read(store.revoked_places, number))
        if is_older:
            listed = Credential(
                id=url,
                types=("VerifiableCredential", "StatusList2021Credential"),
                issuer=self._identity.node.did,
                subject=f"{url}#list",
                claims={
                    "type": "StatusList2021",
                    "statusPurpose": "revocation",
                    "encodedList": encoded.removeprefix("u"),
                },
                valid_from=iso(now),
                valid_until=iso(ends),
            )
            return self._identity.sign_as_is(older_claims(listed))
        claims = {
            "@context": [VC2_CONTEXT],
            "id": url,
            "type": ["VerifiableCredential", "BitstringStatusListCredential"],
            "issuer": self._identity.node.did,
            "validFrom": iso(now),
            "validUntil": iso(ends),
            "credentialSubject": {
                "id": f"{url}#list",
                "type": "BitstringStatusList",
                "statusPurpose": "revocation",
                "encodedList": encoded,
            },
            "iss": self._identity.node.did,
            "iat": int(now.timestamp()),
            "exp": int(ends.timestamp()),
        }
        return self._identity.sign_as_is(claims, typ=VC_TYP)

    def list_issued(self, holder: str) -> tuple[IssuedCredential, ...]:
        """Return every credential ever issued to a holder."""
        return self._journal.read(store.list_for_holder, holder)

    def revoke(self, holder: str, reason: str, *, by: Actor) -> int:
        """Set the status bit of every living credential of a holder; return how many."""
        self._check_authority()
        with self._journal.write(
            by=by.id, did="credential.revoked", to=f"member:{holder}", why={"reason": reason}
        ) as tx:
            return store.revoke_all(tx.connection, holder, reason, tx.at)

    def follow_revocation(self, member: str) -> None:
        """Revoke the credentials of a member whose membership was revoked; idempotent."""
        known = self._membership.find_member(member)
        if known is None or known.state is not MemberState.REVOKED:
            return
        if not self._identity.node.is_authority:
            return
        now = iso(self._clock.now())
        living = [
            each
            for each in self.list_issued(member)
            if each.revoked_at is None and each.expires_at > now
        ]
        if living:
            reason = known.revoked_reason or "membership revoked"
            self.revoke(member, reason, by=Actor("system:credentials.revoke", "credentials.revoke"))

    def _issued_for(self, request: CredentialRequest) -> tuple[IssuedCredential, ...]:
        self._member(request.holder)
        before = self._journal.read(store.list_for_request, request.id)
        if before:
            return before
        now = self._clock.now()
        ends = iso(now + timedelta(seconds=self._identity.settings.credential_seconds))
        certified = self._certified(request.holder)
        found = [find_issuable(name) for name in request.types]
        entries = [
            each for each in found if each is not None and (each.type != CERTIFICATION or certified)
        ]
        if not entries:
            raise PeerRefusedError("The member holds no certification now.", code="not_certified")
        made = []
        with self._journal.write(
            by=ISSUER.id,
            did="credential.issued",
            to=f"member:{request.holder}",
            why={"request": request.id, "types": [each.type for each in entries]},
        ) as tx:
            self._check_unchanged(tx, request.holder, certified, now)
            for each in entries:
                number, index = store.next_place(tx.connection, self._places)
                lasts = [one.ends_at for one in certified if each.type == CERTIFICATION]
                issued = IssuedCredential(
                    id=self._ids.urn(),
                    request_id=request.id,
                    holder=request.holder,
                    type=each.type,
                    list_number=number,
                    list_index=index,
                    issued_at=iso(now),
                    expires_at=min([ends, *lasts]),
                    format=each.format,
                )
                store.add_issued(tx.connection, issued)
                made.append(issued)
        return tuple(made)

    def _check_unchanged(
        self, tx: Tx, holder: str, certified: tuple[Certification, ...], now: datetime
    ) -> None:
        """Raise, inside the write that issues, where the grounds for it have ended since."""
        _active(self._membership.find_member_within(tx, holder))
        if certification_store.list_valid(tx.connection, holder, iso(now)) != certified:
            raise IssuanceRacedError("The certifications changed at the same moment; try again.")

    def _certified(self, holder: str) -> tuple[Certification, ...]:
        return self._journal.read(certification_store.list_valid, holder, iso(self._clock.now()))

    def _post(self, asked: CredentialRequest, issued: tuple[IssuedCredential, ...]) -> None:
        member = self._member(asked.holder)
        base = self._identity.endpoint_of(asked.holder, "CredentialService")
        message = messages.CredentialMessage(
            type="CredentialMessage",
            issuer_pid=asked.id,
            holder_pid=asked.holder_pid,
            status="ISSUED",
            credentials=tuple(
                messages.CredentialContainer(
                    credential_type=each.type,
                    format=each.format,
                    payload=self._sign(each, member),
                )
                for each in issued
            ),
        )
        self._http.post(
            f"{base}/credentials",
            messages.write(message),
            authorization=self._identity.token_with(asked.holder),
        ).checked()

    def _close(self, asked: CredentialRequest, status: RequestStatus, reason: str) -> None:
        did = "credential.delivered" if status is RequestStatus.ISSUED else "credential.refused"
        with self._journal.write(
            by=ISSUER.id, did=did, to=f"member:{asked.holder}", why={"request": asked.id}
        ) as tx:
            store.set_request_status(tx.connection, asked.id, status, reason)

    def _sign(self, issued: IssuedCredential, member: Member) -> str:
        is_older = issued.format == OLDER_FORMAT
        schemes = tuple(sorted({each.scheme for each in self._certified(issued.holder)}))
        credential = Credential(
            id=issued.id,
            types=("VerifiableCredential", issued.type),
            issuer=self._identity.node.did,
            subject=issued.holder,
            claims=subject_claims(issued.type, member, schemes),
            valid_from=issued.issued_at,
            valid_until=issued.expires_at,
            status=(
                StatusEntry(
                    self._list_url(issued.list_number, issued.format),
                    issued.list_index,
                    type="StatusList2021Entry" if is_older else "BitstringStatusListEntry",
                ),
            ),
        )
        if is_older:
            return self._identity.sign_as_is(older_claims(credential))
        return self._identity.sign_as_is(credential_claims(credential), typ=VC_TYP)

    def _list_url(self, number: int, form: str) -> str:
        older = "2021/" if form == OLDER_FORMAT else ""
        return f"{self._base()}/dcp/status/{older}{number}"

    def _base(self) -> str:
        return self._identity.node.base_url.rstrip("/")

    def _member(self, did: str) -> Member:
        return _active(self._membership.find_member(did))

    def _check_authority(self) -> None:
        if not self._identity.node.is_authority:
            raise RequestUnknownError(
                "This node is not the authority of a space and issues nothing.",
                code="not_an_issuer",
            )


def _active(member: Member | None) -> Member:
    if member is None or member.state is not MemberState.ACTIVE:
        raise PeerRefusedError(
            "Credentials are issued to members of the space only.", code="not_a_member"
        )
    return member

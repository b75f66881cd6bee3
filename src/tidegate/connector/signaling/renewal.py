"""Renewing the access token of a hosted pull, for the consumer whose DID proves it.

Source: Data Plane Signaling 1.0-RC3, token renewal profile; RFC 6749 §5 and §6. Refresh tokens are
good once: each renewal gives the next one. An answer can be lost, so the pair of tokens before the
present one renews as well until the present one was used; after that it is void, and its replay is
refused and recorded (RFC 9700 §4.14.2).
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection

from tidegate.connector.dataplane.model import DataFlowState, PlaneAddress, find_plane
from tidegate.connector.identity.model import Speaker
from tidegate.connector.messages.compose import Document
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk, Hosting
from tidegate.connector.signaling.errors import RenewalRefusedError
from tidegate.connector.signaling.flows import about, as_flow
from tidegate.connector.signaling.model import DataFlow, FlowRole, TokenGrant, TokenPair
from tidegate.connector.signaling.sealing import secret_digest
from tidegate.connector.signaling.wire import spoken_address
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import ForbiddenError, InvalidError, TidegateError, UnavailableError
from tidegate.kernel.failpoint import failpoint
from tidegate.kernel.text import whole_number

EXPIRES = "https://w3id.org/tidegate/expires"
OTHERWISE_SECONDS = 300
USED_BEFORE = "The refresh token was used before."
_LONGEST_SECONDS = 10**9


class Renewal:
    """Makes refresh tokens, and takes them."""

    def __init__(self, desk: Desk, hosting: Hosting) -> None:
        self._desk = desk
        self._hosting = hosting

    def made(
        self, one: DataFlow, address: PlaneAddress | None
    ) -> tuple[PlaneAddress | None, tuple[str, str] | None]:
        """Return the address of a pull with what renews it, and the hashes to keep of it."""
        is_pull = one.side is Side.PROVIDER and one.format.endswith("-PULL")
        access = address.properties.get("authorization", "") if address else ""
        if address is None or not is_pull or not access:
            return address, None
        refresh = self._desk.token()
        properties = {
            **address.properties,
            "refreshToken": refresh,
            "expiresIn": str(self._seconds(address)),
            "refreshEndpoint": f"{self._desk.base}/token",
        }
        full = replace(address, properties=properties)
        return full, (secret_digest(access), secret_digest(refresh))

    def dated(self, address: PlaneAddress | None) -> PlaneAddress | None:
        """Return an address we heard with the moment at which its access token ends."""
        seconds = _seconds_in(address) if address else None
        if address is None or seconds is None:
            return address
        ends = iso(self._desk.clock.now() + timedelta(seconds=seconds))
        return replace(address, properties={**address.properties, EXPIRES: ends})

    def given(
        self, one: DataFlow, address: PlaneAddress | None
    ) -> tuple[Document | None, tuple[str, str] | None]:
        """Return the address as it is spoken, with what renews it, and the hashes to keep."""
        full, digests = self.made(one, address)
        return spoken_address(full, one.profile), digests

    def renew(self, authorization: str | None, form: Mapping[str, Any]) -> TokenGrant:
        """Return a fresh access token for a refresh token and the caller's own proof.

        Raises RenewalRefusedError with the error codes of RFC 6749 §5.2. The refresh token is
        looked at first: for a stranger no DID document is fetched.
        """
        if form.get("grant_type") != "refresh_token":
            raise _refusal("unsupported_grant_type", "Only refresh tokens are taken here.")
        digest = secret_digest(str(form.get("refresh_token", "")))
        with self._desk.journal.reading() as conn:
            one, pair = _pair_of(conn, digest)
        if one is None or pair is None or one.state is not DataFlowState.STARTED:
            raise _refusal("invalid_grant", "The refresh token renews nothing, or not any more.")
        try:
            caller = self._desk.callers.identify(authorization)
        except ForbiddenError as problem:
            raise _refusal("invalid_client", problem.message) from None
        try:
            return self._renewed(one, pair, caller)
        except RenewalRefusedError as problem:
            self._desk.journal.note(
                by=f"node:{caller.did}",
                did="signaling.renewal_refused",
                to=f"dataflow:{one.id}",
                why={**about(one), "reason": problem.message},
            )
            raise

    def token_used(self, flow: str, digest: str) -> None:
        """Take note that a token of a flow's bytes was used: what came before it is void now."""
        with self._desk.journal.reading() as conn:
            prior = store.find_open_pair(conn, flow)
            one = store.find_flow(conn, flow, FlowRole.HOSTED) if prior else None
        if prior is None or one is None or one.access_digest != digest:
            return
        with self._desk.journal.upkeep() as tx:
            store.void_pairs(tx.connection, flow, tx.at, given_before=digest)

    def _renewed(self, one: DataFlow, pair: TokenPair, caller: Speaker) -> TokenGrant:
        if caller.did != one.counterparty:
            raise _refusal("invalid_grant", "The refresh token was given to another participant.")
        if pair.void_at:
            raise _refusal("invalid_grant", USED_BEFORE)
        if secret_digest(caller.access_token) != pair.access_digest:
            raise _refusal("invalid_grant", "The proof names another access token.")
        self._check_open(one)
        plane = find_plane(self._desk.inside, one.format)
        address = plane.renew(as_flow(one)) if plane else None
        failpoint("signaling.renewing")
        if address is None:
            raise _refusal("invalid_grant", "There is nothing to renew.")
        return self._rotate(one, pair.refresh_digest, address)

    def _check_open(self, one: DataFlow) -> None:
        """Raise RenewalRefusedError unless the flow may go on."""
        try:
            self._hosting.check_open(one)
        except UnavailableError:
            raise
        except TidegateError as problem:
            raise _refusal("invalid_grant", problem.message) from None

    def _rotate(self, one: DataFlow, digest: str, address: PlaneAddress) -> TokenGrant:
        """Put a new pair in the present one's place; the pair that asked for it stays good."""
        access, refresh = address.properties.get("authorization", ""), self._desk.token()
        with self._desk.journal.write(
            by=f"node:{one.counterparty}",
            did="signaling.renewed",
            to=f"dataflow:{one.id}",
            why=about(one),
        ) as tx:
            current = store.get_flow(tx.connection, one.id, FlowRole.HOSTED)
            _, pair = _pair_of(tx.connection, digest)
            if pair is None or pair.void_at or current.state is not DataFlowState.STARTED:
                raise _refusal("invalid_grant", USED_BEFORE)
            if current.refresh_digest == digest:
                store.void_pairs(tx.connection, one.id, tx.at)
                store.add_pair(tx.connection, pair)
            store.save_flow(
                tx.connection,
                replace(
                    current,
                    access_digest=secret_digest(access),
                    refresh_digest=secret_digest(refresh),
                    changed_by=f"node:{one.counterparty}",
                    changed_at=tx.at,
                ),
            )
            failpoint("signaling.before_commit")
        failpoint("signaling.renewed")
        return TokenGrant(access, self._seconds(address), refresh)

    def _seconds(self, address: PlaneAddress) -> int:
        said = _seconds_in(address)
        if said is not None:
            return said
        try:
            until = parse_iso(address.properties.get(EXPIRES, ""))
        except InvalidError:
            return OTHERWISE_SECONDS
        return max(1, int((until - self._desk.clock.now()).total_seconds()))


def _pair_of(conn: Connection, digest: str) -> tuple[DataFlow | None, TokenPair | None]:
    """Return the flow a refresh token was given for, and the pair of tokens it belongs to."""
    one = store.find_by_refresh(conn, digest)
    if one is not None:
        return one, TokenPair(digest, one.id, one.access_digest)
    pair = store.find_pair(conn, digest)
    return store.find_flow(conn, pair.flow, FlowRole.HOSTED) if pair else None, pair


def _seconds_in(address: PlaneAddress) -> int | None:
    """Return in how many seconds a token ends, where an address says so and it can be believed."""
    said = whole_number(address.properties.get("expiresIn", ""))
    return said if said is not None and said <= _LONGEST_SECONDS else None


def _refusal(code: str, words: str) -> RenewalRefusedError:
    return RenewalRefusedError(words, code=code)

"""How the other side's data address is used: its token, and a fresh one before it ends."""

import threading
from dataclasses import replace
from datetime import timedelta

import msgspec

from tidegate.connector.dataplane.desk import EXPIRES, PlaneDesk
from tidegate.connector.dataplane.errors import AddressInvalidError
from tidegate.connector.dataplane.model import FlowRecord, PlaneAddress
from tidegate.connector.messages.delivery import judge
from tidegate.connector.messages.read import check
from tidegate.connector.messages.wire import DataAddress, TransferStartMessage
from tidegate.kernel.clock import parse_iso
from tidegate.kernel.errors import InvalidError, UnavailableError

_RENEWING = threading.Lock()


class RenewalUnableError(UnavailableError):
    """The provider cannot renew the token now."""


def authorization_of(address: PlaneAddress, *, is_plain: bool) -> str:
    """Return the Authorization header that opens an address (RFC 6750).

    Some data planes take the bare token only; `is_plain` tries that after a refusal.
    """
    token = address.properties.get("authorization", "")
    if not token or is_plain or " " in token:
        return token
    scheme = address.properties.get("authType", "bearer")
    return f"Bearer {token}" if scheme.lower() == "bearer" else token


def wants_renewal(desk: PlaneDesk, address: PlaneAddress, *, is_refused: bool) -> bool:
    """Tell whether a token that says when it ends is about to, or was refused."""
    expires = address.properties.get(EXPIRES, "")
    if not expires:
        return False
    if is_refused:
        return True
    try:
        ends = parse_iso(expires)
    except InvalidError:
        return False
    return ends <= desk.clock.now() + timedelta(seconds=desk.settings.renew_before_seconds)


def renewed(desk: PlaneDesk, record: FlowRecord, old: PlaneAddress) -> PlaneAddress:
    """Fetch a fresh address from the provider; of callers at once only one asks.

    The old token lives until its own end, so a renewal whose answer is lost costs nothing: it is
    asked for again. Raises RenewalUnableError where the provider cannot answer now.
    """
    with _RENEWING:
        current = desk.get(record.flow.pid)
        known = desk.unseal(current)
        if known is not None and known != old:
            return known
        flow = record.flow
        answer = desk.http.post(
            f"{flow.peer_address}/transfers/{flow.peer_pid}/renewal",
            {},
            authorization=desk.courier.token_for(flow.peer_did),
        )
        end = judge(answer)
        if end.code == "unable":
            raise RenewalUnableError(end.words, code="renewal_unable")
        if end.code:
            return old
        heard = check(end.body, TransferStartMessage).message.data_address
        if not isinstance(heard, DataAddress):
            raise AddressInvalidError("The provider renewed nothing.", code="renewal_empty")
        fresh = replace(old, properties={**old.properties, **_properties(heard)})
        desk.save(replace(current, address=desk.seal(flow.pid, fresh)))
        return fresh


def _properties(address: DataAddress) -> dict[str, str]:
    listed = msgspec.to_builtins(address).get("endpointProperties", [])
    return {one["name"]: one["value"] for one in listed}

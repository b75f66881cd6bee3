"""How the other side's data address is used: its token, and a fresh one before it ends."""

from dataclasses import replace
from datetime import timedelta
from urllib.parse import urlencode

import msgspec

from tidegate.connector.dataplane.desk import EXPIRES, PlaneDesk
from tidegate.connector.dataplane.errors import AddressInvalidError
from tidegate.connector.dataplane.model import FlowRecord, PlaneAddress
from tidegate.connector.http.body import read_json
from tidegate.connector.messages.delivery import judge
from tidegate.connector.messages.read import hear
from tidegate.connector.messages.wire import DataAddress, TransferStartMessage
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError, UnavailableError

LONGEST_ANSWER = 64 * 1024
LONGEST_LIFE = 10**8  # seconds a renewed token is believed to live


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
    """Tell whether a token that can be renewed is about to end, or was refused."""
    expires = address.properties.get(EXPIRES, "")
    if is_refused:
        return bool(expires or address.properties.get("refreshToken"))
    if not expires:
        return False
    try:
        ends = parse_iso(expires)
    except InvalidError:
        return False
    return ends <= desk.clock.now() + timedelta(seconds=desk.settings.renew_before_seconds)


def renewed(desk: PlaneDesk, record: FlowRecord, old: PlaneAddress) -> PlaneAddress:
    """Fetch a fresh address from the provider, and keep it with the flow.

    Called by the one worker of a flow, so nobody else renews it meanwhile. The provider's own
    renewal leaves the old token alive until its end: where its answer is lost it is asked again.
    Raises RenewalUnableError where the provider cannot answer now.
    """
    flow = record.flow
    if old.properties.get("refreshToken"):
        return _kept(desk, record, _refreshed(desk, flow.peer_did, old))
    if not flow.peer_address:
        return old
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
    heard = hear(end.body, TransferStartMessage).message.data_address
    if not isinstance(heard, DataAddress):
        raise AddressInvalidError("The provider renewed nothing.", code="renewal_empty")
    fresh = replace(old, properties={**old.properties, **_properties(heard)})
    return _kept(desk, record, fresh)


def _kept(desk: PlaneDesk, record: FlowRecord, fresh: PlaneAddress) -> PlaneAddress:
    """Keep an address with its flow as that stands now, after the call, and return it.

    One that the provider told meanwhile is newer than what was renewed, and stays.
    """
    current = desk.get(record.flow.pid)
    told = desk.unseal(current) if current.address != record.address else None
    if told is not None:
        return told
    desk.save(replace(current, address=desk.seal(record.flow.pid, fresh)))
    return fresh


def _refreshed(desk: PlaneDesk, provider: str, old: PlaneAddress) -> PlaneAddress:
    """Renew an access token by its refresh token (RFC 6749 §6), proving who we are by our DID.

    Source: Data Plane Signaling 1.0-RC3, token renewal profile. What is refused stays as it is.
    """
    said = old.properties
    form = {"grant_type": "refresh_token", "refresh_token": said["refreshToken"]}
    raw = bytearray()
    with desk.http.stream(
        "POST",
        said.get("refreshEndpoint", "") or old.endpoint,
        authorization=desk.courier.token_with(provider, said.get("authorization", "")),
        headers={
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        },
        content=urlencode(form).encode(),
    ) as answer:
        for chunk in answer.chunks:
            raw += chunk
            if len(raw) > LONGEST_ANSWER:
                break
        status = answer.status
    if status in {408, 425, 429} or status >= 500:
        raise RenewalUnableError(
            f"The provider cannot renew the token now (HTTP {status}).", code="renewal_unable"
        )
    told = read_json(bytes(raw)) if status == 200 and len(raw) <= LONGEST_ANSWER else None
    token = told.get("access_token") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(token, str) or not token:
        return old
    seconds = told.get("expires_in")
    fresh = {**said, "authorization": token}
    if isinstance(told.get("refresh_token"), str):
        fresh["refreshToken"] = told["refresh_token"]
    if isinstance(seconds, int) and 0 < seconds < LONGEST_LIFE:
        fresh |= {
            "expiresIn": str(seconds),
            EXPIRES: iso(desk.clock.now() + timedelta(seconds=seconds)),
        }
    return replace(old, properties=fresh)


def _properties(address: DataAddress) -> dict[str, str]:
    listed = msgspec.to_builtins(address).get("endpointProperties", [])
    return {one["name"]: one["value"] for one in listed}

"""Data addresses: written with their secrets only when they leave, kept sealed or without."""

import copy
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import msgspec

from tidegate.audit.journal import Tx
from tidegate.connector.dataplane.model import PlaneAddress
from tidegate.connector.dataplane.tokens import PURPOSE, open_token, seal_token, token_digest
from tidegate.connector.messages.compose import Document, data_address
from tidegate.connector.messages.wire import DataAddress
from tidegate.connector.transfer import store
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import TransferRequestRefusedError
from tidegate.connector.transfer.model import PERSON, VISIT_TYPE, Transfer
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError

EXPIRES = "https://w3id.org/tidegate/expires"
LONGEST_ENDPOINT = 400
LONGEST_URL = 2048
_REMEMBERED = 24 * 3600
"""How long, in seconds, the hash of a token that ended is kept: its bearer may ask why."""
_OPEN = frozenset({"authType", EXPIRES})
_KNOWN = frozenset({"@type", "@id", "endpointType", "endpoint", "endpointProperties"})


def grant(desk: Desk, tx: Tx, one: Transfer) -> Document:
    """Make a token for a visit in the caller's write; return the address that carries it."""
    token = desk.token()
    expires = _in_seconds(tx, desk.settings.token_seconds)
    store.drop_expired_tokens(tx.connection, _in_seconds(tx, -_REMEMBERED))
    store.add_token(
        tx.connection,
        desk.ids.new("tok"),
        one.pid,
        digest=token_digest(token),
        at=tx.at,
        expires_at=expires,
    )
    return data_address(
        VISIT_TYPE,
        f"{desk.visits}/{one.pid}",
        {"authorization": token, "authType": "bearer", EXPIRES: expires},
    )


def keep(desk: Desk, tx: Tx, one: Transfer, address: DataAddress) -> str:
    """Seal the token of a visit address in the caller's write; return the endpoint."""
    token, endpoint = address.find_property("authorization"), address.endpoint
    if (
        address.endpoint_type != VISIT_TYPE
        or not token
        or not isinstance(endpoint, str)
        or len(endpoint) > LONGEST_ENDPOINT
    ):
        raise TransferRequestRefusedError(
            "The data address opens no visit: it needs an endpoint and an authorization.",
            code="address_invalid",
        )
    longest = _in_seconds(tx, desk.settings.token_seconds)
    store.add_token(
        tx.connection,
        desk.ids.new("tok"),
        one.pid,
        sealed=seal_token(desk.keys.derive(PURPOSE), one.pid, token),
        at=tx.at,
        expires_at=min(_expiry(address) or longest, longest),
    )
    return endpoint


def _expiry(address: DataAddress) -> str:
    try:
        return iso(parse_iso(address.find_property(EXPIRES)))
    except InvalidError:
        return ""


def _in_seconds(tx: Tx, seconds: int) -> str:
    return iso(tx.now + timedelta(seconds=seconds))


def seal_address(desk: Desk, tx: Tx, pid: str, way: str, address: PlaneAddress | None) -> None:
    """Keep an address of a transfer sealed in the caller's write; `way` is in or out."""
    if address is None:
        return
    clear = msgspec.json.encode(
        [address.endpoint_type, address.endpoint, dict(address.properties)]
    ).decode()
    sealed = seal_token(desk.keys.derive(PURPOSE), pid, clear)
    store.keep_address(tx.connection, pid, way, sealed, tx.at)


def open_address(desk: Desk, pid: str, way: str) -> PlaneAddress | None:
    """Return a kept address of a transfer, or None."""
    sealed = desk.journal.read(store.find_address, pid, way)
    if not sealed:
        return None
    clear = open_token(desk.keys.derive(PURPOSE), pid, sealed)
    return PlaneAddress(*msgspec.json.decode(clear, type=tuple[str, str, dict[str, str]]))


def heard_address(address: DataAddress | object) -> PlaneAddress | None:
    """Read the address of a message, whoever wrote it; None where there is none.

    Some connectors name the endpoint among the properties only, and write names as full IRIs.
    """
    if not isinstance(address, DataAddress):
        return None
    listed = address.endpoint_properties
    named = {
        re.split(r"[/#:]", one.name)[-1] or one.name: one.value
        for one in (listed if isinstance(listed, list) else ())
    }
    if expires := address.find_property(EXPIRES):
        named[EXPIRES] = expires
    endpoint = address.endpoint if isinstance(address.endpoint, str) else ""
    endpoint = endpoint or named.get("endpoint", "") or named.get("baseUrl", "")
    if len(endpoint) > LONGEST_URL:
        raise TransferRequestRefusedError(
            f"The data address is longer than {LONGEST_URL} characters.", code="address_invalid"
        )
    return PlaneAddress(address.endpoint_type, endpoint, named)


def spoken_address(address: PlaneAddress) -> Document:
    """Write an address for a message, in the protocol's strict form."""
    return data_address(address.endpoint_type, address.endpoint, address.properties)


def without_secrets(document: Mapping[str, Any]) -> Document:
    """Return a message for keeping: what opens data, and who asks, only as hashes."""
    kept: Document = copy.deepcopy(dict(document))
    if PERSON in kept:
        kept[PERSON] = _hashed(kept[PERSON])
    address = kept.get("dataAddress")
    if not isinstance(address, dict):
        return kept
    kept["dataAddress"] = {
        name: _kept_part(name, one) if name in _KNOWN else _hashed(one)
        for name, one in address.items()
    }
    return kept


def _kept_part(name: str, said: Any) -> Any:
    if name == "endpoint" and isinstance(said, str):
        return _kept_endpoint(said)
    if name == "endpointProperties" and isinstance(said, list):
        return [_kept_property(one) if isinstance(one, dict) else _hashed(one) for one in said]
    return said


def _kept_endpoint(url: str) -> str:
    """Return an address without what opens it: a name and password before its host, a query."""
    place, mark, query = url.partition("?")
    scheme, slashes, rest = place.partition("://")
    user, sign, host = rest.partition("/")[0].rpartition("@")
    if sign:
        place = f"{scheme}{slashes}{_hashed(user)}@{host}{rest[len(user) + 1 + len(host) :]}"
    return f"{place}?{_hashed(query)}" if mark else place


def _kept_property(said: Mapping[str, Any]) -> Document:
    open_names = {"@type", "name"} | ({"value"} if said.get("name") in _OPEN else set())
    return {name: one if name in open_names else _hashed(one) for name, one in said.items()}


def _hashed(value: object) -> str:
    return f"sha256:{sha256_hex(str(value).encode())}"

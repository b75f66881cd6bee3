"""Data addresses of visits: written with their secrets only when they leave, kept without."""

import copy
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tidegate.audit.journal import Tx
from tidegate.connector.messages.compose import Document, data_address
from tidegate.connector.messages.wire import DataAddress
from tidegate.connector.transfer import store
from tidegate.connector.transfer.desk import Desk
from tidegate.connector.transfer.errors import TransferRequestRefusedError
from tidegate.connector.transfer.model import ASSERTION, VISIT_TYPE, Transfer
from tidegate.connector.transfer.tokens import PURPOSE, seal_token, token_digest
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.clock import iso, parse_iso
from tidegate.kernel.errors import InvalidError

EXPIRES = "https://w3id.org/tidegate/expires"
LONGEST_ENDPOINT = 400
_SECRET = frozenset({"authorization", ASSERTION})


def grant(desk: Desk, tx: Tx, one: Transfer) -> Document:
    """Make a token for a visit in the caller's write; return the address that carries it."""
    token = desk.token()
    expires = _in_seconds(tx, desk.settings.token_seconds)
    store.drop_expired_tokens(tx.connection, tx.at)
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


def without_secrets(document: Mapping[str, Any]) -> Document:
    """Return a message for keeping: tokens and assertions only as hashes."""
    kept: Document = copy.deepcopy(dict(document))
    address = kept.get("dataAddress")
    listed = address.get("endpointProperties") if isinstance(address, dict) else None
    for one in listed if isinstance(listed, list) else ():
        if isinstance(one, dict) and one.get("name") in _SECRET:
            one["value"] = f"sha256:{sha256_hex(str(one.get('value', '')).encode())}"
    return kept

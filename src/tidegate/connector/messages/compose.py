"""Compose outgoing documents in exactly the compact form of the Dataspace Protocol 2025-1."""

from collections.abc import Mapping, Sequence
from typing import Any

from tidegate.connector.messages.wire import BASE_PATH, CONTEXT, VERSION

Document = dict[str, Any]


def document(kind: str, message_id: str = "", **members: Any) -> Document:
    """Start a document of that type; members that are empty are left out."""
    begun: Document = {"@context": [CONTEXT], "@type": kind}
    if message_id:
        begun["@id"] = message_id
    begun.update(
        {name: value for name, value in members.items() if value not in (None, "", [], ())}
    )
    return begun


def negotiation(provider_pid: str, consumer_pid: str, state: str) -> Document:
    """Tell how a negotiation stands."""
    return document(
        "ContractNegotiation",
        providerPid=provider_pid,
        consumerPid=consumer_pid,
        state=state,
    )


def transfer(provider_pid: str, consumer_pid: str, state: str) -> Document:
    """Tell how a transfer stands."""
    return document(
        "TransferProcess", providerPid=provider_pid, consumerPid=consumer_pid, state=state
    )


def negotiation_error(
    provider_pid: str, consumer_pid: str, code: str, reasons: Sequence[str]
) -> Document:
    """Refuse a negotiation message; unknown pids are echoed from the path."""
    return document(
        "ContractNegotiationError",
        providerPid=provider_pid or "unknown",
        consumerPid=consumer_pid or "unknown",
        code=code,
        reason=list(reasons),
    )


def transfer_error(
    provider_pid: str, consumer_pid: str, code: str, reasons: Sequence[str]
) -> Document:
    """Refuse a transfer message; unknown pids are echoed from the path."""
    return document(
        "TransferError",
        providerPid=provider_pid or "unknown",
        consumerPid=consumer_pid or "unknown",
        code=code,
        reason=list(reasons),
    )


def catalog_error(code: str, reasons: Sequence[str]) -> Document:
    """Refuse a catalogue request."""
    return document("CatalogError", code=code, reason=list(reasons))


def data_address(endpoint_type: str, endpoint: str, properties: Mapping[str, str]) -> Document:
    """Write a data address; names without a value are left out."""
    address: Document = {"@type": "DataAddress", "endpointType": endpoint_type}
    if endpoint:
        address["endpoint"] = endpoint
    listed = [
        {"@type": "EndpointProperty", "name": name, "value": value}
        for name, value in properties.items()
        if value
    ]
    if listed:
        address["endpointProperties"] = listed
    return address


def version_document(did: str) -> Document:
    """Write the version document (plain JSON, no context) of a node with that DID."""
    return {
        "protocolVersions": [
            {
                "version": VERSION,
                "path": BASE_PATH,
                "binding": "HTTPS",
                "identifierType": "did:web",
                "serviceId": did,
                "auth": {"protocol": "DCP", "version": "1.0", "profile": ["vc20-bssl/jwt"]},
            }
        ]
    }

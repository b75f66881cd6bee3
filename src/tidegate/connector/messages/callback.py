"""Whether a callback address belongs to the peer that gave it.

An address taken from a message is a request to call it: unless it is the peer's own, one message
makes a node knock on any door of its network (dsp.md §7.8).
"""

from urllib.parse import SplitResult, unquote, urlsplit

from tidegate.connector.errors import AddressRefusedError
from tidegate.connector.http.addresses import check_url
from tidegate.connector.messages.errors import CallbackRefusedError


def check_callback(address: str, peer_did: str, known: tuple[str, ...], *, loopback: bool) -> str:
    """Return the address without a trailing slash.

    Raises CallbackRefusedError unless its host and port are those of the peer's did:web or of
    a service in its DID document (`known`).
    """
    try:
        check_url(address, loopback=loopback)
        parts = urlsplit(address)
        given = _origin(parts)
    except AddressRefusedError as problem:
        raise CallbackRefusedError(problem.message, code="callback_refused") from None
    except ValueError:
        raise CallbackRefusedError(
            "The callback address cannot be read.", code="callback_refused"
        ) from None
    if parts.query or parts.fragment:
        raise CallbackRefusedError(
            "A callback address has neither query nor fragment.", code="callback_refused"
        )
    owned = {_host_of_did(peer_did)} | {_origin(urlsplit(one))[1:] for one in known}
    if given[1:] not in owned:
        raise CallbackRefusedError(
            "The callback address is not at the peer's own host; name one at the host of its DID"
            " or of a service in its DID document.",
            code="callback_foreign",
        )
    return address.rstrip("/")


def _origin(parts: SplitResult) -> tuple[str, str, int]:
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname or "").lower(), port


def _host_of_did(did: str) -> tuple[str, int]:
    """Return host and port of a did:web (did:web method specification, §3.1)."""
    host = unquote(did.removeprefix("did:web:").partition(":")[0])
    parts = urlsplit(f"https://{host}")
    try:
        return (parts.hostname or "").lower(), parts.port or 443
    except ValueError:
        return "", 0

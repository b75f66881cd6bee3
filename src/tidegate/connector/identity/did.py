"""did:web: from the name to the address, from the document to typed values, and our own document.

Sources: did:web method specification (W3C CCG), DID Core 1.0 §5, DCP 1.0.1 §4 (services).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

from tidegate.connector.errors import DidInvalidError
from tidegate.connector.identity.model import DidDocument, ServiceEntry, VerificationMethod
from tidegate.keys.rules import algorithms_of, public_members

DID_CONTEXTS = ("https://www.w3.org/ns/did/v1", "https://w3id.org/security/suites/jws-2020/v1")
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?(?:%3[Aa][0-9]{1,5})?")
_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_LONGEST = 400
_MOST_ENTRIES = 32
_LOCAL = frozenset({"localhost", "127.0.0.1"})


def did_url(did: str, *, loopback: bool) -> str:
    """Return the address of the document of a did:web.

    A port is written `%3A`; a DID of this machine is read over plain http where `loopback`
    allows it.

    Raises:
        DidInvalidError: not a did:web that names a host.
    """
    method, _, rest = did.partition("did:web:")
    host, *path = rest.split(":")
    well_formed = not method and len(did) <= _LONGEST and _HOST.fullmatch(host)
    if not well_formed or not all(_SEGMENT.fullmatch(each) for each in path):
        raise DidInvalidError(
            "The DID must be a did:web such as did:web:node.example.org or "
            "did:web:localhost%3A7001.",
            code="did_malformed",
        )
    authority = unquote(host)
    scheme = "http" if loopback and authority.partition(":")[0] in _LOCAL else "https"
    tail = "/".join(path) if path else ".well-known"
    return f"{scheme}://{authority}/{tail}/did.json"


def own_document(
    did: str,
    key: Mapping[str, Any],
    services: Mapping[str, str],
    former: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return this node's DID document in the strict shape that other connectors parse.

    `key` is the public JWK that signs now; the `kid` of each key is its fragment. The `former` ones
    still verify what they signed (`assertionMethod`) and prove nobody's presence any more: they
    stand in no other relation. `services` maps a service type to its address, which is written
    without a trailing slash since paths are appended to it.
    """
    keys = (key, *former)
    ids = [f"{did}#{jwk['kid']}" for jwk in keys]
    return {
        "@context": list(DID_CONTEXTS),
        "id": did,
        "service": [
            {"id": f"{did}#{name}", "type": name, "serviceEndpoint": address.rstrip("/")}
            for name, address in services.items()
        ],
        "verificationMethod": [
            {
                "id": key_id,
                "type": "JsonWebKey2020",
                "controller": did,
                "publicKeyJwk": {**public_members(jwk), "kid": jwk["kid"]},
            }
            for key_id, jwk in zip(ids, keys, strict=True)
        ],
        "authentication": ids[:1],
        "assertionMethod": ids,
        "capabilityInvocation": ids[:1],
    }


def read_document(body: object, did: str) -> DidDocument:
    """Read the DID document that was fetched for `did`.

    Keys of other kinds than P-256 and Ed25519 are left out: they can prove nothing here.

    Raises:
        DidInvalidError: the document is malformed, too large, or of another DID.
    """
    if not isinstance(body, dict) or body.get("id") != did:
        raise DidInvalidError("The DID document is not the one of this DID.", code="did_mismatch")
    listed = _objects(body, "verificationMethod")
    relations: dict[str, tuple[str, ...]] = {}
    for name in ("authentication", "assertionMethod", "capabilityInvocation"):
        ids = []
        for entry in _list(body, name):
            if isinstance(entry, dict):
                listed = (*listed, entry)
            ids.append(absolute(did, entry.get("id") if isinstance(entry, dict) else entry))
        relations[name] = tuple(ids)
    methods = tuple(found for entry in listed if (found := _method(did, entry)) is not None)
    if len({method.id for method in methods}) != len(methods):
        raise DidInvalidError("The DID document names a key twice.", code="did_document_malformed")
    return DidDocument(
        id=did,
        methods=methods,
        authentication=relations["authentication"],
        assertion_method=relations["assertionMethod"],
        capability_invocation=relations["capabilityInvocation"],
        services=tuple(_service(did, entry) for entry in _objects(body, "service")),
        has_several_keys=len(listed) > 1,
    )


def absolute(did: str, reference: object) -> str:
    """Make a key or service reference absolute: `did#x`, `#x` and `x` all mean `did#x`."""
    if not isinstance(reference, str) or not reference or len(reference) > 2 * _LONGEST:
        raise _malformed("a reference that is no text")
    if reference.startswith("did:"):
        return reference
    return f"{did}#{reference.removeprefix('#')}"


def _method(did: str, entry: Mapping[str, Any]) -> VerificationMethod | None:
    key_id = absolute(did, entry.get("id"))
    jwk = entry.get("publicKeyJwk")
    if not isinstance(jwk, dict) or not algorithms_of(jwk):
        return None
    points = ("x", "y") if jwk["kty"] == "EC" else ("x",)
    if not all(isinstance(jwk.get(name), str) for name in points) or "d" in jwk:
        raise _malformed("a key that is no public key")
    controller = entry.get("controller", did)
    if not isinstance(controller, str):
        raise _malformed("a controller that is no DID")
    return VerificationMethod(key_id, controller, public_members(jwk))


def _service(did: str, entry: Mapping[str, Any]) -> ServiceEntry:
    kind, endpoint = entry.get("type"), entry.get("serviceEndpoint")
    if not isinstance(kind, str) or not isinstance(endpoint, str):
        return ServiceEntry(absolute(did, entry.get("id")), "", "")
    return ServiceEntry(absolute(did, entry.get("id")), kind, endpoint)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    found = body.get(name, [])
    if not isinstance(found, list) or len(found) > _MOST_ENTRIES:
        raise _malformed(f"an entry {name} that is no short list")
    return found


def _objects(body: Mapping[str, Any], name: str) -> tuple[dict[str, Any], ...]:
    found = _list(body, name)
    if not all(isinstance(entry, dict) for entry in found):
        raise _malformed(f"an entry {name} that holds more than objects")
    return tuple(found)


def _malformed(what: str) -> DidInvalidError:
    return DidInvalidError(f"The DID document has {what}.", code="did_document_malformed")

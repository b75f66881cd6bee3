"""The trust file, `space.json`: what a stranger must hold to check a space's evidence.

It carries no secret. Whoever checks a bundle gets it from the authority by another way than the
bundle; the keys in it are the only ones believed, all others follow from what they signed:
successions of the authority's key, and credentials.
"""

import json
from collections.abc import Mapping
from typing import Any

from tidegate.audit.authority.model import (
    JWK_MEMBERS,
    Jwk,
    SignedSuccession,
    jwk_fingerprint,
    read_successions,
)
from tidegate.audit.authority.rules import (
    KeyHistory,
    key_history,
    read_evidence_key,
    read_first_key,
)
from tidegate.audit.encoding import decode_hash, encode_bytes
from tidegate.audit.errors import EvidenceMalformedError
from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.clock import parse_iso
from tidegate.kernel.errors import InvalidError
from tidegate.kernel.values import dataclass

PROFILES = ("loopback", "tls")
_FIELDS = (
    "authority", "created_at", "keys", "name", "profile", "rule_book", "rule_packs", "space"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SpaceFile:
    """What `space.json` says: the space, its authority's keys, its rule book and rule packs."""

    space: str
    name: str
    profile: str
    authority: str
    evidence_key: bytes
    credentials_jwk: Jwk  # the first public ES256 key, as sorted members
    rule_book: str  # SHA-256 of the rule book; empty while the space has none
    rule_packs: tuple[str, ...]
    created_at: str
    successions: tuple[SignedSuccession, ...] = ()  # not verified; `keys` verifies them

    def keys(self) -> KeyHistory:
        """Return the keys the authority has had; raise SuccessionError where they do not hold."""
        return key_history(
            self.space, self.authority, self.credentials_jwk, self.evidence_key, self.successions
        )


def make_keys(evidence_public: bytes, credentials_jwk: Mapping[str, Any]) -> dict[str, Any]:
    """Compose the `keys` of a new space's trust file from the authority's public keys."""
    jwk = {name: str(credentials_jwk[name]) for name in JWK_MEMBERS if name in credentials_jwk}
    return {
        "evidence": {
            "alg": "EdDSA",
            "public": encode_bytes(evidence_public),
            "fingerprint": sha256_hex(evidence_public),
        },
        "credentials": {"jwk": jwk, "fingerprint": jwk_fingerprint(jwk)},
    }


def write_space_file(file: SpaceFile) -> bytes:
    """Write the trust file in canonical JSON."""
    return canonical_json(_to_json(file))


def read_space_file(data: bytes) -> SpaceFile:
    """Read a trust file strictly; raise EvidenceMalformedError naming the field that is wrong."""
    try:
        content = json.loads(data, object_pairs_hook=_without_repetition)
    except (ValueError, RecursionError):
        raise EvidenceMalformedError("The trust file is not JSON.") from None
    if not isinstance(content, dict) or tuple(sorted(content)) != _FIELDS:
        raise EvidenceMalformedError(f"A trust file has exactly the fields {', '.join(_FIELDS)}.")
    for name in set(_FIELDS) - {"keys", "rule_packs"}:
        if not isinstance(content[name], str) or not (content[name] or name == "rule_book"):
            raise EvidenceMalformedError(f"{name} of the trust file must be a text.")
    file = SpaceFile(
        content["space"], content["name"], content["profile"], content["authority"],
        read_evidence_key(content["keys"]), read_first_key(content["keys"]),
        content["rule_book"], _rule_packs(content["rule_packs"]), content["created_at"],
        read_successions(content["keys"].get("history", [])),
    )  # fmt: skip
    if file.profile not in PROFILES or not file.authority.startswith("did:"):
        raise EvidenceMalformedError("profile or authority of the trust file is not one we know.")
    try:
        decode_hash(file.rule_book or sha256_hex(b""))
        parse_iso(file.created_at)
        same = canonical_json(_to_json(file)) == canonical_json(content)
    except InvalidError:
        raise EvidenceMalformedError(
            "rule_book or created_at of the trust file is malformed."
        ) from None
    if not same:
        raise EvidenceMalformedError("keys of the trust file have a member that does not belong.")
    return file


def find_differences(given: SpaceFile, bundled: SpaceFile) -> tuple[str, ...]:
    """Name the fields in which two trust files differ; key histories are held together apart."""
    left, right = _to_json(given), _to_json(bundled)
    found = [name for name in _FIELDS if name != "keys" and left[name] != right[name]]
    for part in ("evidence", "credentials"):
        if left["keys"][part] != right["keys"][part]:
            found.append(f"keys.{part}")
    return tuple(found)


def _to_json(file: SpaceFile) -> dict[str, Any]:
    return {
        "space": file.space,
        "name": file.name,
        "profile": file.profile,
        "authority": file.authority,
        "keys": _keys(file),
        "rule_book": file.rule_book,
        "rule_packs": list(file.rule_packs),
        "created_at": file.created_at,
    }


def _keys(file: SpaceFile) -> dict[str, Any]:
    keys = make_keys(file.evidence_key, dict(file.credentials_jwk))
    listed = [each.to_json() for each in file.successions]
    return {**keys, "history": listed} if listed else keys


def _rule_packs(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise EvidenceMalformedError("rule_packs of the trust file must be a list of hashes.")
    for item in value:
        decode_hash(item)
    return tuple(value)


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        raise EvidenceMalformedError("The trust file names a field twice.")
    return content

"""The key ring: one sealed file with the node's secrets.

The file holds a root secret of 32 bytes, an Ed25519 key that signs evidence, the key that is the
node's identity (P-256 for ES256, or Ed25519 for EdDSA), and the public halves of identity keys it
had before, each until what it signed has expired. It is sealed with AES-256-GCM under a key that
scrypt (RFC 7914; n=2**15, r=8, p=1) derives from the passphrase.
"""

import base64
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.values import dataclass
from tidegate.keys.errors import KeyFileCorruptError, PassphraseWrongError
from tidegate.keys.rules import ES256, IdentityKey, new_key, public_members, read_key

_FORM = "tidegate-keys-1"
_SCRYPT = {"n": 2**15, "r": 8, "p": 1}


@dataclass(frozen=True, slots=True)
class FormerKey:
    """An identity key that signs no more: its public half, published until a moment."""

    jwk: Mapping[str, str]
    until: str


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The node's keys, opened. Nothing here is ever logged or leaves the process unsealed."""

    _root: bytes
    _evidence: Ed25519PrivateKey
    _identity: IdentityKey
    _former: tuple[FormerKey, ...] = ()

    @property
    def evidence_public(self) -> bytes:
        """Return the raw 32 bytes of the Ed25519 public key that verifies evidence."""
        return self._evidence.public_key().public_bytes_raw()

    @property
    def evidence_fingerprint(self) -> str:
        """Return the SHA-256 of the evidence key, in hexadecimal."""
        return sha256_hex(self.evidence_public)

    def sign_evidence(self, data: bytes) -> bytes:
        """Sign `data` with Ed25519 (RFC 8032)."""
        return self._evidence.sign(data)

    @property
    def identity_kid(self) -> str:
        """Return the key id of the identity key: its RFC 7638 thumbprint."""
        return self._identity.thumbprint()

    def identity_public_jwk(self) -> dict[str, Any]:
        """Return the public identity key as a JWK, with its `kid`."""
        return {**public_members(self._identity.as_dict(private=False)), "kid": self.identity_kid}

    def former_keys(self) -> tuple[FormerKey, ...]:
        """Return the public identity keys of before, the newest first, whether expired or not."""
        return self._former

    def identity_key(self) -> IdentityKey:
        """Return the private identity key; `keys.rules.sign` signs with its own algorithm."""
        return self._identity

    def sealed(self, passphrase: str) -> bytes:
        """Return the content of a key file with these keys."""
        content: dict[str, Any] = {
            "root": _text(self._root),
            "evidence": _text(self._evidence.private_bytes_raw()),
            "identity": self._identity.as_dict(private=True),
            "former": [{"jwk": dict(each.jwk), "until": each.until} for each in self._former],
        }
        salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
        sealed = AESGCM(_stretch(passphrase, salt)).encrypt(
            nonce, canonical_json(content), _FORM.encode()
        )
        return canonical_json(
            {"form": _FORM, "salt": _text(salt), "nonce": _text(nonce), "sealed": _text(sealed)}
        )

    def derive(self, purpose: str) -> bytes:
        """Derive 32 bytes for one purpose from the root secret (HKDF-SHA256, RFC 5869)."""
        return HKDF(SHA256(), 32, salt=None, info=b"tidegate/" + purpose.encode()).derive(
            self._root
        )


def create_key_file(path: Path, passphrase: str) -> KeyRing:
    """Make new keys and seal them into `path` (mode 0600); refuse to overwrite a file."""
    root, evidence = secrets.token_bytes(32), Ed25519PrivateKey.generate()
    ring = KeyRing(root, evidence, new_key(ES256))
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    _write(path, ring.sealed(passphrase))
    return ring


def rotated(ring: KeyRing, algorithm: str, until: str) -> KeyRing:
    """Return the keys with a new identity key; the one before is published until a moment."""
    before = FormerKey(ring.identity_public_jwk(), until)
    return replace(ring, _identity=new_key(algorithm), _former=(before, *ring.former_keys()))


def retired(ring: KeyRing, now: str) -> tuple[KeyRing, tuple[FormerKey, ...]]:
    """Return the keys without the former ones whose time is over, and which those are."""
    over = tuple(each for each in ring.former_keys() if each.until <= now)
    kept = tuple(each for each in ring.former_keys() if each.until > now)
    return replace(ring, _former=kept), over


def staged_key_file(path: Path) -> Path:
    """Return where keys wait that are to take the place of those in `path`."""
    return path.with_name(path.name + ".new")


def stage_key_file(path: Path, passphrase: str, ring: KeyRing) -> None:
    """Seal keys beside `path`, safe on the disk; `promote_key_file` makes them the node's."""
    staged_key_file(path).unlink(missing_ok=True)
    _write(staged_key_file(path), ring.sealed(passphrase))
    _settle_folder(path.parent)


def promote_key_file(path: Path) -> None:
    """Put the staged keys in the place of those in `path`, in one step (rename)."""
    staged_key_file(path).replace(path)
    _settle_folder(path.parent)


def replace_key_file(path: Path, passphrase: str, ring: KeyRing) -> None:
    """Seal keys into `path` in the place of what is there, in one step (rename)."""
    stage_key_file(path, passphrase, ring)
    promote_key_file(path)


def _settle_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def open_key_file(path: Path, passphrase: str) -> KeyRing:
    """Open the sealed keys; raise PassphraseWrongError or KeyFileCorruptError."""
    try:
        document = json.loads(path.read_bytes())
        salt, nonce, sealed = (_bytes(document[name]) for name in ("salt", "nonce", "sealed"))
        form = document["form"]
    except (ValueError, KeyError, TypeError):
        raise KeyFileCorruptError(
            f"{path.name} is not a Tidegate key file; restore it from your backup of the keys."
        ) from None
    if form != _FORM:
        raise KeyFileCorruptError(f"{path.name} has the form {form!r}; this version reads {_FORM}.")
    try:
        content = json.loads(
            AESGCM(_stretch(passphrase, salt)).decrypt(nonce, sealed, _FORM.encode())
        )
    except InvalidTag:
        raise PassphraseWrongError(
            "The passphrase does not open the node's keys, or the key file was changed."
        ) from None
    return KeyRing(
        _bytes(content["root"]),
        Ed25519PrivateKey.from_private_bytes(_bytes(content["evidence"])),
        read_key(content["identity"]),
        tuple(FormerKey(each["jwk"], each["until"]) for each in content.get("former", ())),
    )


def _stretch(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, **_SCRYPT).derive(passphrase.encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

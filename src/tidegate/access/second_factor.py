"""Time-based one-time passwords (RFC 6238) by pyotp; the secrets are kept sealed."""

import base64
import secrets
from datetime import datetime

import pyotp
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tidegate.kernel.errors import CorruptError

STEP_SECONDS = 30
_NONCE_BYTES = 12


class SecondFactor:
    """Makes, seals and checks the secrets of authenticator apps."""

    def __init__(self, key: bytes, issuer: str) -> None:
        self._cipher = AESGCM(key)
        self._issuer = issuer

    def new_secret(self) -> str:
        """Return a fresh secret in the base 32 that authenticators read."""
        return str(pyotp.random_base32())

    def address(self, secret: str, email: str) -> str:
        """Return the otpauth address a QR code carries."""
        return str(pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=self._issuer))

    def seal(self, secret: str, person_id: str) -> str:
        """Encrypt a secret so that it opens for this person only."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = self._cipher.encrypt(nonce, secret.encode(), person_id.encode())
        return base64.b64encode(nonce + sealed).decode()

    def step_of(self, sealed: str, person_id: str, code: str, at: datetime) -> int | None:
        """Return the time step whose code this is, one step of drift allowed, or None.

        RFC 6238 section 5.2: a code is accepted once; the caller keeps the step it was used for.
        """
        totp = pyotp.TOTP(self._open(sealed, person_id))
        present = int(at.timestamp()) // STEP_SECONDS
        for step in (present, present - 1, present + 1):
            if secrets.compare_digest(totp.at(step * STEP_SECONDS).encode(), code.encode()):
                return step
        return None

    def _open(self, sealed: str, person_id: str) -> str:
        raw = base64.b64decode(sealed)
        try:
            secret = self._cipher.decrypt(
                raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], person_id.encode()
            )
        except InvalidTag:
            raise CorruptError(
                "This node's keys cannot open a second factor; let the person enrol again."
            ) from None
        return secret.decode()

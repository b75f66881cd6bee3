"""The access token inside a self-issued ID token: who may query which of our credentials.

Only this node reads it, so it is a MAC over canonical JSON (HMAC-SHA256, RFC 2104), of a form
that cannot be mistaken for any signed token.
"""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime

from tidegate.connector.errors import PeerUnauthenticatedError
from tidegate.kernel.canonical import canonical_json
from tidegate.kernel.values import dataclass

_FORM = "tga1"


@dataclass(frozen=True, slots=True)
class AccessTokens:
    """Makes and reads access tokens under one key of the node."""

    key: bytes
    seconds: int

    def make(self, audience: str, scopes: tuple[str, ...], now: datetime) -> str:
        """Return a token with which `audience` may query the credentials of these scopes."""
        grant = {
            "for": audience,
            "scopes": list(scopes),
            "until": int(now.timestamp()) + self.seconds,
        }
        content = base64.urlsafe_b64encode(canonical_json(grant)).rstrip(b"=").decode()
        return f"{_FORM}.{content}.{self._mac(content)}"

    def read(self, token: str, audience: str, now: datetime) -> tuple[str, ...]:
        """Return the scopes that a token grants to this audience.

        Raises:
            PeerUnauthenticatedError: not ours, of another audience, or expired.
        """
        form, _, rest = token.partition(".")
        content, _, mac = rest.partition(".")
        expected = self._mac(content)
        if form != _FORM or not hmac.compare_digest(mac.encode(), expected.encode()):
            raise PeerUnauthenticatedError(
                "The access token was not given by this node.", code="access_token_unknown"
            )
        grant = json.loads(_decode(content))
        if grant["for"] != audience:
            raise PeerUnauthenticatedError(
                "The access token was given to another node.", code="access_token_of_another"
            )
        if grant["until"] <= now.timestamp():
            raise PeerUnauthenticatedError(
                "The access token has expired.", code="access_token_expired"
            )
        return tuple(grant["scopes"])

    def _mac(self, content: str) -> str:
        return hmac.new(self.key, f"{_FORM}.{content}".encode(), hashlib.sha256).hexdigest()


def _decode(content: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))
    except (binascii.Error, ValueError):  # pragma: no cover - the MAC was checked before
        raise PeerUnauthenticatedError("The access token cannot be read.") from None

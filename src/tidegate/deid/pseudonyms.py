"""Pseudonyms and date shifts under a project's key: one person, one answer, everywhere."""

import base64
import hmac
from datetime import date, timedelta
from hashlib import sha256

from tidegate.kernel.values import dataclass

_SHIFT_DAYS = 182


@dataclass(frozen=True, slots=True)
class Pseudonymiser:
    """Keyed one-way names (HMAC-SHA256, RFC 2104), different in every project."""

    key: bytes

    def pseudonym(self, value: str, kind: str = "person") -> str:
        """Return the project's name for `value`: 128 bits in base 32."""
        digest = self._digest(kind, value)
        return "p" + base64.b32encode(digest[:16]).decode().rstrip("=").lower()

    def shift_days(self, person: str) -> int:
        """Return by how many days this person's dates move: never 0, at most half a year."""
        number = int.from_bytes(self._digest("shift", person)[:8], "big") % (2 * _SHIFT_DAYS)
        return number - _SHIFT_DAYS if number < _SHIFT_DAYS else number - _SHIFT_DAYS + 1

    def shifted(self, day: str, person: str) -> str:
        """Move an ISO date by the person's days; intervals within a person stay true."""
        return (date.fromisoformat(day[:10]) + timedelta(days=self.shift_days(person))).isoformat()

    def _digest(self, kind: str, value: str) -> bytes:
        return hmac.new(self.key, f"{kind}\x00{value.strip()}".encode(), sha256).digest()

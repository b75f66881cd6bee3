"""What the outgoing client is configured with and what it hands back."""

from collections.abc import Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from tidegate.connector.errors import PeerAnswerError, PeerDeclinedError, PeerUnreachableError
from tidegate.kernel.text import printable
from tidegate.kernel.values import dataclass

TRANSIENT_STATUSES = frozenset({408, 425, 429, 500, 502, 503, 504})
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True, slots=True)
class HttpSettings:
    """Limits of every call to another node; `loopback` allows http and private addresses."""

    loopback: bool = False
    connect_seconds: float = 5.0
    total_seconds: float = 20.0
    max_answer_bytes: int = 4 * MEBIBYTE
    max_connections: int = 64
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What another node answered: status, headers in lower case, and the body read as JSON."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    text: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the status is one of success."""
        return 200 <= self.status < 300

    @property
    def is_transient(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status in TRANSIENT_STATUSES

    @property
    def reason(self) -> str:
        """What the other node gives as its reason, shortened, or an empty string."""
        if not isinstance(self.body, dict):
            return ""
        for name in ("message", "reason", "error_description", "error"):
            found = self.body.get(name)
            if isinstance(found, str) and found:
                return printable(found, 300)
        return ""

    def checked(self) -> "Answer":
        """Return this answer if it is one of success.

        Raises:
            PeerUnreachableError: the other node is not able to answer now.
            PeerDeclinedError: the other node refuses; its reason is in the message.
            PeerAnswerError: the other node redirects or answers outside the protocol.
        """
        if self.is_ok:
            return self
        told = f" It says: {self.reason}" if self.reason else ""
        if self.is_transient:
            raise PeerUnreachableError(
                f"The other node is not able to answer now (HTTP {self.status}).{told}",
                code="peer_unable",
                status=str(self.status),
            )
        if 400 <= self.status < 500:
            raise PeerDeclinedError(
                f"The other node refuses (HTTP {self.status}).{told}",
                code="peer_declined",
                status=str(self.status),
            )
        raise PeerAnswerError(
            f"The other node answers outside the protocol (HTTP {self.status}); redirects are "
            "not followed.",
            code="answer_unexpected",
            status=str(self.status),
        )

"""What a node refused, as exceptions of the SDK."""

from collections.abc import Mapping


class NodeError(Exception):
    """A node answered with a refusal.

    `kind` is one of not_found, forbidden, conflict, invalid, withheld, unavailable, corrupt;
    `code` is the stable reason; the message says what happened and what to do next.
    """

    def __init__(
        self, status: int, kind: str, code: str, message: str, details: Mapping[str, str]
    ) -> None:
        super().__init__(message)
        self.status = status
        self.kind = kind
        self.code = code
        self.message = message
        self.details = dict(details)


class WithheldError(NodeError):
    """A policy, a rule of law or disclosure control says no."""


class UnreachableError(NodeError):
    """The node could not be reached, or cannot serve now; try again later."""

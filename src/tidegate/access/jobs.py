"""Housekeeping of the access room."""

from tidegate.access.service import AccessService


class PruneSessions:
    """Forgets sessions and guess counts past their time; run it every few minutes."""

    name = "access.prune"

    def __init__(self, access: AccessService) -> None:
        self.access = access

    def __call__(self) -> None:
        """Prune once; running it twice changes nothing."""
        self.access.prune()

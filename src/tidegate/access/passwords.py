"""Passwords under Argon2id (RFC 9106), by argon2-cffi."""

from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from tidegate.access.model import AccessSettings


class Passwords:
    """Hashes passwords, and checks them in the same time whether or not there is one."""

    def __init__(self, settings: AccessSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
        )

    @cached_property
    def _nobodys(self) -> str:
        """A hash to check against where there is none; made when first needed."""
        return self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return the encoded hash to keep."""
        return self._hasher.hash(password)

    def matches(self, kept: str | None, password: str) -> bool:
        """Tell whether the password is the one behind `kept`; None costs the same and is never."""
        try:
            self._hasher.verify(kept or self._nobodys, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        return kept is not None

"""Passwords under Argon2id (RFC 9106), by argon2-cffi."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from tidegate.access.errors import SignInBusyError
from tidegate.access.model import AccessSettings


class Passwords:
    """Hashes passwords, and checks them in the same time whether or not there is one.

    Each check takes the memory the settings say; only a few run at once, so that strangers who
    guess in parallel cannot take all the node has.
    """

    def __init__(self, settings: AccessSettings) -> None:
        self._hasher = PasswordHasher(
            time_cost=settings.argon2_passes,
            memory_cost=settings.argon2_memory_kib,
            parallelism=settings.argon2_lanes,
        )
        self._turns = threading.BoundedSemaphore(settings.argon2_at_once)
        self._patience = settings.argon2_patience

    @cached_property
    def _nobodys(self) -> str:
        """A hash to check against where there is none; made when first needed."""
        return self._hasher.hash("nobody has this password")

    def hash(self, password: str) -> str:
        """Return the encoded hash to keep."""
        with self._turn():
            return self._hasher.hash(password)

    def matches(self, kept: str | None, password: str) -> bool:
        """Tell whether the password is the one behind `kept`; None costs the same and is never."""
        try:
            with self._turn():
                self._hasher.verify(kept or self._nobodys, password)
        except (VerifyMismatchError, InvalidHashError):
            return False
        return kept is not None

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=self._patience):
            raise SignInBusyError(
                "Too many people are signing in just now; try again in a few seconds."
            )
        try:
            yield
        finally:
            self._turns.release()

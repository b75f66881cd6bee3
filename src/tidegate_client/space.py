"""The space of a node: founding, inviting, joining, members, revoking."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from tidegate_client.errors import NodeError
from tidegate_client.transport import Transport


class Credential(msgspec.Struct, frozen=True):
    """A credential the node holds."""

    id: str
    type: str
    valid_from: str
    valid_until: str


class Member(msgspec.Struct, frozen=True):
    """An institution of the space."""

    did: str
    name: str
    seat: str
    role: str
    state: str
    evidence_fingerprint: str = ""
    evidence_public: str = ""
    admitted_at: str = ""
    revoked_at: str | None = None
    revoked_reason: str = ""


class SpaceStatus(msgspec.Struct, frozen=True):
    """Where a node stands; `is_ready` says whether it can prove its membership now."""

    did: str
    is_authority: bool
    is_ready: bool
    words: str
    space: dict[str, Any] | None = None
    members: tuple[Member, ...] = ()
    credentials: tuple[Credential, ...] = ()


class SpaceFile(msgspec.Struct, frozen=True):
    """The content of `space.json`."""

    file: dict[str, Any]


class Invited(msgspec.Struct, frozen=True):
    """A one-time code for one institution."""

    name: str
    seat: str
    code: str


class NotReadyError(NodeError):
    """The node's credentials did not come in the time that was waited."""


class Spaces:
    """The space calls of one node."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def status(self) -> SpaceStatus:
        """Return where the node stands."""
        return self._http.get("/space", SpaceStatus)

    def create(
        self,
        name: str,
        profile: str,
        *,
        rule_book: str = "",
        rule_packs: tuple[str, ...] = (),
    ) -> dict[str, Any]:
        """Found a space on this node; return the content of its `space.json`."""
        body = {
            "name": name,
            "profile": profile,
            "rule_book": rule_book,
            "rule_packs": rule_packs,
        }
        return self._http.post("/space", body, SpaceFile).file

    def invite(self, name: str, seat: str, *, standing: Mapping[str, Any] | None = None) -> Invited:
        """Return a one-time code for an institution of that seat."""
        body: dict[str, Any] = {"name": name, "seat": seat}
        if standing is not None:
            body["standing"] = standing
        return self._http.post("/space/invitations", body, Invited)

    def join(self, file: Mapping[str, Any], code: str) -> SpaceStatus:
        """Join the space of a `space.json`; the credentials follow, see `wait_until_ready`."""
        return self._http.post("/space/join", {"file": file, "code": code}, SpaceStatus)

    def wait_until_ready(self, pause: Callable[[], None], tries: int = 100) -> SpaceStatus:
        """Ask until the node holds its credentials, calling `pause` in between.

        Raises:
            NotReadyError: it does not, after so many tries; its message says why.
        """
        status = self.status()
        for _ in range(tries):
            if status.is_ready:
                return status
            pause()
            status = self.status()
        raise NotReadyError(503, "unavailable", "credentials_missing", status.words, {})

    def list_members(self) -> tuple[Member, ...]:
        """Return the members there are or were."""
        return self._http.get("/space/members", tuple[Member, ...])

    def revoke(self, did: str, reason: str) -> Member:
        """Revoke a membership; members are told at once."""
        return self._http.post("/space/revocations", {"did": did, "reason": reason}, Member)

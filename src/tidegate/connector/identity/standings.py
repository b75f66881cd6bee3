"""What peers proved when they were last met: for what happens while they do not speak."""

from dataclasses import replace

from tidegate.audit.journal import Journal
from tidegate.connector.errors import CredentialInvalidError, PeerUnreachableError
from tidegate.connector.identity import jose, store
from tidegate.connector.identity.credentials import read_credential
from tidegate.connector.identity.model import CERTIFICATION, MEMBERSHIP, Credential
from tidegate.connector.identity.statuses import StatusLists
from tidegate.connector.model import Peer
from tidegate.kernel.clock import Clock, iso


class Standings:
    """Keeps each peer's seat and certifications, and what attests its evidence key."""

    def __init__(self, journal: Journal, clock: Clock, statuses: StatusLists) -> None:
        self._journal = journal
        self._clock = clock
        self._statuses = statuses

    def keep(self, peer: Peer, credentials: tuple[Credential, ...]) -> None:
        """Keep what a peer has just proven; writes only what has changed."""
        jwt = next(each.jwt for each in credentials if MEMBERSHIP in each.types)
        if self._journal.read(store.find_peer_membership, peer.did) != jwt:
            with self._journal.upkeep() as tx:
                store.keep_peer_membership(tx.connection, peer.did, jwt, tx.at)
        proven = replace(
            peer, credentials=(), valid_until=min(each.valid_until for each in credentials)
        )
        by = next((each.jwt for each in credentials if CERTIFICATION in each.types), "")
        now = iso(self._clock.now())
        if self._journal.read(store.find_standing, peer.did, now) != (proven, by):
            with self._journal.upkeep() as tx:
                store.keep_standing(tx.connection, proven, by, tx.at)

    def find(self, did: str) -> Peer | None:
        """Return what a peer proved of itself when it was last met, while that holds, or None.

        A certification that was withdrawn since, or whose status cannot be known, is left out.
        """
        found = self._journal.read(store.find_standing, did, iso(self._clock.now()))
        if found is None:
            return None
        peer, jwt = found
        try:
            if jwt:
                self._statuses.check(read_credential(jose.read(jwt).claims, jwt))
        except (CredentialInvalidError, PeerUnreachableError):
            return replace(peer, certifications=())
        return peer

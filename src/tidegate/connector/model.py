"""The peer: another node whose identity and credentials have been verified."""

from tidegate.access.model import Actor, Participant, Seat, node_actor
from tidegate.kernel.values import dataclass
from tidegate.policy.model import UseFacts


@dataclass(frozen=True, slots=True)
class Peer:
    """A participant that proved its DID and presented credentials of the space's authority.

    `credentials` are the types it presented, `valid_until` the moment the earliest ends,
    `certifications` the schemes the authority has certified it under.
    """

    did: str
    name: str
    seat: Seat
    role: str
    credentials: tuple[str, ...]
    valid_until: str = ""
    certifications: tuple[str, ...] = ()

    @property
    def is_authority(self) -> bool:
        """Whether the peer is the authority of the space."""
        return self.role == "authority"

    def as_actor(self) -> Actor:
        """Name the peer as the one who acts."""
        return node_actor(self.did)

    def as_recipient(self) -> UseFacts:
        """Give what a policy may ask of who the peer is."""
        return UseFacts(assignee=self.did, seat=self.seat.value, certifications=self.certifications)

    def as_participant(self) -> Participant:
        """Give the institution without its credentials."""
        return Participant(did=self.did, name=self.name, seat=self.seat)

"""What is kept of a release, and what a check of several finds.

Of every release a node keeps one **membership**: for each person a keyed digest and the number of
the class the person was published in. Nothing of it is published, and without the node's key it
names nobody; neither the original nor the published values are needed to check the next release.
"""

from collections.abc import Mapping

from tidegate.kernel.values import dataclass

ABSENT = -1
"""The class of a person who is not in a release."""


@dataclass(frozen=True, slots=True)
class Membership:
    """Who was published in which class of one release.

    `classes` maps the digest of each published person to a class number of this release; `key_id`
    tells by which key the digests were made (a digest of the key, not the key).
    """

    release: str
    key_id: str
    classes: Mapping[bytes, int]


@dataclass(frozen=True, slots=True)
class Kept:
    """A release as a folder keeps it: its place in the chain, its table, who was in which class."""

    number: int
    previous: str
    """The SHA-256 of the file before it; empty for the first."""
    table: str
    """The SHA-256 of the published table."""
    membership: Membership


@dataclass(frozen=True, slots=True)
class SmallGroup:
    """People whom all releases together tell apart from everybody else, and who are too few."""

    path: tuple[int, ...]
    """Their class in every release, oldest first; `ABSENT` where they are not."""
    people: int


@dataclass(frozen=True, slots=True)
class Mending:
    """The least that could be done to the new release so that it may go out.

    `hold_back`: persons (digests) to leave out: the fewest records of all choices. `merges`: sets
    of classes of the new release to publish as one, the rest as it is: none of them could be left
    out; None where no merge helps, as when people have left the table.
    """

    hold_back: tuple[bytes, ...]
    merges: tuple[tuple[int, ...], ...] | None


@dataclass(frozen=True, slots=True)
class ReleaseVerdict:
    """Whether a release may go out beside those before it."""

    holds: bool
    k: int
    releases: tuple[str, ...]
    people: int
    smallest: int
    """The fewest people whom all releases together leave a person among."""
    small: tuple[SmallGroup, ...]
    mending: Mending | None
    reason: str

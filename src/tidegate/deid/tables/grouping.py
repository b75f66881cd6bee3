"""What the loops over keys do, whoever runs them."""

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Words = NDArray[np.uint64]
    Counts = NDArray[np.int32]


class Groups(NamedTuple):
    """Distinct masked keys in the order of first appearance."""

    keys: "Words"
    weights: "Counts"
    """The records of each group."""
    first: "Counts"
    """The first record of each group (of the array that was grouped, or its own `first`)."""


class Kernels(Protocol):
    """The loops over keys. Keys are words or rows of words; a mask has one number a word."""

    def group(
        self, keys: "Words", weights: "Counts | None", first: "Counts | None", mask: "Words"
    ) -> Groups:
        """Group keys by what the mask leaves of them; no weights means one record a key."""

    def label(self, keys: "Words", mask: "Words") -> "tuple[Counts, int]":
        """Return the number of each key's group, by first appearance, and how many there are."""

    def small(
        self, keys: "Words", weights: "Counts | None", mask: "Words", k: int, limit: int
    ) -> int:
        """Return the records in groups below k; from limit + 1 on, limit + 1 is returned.

        Cut short, it costs a fraction of a whole count: classes are counted in parts of the
        space of hashes, and no part takes records off another's.
        """

    def gauge(
        self, keys: "Words", weights: "Counts | None", mask: "Words", k: int, limit: int
    ) -> int:
        """Return the records in groups below k; beyond the limit an estimate that is beyond it.

        As cheap as `small`, for searches that steer by how far off a node is. The twins' estimates
        differ, so nothing but the order of a search may follow from them.
        """

    def spans(self, codes: "Counts", classes: "Counts", count: int) -> "tuple[Counts, Counts]":
        """Return the lowest and highest leaf of each class; records of class -1 are left out."""

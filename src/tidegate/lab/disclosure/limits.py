"""The numbers a release must respect."""

from tidegate.kernel.values import dataclass

NODE_FLOOR = 10
"""No agreement may ask a node to show smaller cells than this."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The numbers a release must respect; an agreement may only raise the minima."""

    min_cell: int = NODE_FLOOR
    round_to: int = 5
    min_events: int = NODE_FLOOR

    def rounded(self, count: int) -> int:
        """Return the nearest multiple of the rounding base; half a base goes up."""
        return (2 * count + self.round_to) // (2 * self.round_to) * self.round_to

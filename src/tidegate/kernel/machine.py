"""State machines as data: one table of moves, from which code, docs and tests all read."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Generic, TypeVar

from tidegate.kernel.errors import ConflictError
from tidegate.kernel.values import dataclass

S = TypeVar("S", bound=StrEnum)


class IllegalMoveError(ConflictError):
    """The asked-for move does not exist from the present state."""


@dataclass(frozen=True, slots=True)
class Move(Generic[S]):
    """One allowed step: `action` takes `source` to `target` when `by` asks for it."""

    action: str
    source: S
    target: S
    by: str


@dataclass(frozen=True, slots=True)
class Machine(Generic[S]):
    """A named set of moves with a start state. Pure: it decides, it never writes."""

    name: str
    start: S
    moves: tuple[Move[S], ...]

    def step(self, state: S, action: str, *, by: str, to: S | None = None) -> Move[S]:
        """Return the move `action` makes from `state`; raise IllegalMoveError if there is none.

        An action that leads back to one of several states needs `to`: without it there is no move.
        """
        found = [
            move
            for move in self.moves
            if (move.source, move.action, move.by) == (state, action, by)
            and to in {None, move.target}
        ]
        if len(found) == 1:
            return found[0]
        raise IllegalMoveError(
            f"The {self.name} is {state}; {by} cannot {action} it now.",
            machine=self.name,
            state=state.value,
            action=action,
            by=by,
        )

    def final(self) -> frozenset[S]:
        """Return the states nothing leaves."""
        return frozenset(m.target for m in self.moves) - {m.source for m in self.moves}

    def mermaid(self) -> Iterator[str]:
        """Yield the lines of a state diagram for the reference pages."""
        yield "stateDiagram-v2"
        yield f"    [*] --> {self.start}"
        for move in self.moves:
            yield f"    {move.source} --> {move.target}: {move.action} ({move.by})"
        for state in sorted(self.final()):
            yield f"    {state} --> [*]"

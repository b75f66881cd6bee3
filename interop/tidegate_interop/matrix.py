"""The matrix: what is tried between the two connectors, one line a cell."""

import time
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tidegate_interop.data import DataServer
from tidegate_interop.management import Management
from tidegate_interop.node import Node
from tidegate_interop.process import Edc, EdcError

OURS = "EDC -> Tidegate"
THEIRS = "Tidegate -> EDC"
"""Who asks whom: the consumer before the arrow, the provider after it."""


@dataclass
class World:
    """What a cell may use. `made` counts what was named, so that no cell meets another's data."""

    edc: Edc
    node: Node
    data: DataServer
    sql: Edc | None = None
    made: int = field(default=0)

    @property
    def management(self) -> Management:
        """The management of the EDC whose state is in memory."""
        return Management(self.edc.at("management"))

    def name(self, kind: str) -> str:
        """Return a name nothing has yet."""
        self.made += 1
        return f"{kind}-{self.made}"


@dataclass(frozen=True, slots=True)
class Cell:
    """One thing that must work."""

    area: str
    direction: str
    words: str
    run: Callable[[World], str]


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a cell; `note` says what was seen, or what went wrong."""

    cell: Cell
    is_good: bool
    seconds: float
    note: str


CELLS: list[Cell] = []


def cell(area: str, direction: str, words: str) -> Callable[[Callable[[World], str]], Cell]:
    """Put a function into the matrix; it returns what it saw and raises where that is wrong."""

    def take(run: Callable[[World], str]) -> Cell:
        made = Cell(area, direction, words, run)
        CELLS.append(made)
        return made

    return take


def expect(found: object, wanted: object, what: str) -> None:
    """Raise EdcError unless the two are equal."""
    if found != wanted:
        raise EdcError(f"{what}: {found!r}, not {wanted!r}")


def run_cells(world: World, cells: Iterable[Cell]) -> list[Result]:
    """Run cells one after the other, printing each as it ends; one that fails stops no other."""
    results = []
    for one in cells:
        began = time.perf_counter()
        try:
            note, is_good = one.run(world), True
        except Exception as problem:  # noqa: BLE001 - any failure of a cell is its result
            note, is_good = f"{type(problem).__name__}: {problem}", False
            if not isinstance(problem, EdcError):
                traceback.print_exc()
        result = Result(one, is_good, time.perf_counter() - began, " ".join(note.split())[:220])
        print(line(result), flush=True)
        results.append(result)
    return results


def line(result: Result) -> str:
    """Return a result as one line of the table."""
    verdict = "ok  " if result.is_good else "FAIL"
    one = result.cell
    head = f"{verdict} {one.area:<12} {one.direction:<16} {one.words:<58}"
    return f"{head} {result.seconds:6.1f} s  {result.note}"

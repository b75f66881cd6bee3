"""Local recoding by peeling: again and again, what a cheap generalisation makes safe leaves.

A round looks for the node of the lattice of levels that loses least among those at which a share
of the records still there stands in classes that may be published. These records leave, and the
next round deals with the rest: every record gets the levels of its own neighbourhood, and the
records of all thin neighbourhoods are pooled. At last classes are cut further where both parts
still hold (`mondrian.cut_within`). How large the share is decides which way the walk goes: smaller
tables are recoded with several shares, and the least lossy answer is kept.

Recoding anew what is left over is how ARX recodes locally (Prasser, Eicher, Spengler, Bild, Kuhn,
"Flexible data anonymization using ARX", Softw. Pract. Exper. 50, 2020). The walk, which never
lists the lattice and so takes any number of columns, its estimates and the cutting are ours.

What the walk decides depends on counts alone: neither on the order of the records nor on which
twin of the loops runs. Nothing in it undoes a choice because of who a member is, but like every
method that stops as soon as a criterion holds it can be reasoned about backwards (Wong, Fu, Wang,
Pei, "Minimality attack in privacy preserving data publishing", VLDB 2007): somebody who knows the
whole recipe and all quasi-identifiers may infer from a coarse class that a finer one failed its
sensitive criterion. k-anonymity alone gives nothing to that attack, since it looks at no value.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables.counting import CompiledCounter, Counter, NumpyCounter, chosen_of
from tidegate.deid.tables.encoding import Packed, losses_of, pack
from tidegate.deid.tables.kernels import NumpyKernels
from tidegate.deid.tables.labels import loss_of, span
from tidegate.deid.tables.model import SUPPRESSED, QuasiColumn, Question, TableInput
from tidegate.deid.tables.mondrian import cut_within
from tidegate.deid.tables.privacy import CLOSE, columns_of
from tidegate.deid.tables.safety import Safety
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tidegate.deid.tables.grouping import Kernels

    Ids = NDArray[np.int32]
    Levels = NDArray[np.int8]
    Amounts = NDArray[np.int64]

_SHARES = ((0.3, 0.03), (0.1, 0.03), (0.5, 0.05))
"""Of the records still there, what a node must release while half the table is, and later."""
_WORTH_ENTRIES = 400_000
"""Distinct records that are walked over, in all tries together."""
_REMEMBERED = 512
_LOOKED_AT = 1 << 14
_LOOKED_SHARE = 50
"""Entries that are looked at to estimate what a node releases: so many, or a 50th of the table."""
_PAIRED_DOWN = 14
"""Columns beyond which there are too many pairs of steps down."""
_ONE = 1 << 20


def peel(
    table: TableInput,
    question: Question,
    loops: "Kernels",
    progress: Callable[[float, str], None],
) -> "Ids":
    """Return the class of each record, from 0, or SUPPRESSED.

    Classes of the walk hold the criteria against the whole table. What no node could place is
    left out if the question allows that many, else it is a class of its own, which `mending`
    joins to others.
    """
    packed = pack(table, loops, columns_of(question.criteria))
    safety = Safety(table, question, packed, loops)
    tries = _SHARES[: max(_WORTH_ENTRIES // len(packed.keys), 1)]
    leaves = _Leaves(
        tuple(column.codes[packed.first] for column in table.quasi),
        tuple(_scaled(column) for column in table.quasi),
    )
    answers: list[Ids] = []
    for number, shares in enumerate(tries):
        walk = Walk(leaves, packed, safety, loops)
        told = _Told(progress, number / len(tries), 0.8 / len(tries))
        classes = walk.run(shares, told)[packed.entry_of]
        classes = _cut(table, question, classes, loops)
        answers.append(classes)
    if len(answers) == 1:
        return answers[0]
    return min(answers, key=lambda classes: loss_of(table, span(table, classes, loops)))


def _cut(table: TableInput, question: Question, classes: "Ids", loops: "Kernels") -> "Ids":
    left = classes == SUPPRESSED
    if int(left.sum()) > int(question.suppression * table.rows + CLOSE):
        classes[left] = classes.max() + 1
    compiled = not isinstance(loops, NumpyKernels)
    return cut_within(table, question, classes, compiled=compiled)


@dataclass(frozen=True, slots=True)
class _Told:
    """Says how far all tries are together."""

    progress: Callable[[float, str], None]
    start: float
    width: float

    def __call__(self, share: float) -> None:
        self.progress(self.start + self.width * share, "peeling")


@dataclass(frozen=True, slots=True)
class _Leaves:
    """For each column the leaves of the entries, and what each leaf loses at each level."""

    codes: "tuple[Ids, ...]"
    losses: "tuple[Amounts, ...]"


class Walk:
    """The rounds over one table."""

    def __init__(self, leaves: "_Leaves", packed: Packed, safety: Safety, loops: "Kernels") -> None:
        self._packed, self._safety, self._loops = packed, safety, loops
        self._codes, self._losses = leaves.codes, leaves.losses
        self._shape = np.array(packed.shape, np.int8)
        self._moves = _moves(len(self._shape), paired=safety.is_plain)
        self._entries = np.arange(len(packed.keys), dtype=np.int32)
        self._keys, self._weights = packed.keys, packed.weights
        self._left = int(packed.weights.sum(dtype=np.int64))
        self._counts = [
            _weighed(codes, packed.weights, losses.shape[1])
            for codes, losses in zip(self._codes, self._losses, strict=True)
        ]
        self._memory = _Memory(len(self._shape))
        self._counter: Counter = (
            NumpyCounter() if isinstance(loops, NumpyKernels) else CompiledCounter()
        )
        self._bits = 0
        self._classes = np.full(len(packed.keys), SUPPRESSED, np.int32)
        self._made = 0

    def run(self, shares: tuple[float, float], progress: Callable[[float], None]) -> "Ids":
        """Return the class of each entry; entries that no node could place are SUPPRESSED."""
        node, whole = np.zeros(len(self._shape), np.int8), self._left
        looked_at = max(_LOOKED_AT, len(self._keys) // _LOOKED_SHARE)
        while self._left >= self._safety.least:
            step = shares[0] if 2 * self._left > whole else shares[1]
            need = max(self._safety.least, int(step * self._left))
            self._memory.begin(need)
            losses = self._level_losses()
            self._bits = max((len(self._keys) // looked_at).bit_length() - 1, 0)
            node = self._find(node, losses)
            if not self._release(node):
                # an estimate misled: count whole from here on
                self._bits = 0
                self._memory.forget()
                node = self._find(node, losses)
                if not self._release(node):
                    break
            progress(1 - self._left / whole)
        return self._classes

    def _find(self, node: "Levels", losses: "Amounts") -> "Levels":
        return self._improve(self._climb(node, losses), losses)

    def _level_losses(self) -> "Amounts":
        """Return what all records that are left lose at each level: [column, level]."""
        table = np.zeros((len(self._shape), int(self._shape.max())), np.int64)
        for column, (losses, counts) in enumerate(zip(self._losses, self._counts, strict=True)):
            table[column, : len(losses)] = (losses * counts).sum(axis=1)
        return table

    def _climb(self, node: "Levels", losses: "Amounts") -> "Levels":
        """Go up from where the last round ended until some step releases enough."""
        while True:
            ups = self._within(node + np.eye(len(node), dtype=np.int8))
            if not len(ups):
                return node
            costs = _costs(ups, losses)
            order = np.argsort(costs, kind="stable")
            found: Levels | None = next((ups[at] for at in order if self._releases(ups[at])), None)
            if found is not None:
                return found
            here = int(_costs(node[None], losses)[0])
            gains = [
                (self._released(up) + 1) / (int(cost) - here + 1)
                for up, cost in zip(ups, costs, strict=True)
            ]
            node = ups[int(np.argmax(gains))]

    def _improve(self, node: "Levels", losses: "Amounts") -> "Levels":
        """Step to the cheapest neighbour that releases enough, for as long as there is one."""
        while True:
            near = self._within(node + self._moves)
            costs = _costs(near, losses)
            near = near[np.argsort(costs, kind="stable")]
            near = near[: int(np.count_nonzero(costs < _costs(node[None], losses)[0]))]
            found = next((one for one in near if self._releases(one)), None)
            if found is None:
                return node
            node = found

    def _within(self, nodes: "Levels") -> "Levels":
        return nodes[((nodes >= 0) & (nodes < self._shape)).all(axis=1)]

    def _releases(self, node: "Levels") -> bool:
        return self._released(node) >= self._memory.need

    def _released(self, node: "Levels") -> int:
        """Return how many records would leave, or what is known to bound it below the need."""
        known = self._memory.recall(node)
        if known is not None:
            return known
        mask = self._packed.node_mask(tuple(int(level) for level in node))
        bits = self._bits
        held = self._counter.held(self._keys, self._weights, mask, self._safety.least, bits)
        released = min(held << bits, self._left)
        if released >= self._memory.need and not self._safety.is_plain:
            chosen = chosen_of(self._keys, mask, bits)
            ids, count = self._loops.label(self._keys[chosen], mask)
            safe = self._safety.judge(ids, count, self._entries[chosen])
            held = int(self._weights[chosen][safe[ids]].sum(dtype=np.int64))
            released = min(held << bits, self._left)
        self._memory.keep(node, released)
        return released

    def _release(self, node: "Levels") -> bool:
        """Let the records of the node's safe classes leave; say whether there were any."""
        mask = self._packed.node_mask(tuple(int(level) for level in node))
        ids, count = self._loops.label(self._keys, mask)
        safe = self._safety.judge(ids, count, self._entries)
        if not safe.any():
            return False
        numbers = np.cumsum(safe, dtype=np.int32) - np.int32(1) + np.int32(self._made)
        leaving = safe[ids]
        gone, weights = self._entries[leaving], self._weights[leaving]
        self._classes[gone] = numbers[ids[leaving]]
        self._made += int(safe.sum())
        for codes, counts in zip(self._codes, self._counts, strict=True):
            counts -= _weighed(codes[gone], weights, len(counts))
        self._left -= int(weights.sum(dtype=np.int64))
        stay = ~leaving
        self._entries, self._keys, self._weights = (
            self._entries[stay],
            self._keys[stay],
            self._weights[stay],
        )
        return True


class _Memory:
    """What is known of nodes: records only leave, so what a node releases can only shrink.

    A node below one that releases too little releases too little as well. (For criteria that a
    coarser class may break, such as t-closeness, this is a rule of thumb; a release is judged
    anew, so only loss hangs on it.)
    """

    def __init__(self, columns: int) -> None:
        self._bounds: dict[bytes, int] = {}
        self._exact: dict[bytes, int] = {}
        self._poor = np.zeros((_REMEMBERED, columns), np.int8)
        self._held = np.full(_REMEMBERED, np.iinfo(np.int64).max, np.int64)
        self._next = 0
        self.need = 0

    def begin(self, need: int) -> None:
        """Begin a round."""
        self.need = need
        self._exact.clear()

    def forget(self) -> None:
        """Forget everything: it was estimated, and is wrong."""
        self._bounds.clear()
        self._exact.clear()
        self._held[:] = np.iinfo(np.int64).max

    def recall(self, node: "Levels") -> int | None:
        """Return what the node releases or, if that is below the need, a bound."""
        name = node.tobytes()
        if name in self._exact:
            return self._exact[name]
        bound = self._bounds.get(name, self.need)
        if bound >= self.need:
            above = (self._poor >= node).all(axis=1)
            bound = int(self._held[above].min(initial=self.need))
        if bound >= self.need:
            return None
        self._bounds[name] = bound
        return bound

    def keep(self, node: "Levels", released: int) -> None:
        """Remember what a node releases now."""
        name = node.tobytes()
        self._exact[name] = self._bounds[name] = released
        if released < self.need:
            at = self._next % _REMEMBERED
            self._poor[at], self._held[at] = node, released
            self._next += 1


def _scaled(column: QuasiColumn) -> "Amounts":
    """Return a column's weighted losses as whole numbers, so that sums are exact."""
    return np.rint(losses_of(column.hierarchy) * (column.weight * _ONE)).astype(np.int64)


def _moves(columns: int, *, paired: bool) -> "Levels":
    """Return the steps to cheaper neighbours: one down; one up and one down, or `paired` two."""
    one = np.eye(columns, dtype=np.int8)
    swaps = (one[:, None] - one[None]).reshape(-1, columns)
    moves = [-one, swaps]
    if paired and columns <= _PAIRED_DOWN:
        moves.append((swaps[:, None] - one[None]).reshape(-1, columns))
    return _distinct(np.concatenate(moves))


def _distinct(steps: "Levels") -> "Levels":
    steps = np.unique(steps, axis=0)
    return steps[steps.any(axis=1)]


def _costs(nodes: "Levels", losses: "Amounts") -> "Amounts":
    """Return the loss of nodes: losses[column, level], summed."""
    total: Amounts = losses[np.arange(losses.shape[0]), nodes].sum(axis=1)
    return total


def _weighed(codes: "Ids", weights: "Ids", leaves: int) -> "Amounts":
    return np.bincount(codes, weights=weights, minlength=leaves).astype(np.int64)

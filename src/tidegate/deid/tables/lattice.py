"""The proven full-domain optimum: which levels lose least, under a limit of suppressed records.

Loss is ARX's "Loss" (Prasser, Kohlmayer et al., with a generalisation/suppression factor of 0.5):
per column the mean penalty of all records, suppressed ones counting 1; columns joined by their
weighted geometric mean of 1 + x, or by the weighted arithmetic mean, which is the mean NCP.

Three facts let most nodes go unseen, and none of them guesses:

- Suppressed records stay suppressed further down where every criterion is inherited (`privacy.
  is_inherited`), and nothing that fails without suppression can stand further down (El Emam et al.
  2009, "A globally optimal k-anonymity method", section 3: predictive tagging): one infeasible
  node rules out all below it. Nodes with most columns at `*` are the projections of Incognito.
- A node loses at least what its levels lose by themselves, a sum over columns.
- It also suppresses at least what a node above it suppresses, so every node that was counted
  raises the bound of all nodes below it.

The next node is the one that is expected to rule out most candidates, from a running fit of how
suppression follows the entropy of the levels. The order changes the time and never the answer:
candidates end when their bound exceeds the best loss, ties go to the first node in the order of
the levels.
"""

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.tables.encoding import Node, losses_of
from tidegate.deid.tables.grouping import Kernels
from tidegate.deid.tables.kernels import NumpyKernels
from tidegate.deid.tables.model import Question, TableInput
from tidegate.deid.tables.nodes import Counted, Judge
from tidegate.deid.tables.picking import Picker
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Flags: TypeAlias = NDArray[np.bool_]

MOST_NODES = 1 << 22
"""Lattices beyond this are not searched: their bounds alone would fill the memory."""

MOST_CHECKS = 20_000
"""Where suppression is not monotone, the search may end here without a proof."""

_UNIT = 1e-11
"""Losses nearer than this are equal, and the first node wins."""


class Mean(StrEnum):
    """How the losses of columns become one."""

    GEOMETRIC = "geometric"
    ARITHMETIC = "arithmetic"


@dataclass(frozen=True, slots=True)
class Found:
    """The best node, the class of every record there, its loss, and whether that is proven."""

    node: Node
    classes: "NDArray[np.int32]"
    loss: float
    proven: bool
    checks: int
    best_at: int
    """The check at which the best node was seen."""


def search(
    table: TableInput,
    question: Question,
    loops: Kernels,
    progress: Callable[[float, str], None],
    mean: Mean = Mean.GEOMETRIC,
) -> Found:
    """Return the optimum.

    Raises RecipeInvalidError if the lattice is too large, NotAnonymousError if no node holds.
    """
    judge = Judge(table, question, loops)
    size = int(np.prod([float(height) for height in judge.shape]))
    if size > MOST_NODES:
        raise RecipeInvalidError(
            f"The levels of these columns make a lattice of {size} nodes, and at most {MOST_NODES} "
            "can be searched for the optimum; recode locally, or take levels or columns away.",
            code="lattice_too_large",
        )
    hunt = _Hunt(judge, _Loss(table, judge, mean))
    while hunt.step():
        progress(min(0.9, hunt.share), "search")
    if hunt.best is None and not hunt.is_proven:
        hunt.count(tuple(height - 1 for height in judge.shape))
    if hunt.best is None:
        raise NotAnonymousError(
            "No levels hold the criteria within the suppression that is allowed; allow more, ask "
            "for less, or add levels to a hierarchy.",
            code="no_level",
        )
    classes = judge.classes(hunt.best)
    loss = hunt.loss.total(hunt.best_score)
    return Found(hunt.best, classes, loss, hunt.is_proven, hunt.checks, hunt.best_at)


class _Loss:
    """Scores: sums over columns that grow with the loss."""

    def __init__(self, table: TableInput, judge: Judge, mean: Mean) -> None:
        self._is_geometric = mean is Mean.GEOMETRIC
        weights = np.array([column.weight for column in table.quasi], np.float64)
        self._weights = weights / weights.sum()
        self._rows = table.rows
        self._losses = [losses_of(column.hierarchy) for column in table.quasi]
        counts = [
            np.bincount(column.codes, minlength=len(column.hierarchy.leaves))
            for column in table.quasi
        ]
        self.levels = [
            (losses * count).sum(axis=1) / table.rows
            for losses, count in zip(self._losses, counts, strict=True)
        ]
        self.shape = judge.shape

    def score(self, column: int, loss: "Floats | float") -> "Floats":
        """Return a column's part of the score."""
        part = np.log1p(loss) if self._is_geometric else np.asarray(loss)
        return np.asarray(self._weights[column] * part)

    def total(self, score: float) -> float:
        """Return the loss of a score."""
        return float(np.expm1(score)) if self._is_geometric else score

    def extras(self, node: Node, suppressed: "Sequence[NDArray[np.int64]]") -> list[float]:
        """Return what suppression adds to each column; `suppressed` counts leaves by column."""
        return [
            float(((1.0 - self._losses[column][level]) * suppressed[column]).sum()) / self._rows
            for column, level in enumerate(node)
        ]

    def of(self, node: Node, extras: list[float]) -> float:
        """Return the score of a node."""
        return sum(
            float(self.score(column, self.levels[column][level] + extras[column]))
            for column, level in enumerate(node)
        )

    def bounds(self, extras: list[float] | None = None, top: Node | None = None) -> "Floats":
        """Return the least score of all nodes below a top that lose at least the extras."""
        whole = np.zeros(1)
        for column, height in enumerate(self.shape):
            stop = height if top is None else top[column] + 1
            extra = 0.0 if extras is None else extras[column]
            own = self.score(column, self.levels[column][:stop] + extra)
            whole = (whole[:, None] + own).ravel()
        return whole.reshape([level + 1 for level in top] if top else self.shape)


class _Hunt:
    """The candidates that are left, and what is known of them."""

    def __init__(self, judge: Judge, loss: _Loss) -> None:
        self.judge, self.loss = judge, loss
        self.best: Node | None = None
        self.best_score, self.checks, self.best_at = np.inf, 0, 0
        self._bounds = loss.bounds()
        self._picker = Picker(self._bounds, fast=not isinstance(judge.loops, NumpyKernels))
        self._open = np.ones(judge.shape, bool)
        """Nodes that may still be the best."""
        self._unknown = np.ones(judge.shape, bool)
        """Nodes that are not known to be infeasible, or feasible."""
        self._guess = _Guess(judge)
        self._left = self._open.size

    @property
    def is_proven(self) -> bool:
        """Tell whether no candidate is left."""
        return not self._left

    @property
    def share(self) -> float:
        """Return how much of the lattice is decided."""
        return 1.0 - self._left / self._open.size

    def step(self) -> bool:
        """Count one node; return whether another may be better."""
        self._left = int(np.count_nonzero(self._open))
        if not self._left or (self.checks >= MOST_CHECKS and not self.judge.is_monotone):
            return False
        index = self._pick()
        node = tuple(int(level) for level in np.unravel_index(index, self.judge.shape))
        self.count(node)
        return True

    def count(self, node: Node) -> None:
        """Count a node and draw the conclusions."""
        self.checks += 1
        counted = self.judge.count(node, likely=float(self._guess.chance[node]) < 0.5)
        self._guess.learn(node, counted.inherited, self.judge.limit)
        self._open[node] = self._unknown[node] = False
        self._conclude(node, counted)

    def _conclude(self, node: Node, counted: Counted) -> None:
        below = tuple(slice(0, level + 1) for level in node)
        if counted.rules_out_below:
            self._open[below] = self._unknown[below] = False
            return
        if counted.suppressed is None:
            return
        if self.judge.is_monotone:
            self._unknown[tuple(slice(level, None) for level in node)] = False
        score = self.loss.of(node, self.loss.extras(node, counted.suppressed))
        if self._is_better(score, node):
            self.best, self.best_score, self.best_at = node, score, self.checks
        extras = self.loss.extras(node, counted.inherited_leaves)
        part = self._bounds[below]
        np.maximum(part, self.loss.bounds(extras, node), out=part)
        self._open &= self._bounds <= self.best_score + 2 * _UNIT

    def _is_better(self, score: float, node: Node) -> bool:
        if self.best is None:
            return True
        ours, theirs = round(score / _UNIT), round(self.best_score / _UNIT)
        return (ours, node) < (theirs, self.best)

    def _pick(self) -> int:
        """Return the node to count: the most telling one, at last the one of the least bound."""
        place = self._picker.pick(self._open, self._unknown, self._guess.chance)
        if place >= 0:
            return place
        places = np.flatnonzero(self._open)
        return int(places[np.argmin(self._bounds.ravel()[places])])


class _Guess:
    """The chance that a node is infeasible: a line through log suppression over summed entropy."""

    def __init__(self, judge: Judge) -> None:
        total = np.zeros(1)
        for own in judge.entropies:
            total = (total[:, None] + own).ravel()
        self._entropy = total.reshape(judge.shape)
        self._middle, self._spread = np.log(max(judge.rows / max(judge.least, 1), 2.0)), 2.0
        self._seen: list[tuple[float, float]] = []
        self.chance = self._chances()

    def _chances(self) -> "Floats":
        steps = np.clip((self._entropy - self._middle) / self._spread, -30, 30)
        return np.asarray(1 / (1 + np.exp(-steps)))

    def learn(self, node: Node, suppressed: int, limit: int) -> None:
        """Fit the line anew from the last nodes, now and then."""
        self._seen.append(
            (float(self._entropy[node]), float(np.log((suppressed + 1) / (limit + 1))))
        )
        if len(self._seen) < 6 or len(self._seen) % (4 if len(self._seen) < 40 else 16):
            return
        seen = np.array(self._seen[-60:])
        across, up = seen[:, 0], seen[:, 1]
        if across.std() < 1e-9:
            return
        slope = ((across - across.mean()) * (up - up.mean())).mean() / across.var()
        if slope > 0.05:
            base = up.mean() - slope * across.mean()
            self._middle = -base / slope
            self._spread = max(0.15, 0.55 * (up - base - slope * across).std() / slope)
            self.chance = self._chances()

"""What one node of the lattice suppresses: counting classes from the smallest table at hand."""

from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from tidegate.deid.tables.encoding import Node, key_words, label_numbers, lay_out, pack
from tidegate.deid.tables.grouping import Groups, Kernels
from tidegate.deid.tables.model import (
    Attacker,
    Criterion,
    DeltaPresence,
    KAnonymity,
    Question,
    RiskThreshold,
    TableInput,
)
from tidegate.deid.tables.privacy import (
    CLOSE,
    Tally,
    columns_of,
    count_pairs,
    failing,
    is_inherited,
    least_size,
    mean_risk,
)
from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Counts: TypeAlias = NDArray[np.int32]
    Leaves: TypeAlias = list[NDArray[np.int64]]
    Flags: TypeAlias = NDArray[np.bool_]

_MOST_TABLES = 200


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of a node."""

    inherited: int
    """Records that every node below suppresses too; beyond the limit an estimate."""
    rules_out_below: bool
    suppressed: "Leaves | None" = None
    """How often each leaf of each column is suppressed; None if more are than may be."""
    inherited_leaves: "Leaves | tuple[()]" = ()
    """The same for the records that every node below suppresses too."""


class Judge:
    """Counts nodes of one table for one question."""

    def __init__(self, table: TableInput, question: Question, loops: Kernels) -> None:
        self._table, self._criteria, self.loops = table, question.criteria, loops
        self._names = columns_of(question.criteria)
        self._packed = pack(table, loops, self._names)
        self.shape, self.rows = self._packed.shape, table.rows
        self.limit = int(question.suppression * table.rows + CLOSE)
        self.least = least_size(tuple(one for one in question.criteria if is_inherited(one)))
        self.is_simple = all(_is_size(one) for one in question.criteria)
        """All that is asked is the size of classes."""
        self.is_monotone = not self.limit or all(is_inherited(one) for one in question.criteria)
        self.entropies = [
            _entropies(column.hierarchy.labels, column.codes) for column in table.quasi
        ]
        self._codes = [column.codes for column in table.quasi]
        self._tables: list[Groups] = []
        self._nodes = np.zeros((0, len(self.shape)), np.int64)
        self._people = [self._population(one) for one in question.criteria]

    def count(self, node: Node, *, likely: bool) -> Counted:
        """Count a node; `likely` says that it is expected to be feasible, which changes no answer.

        An unlikely one is counted only as far as it takes to know that it is not.
        """
        start = self._nearest(node)
        mask = self._packed.node_mask(node)
        if not likely:
            few = self.loops.gauge(start.keys, start.weights, mask, self.least, self.limit)
            if few > self.limit:
                return Counted(few, rules_out_below=True)
        if self.is_simple:
            groups = self.loops.group(start.keys, start.weights, start.first, mask)
            self._keep(node, groups)
            return self._weigh(groups.weights, groups, groups.weights < self.least)
        return self._count_values(node, start, mask)

    def classes(self, node: Node) -> "NDArray[np.int32]":
        """Return the class of every record at a node; -1 if it is suppressed there."""
        mask = self._packed.node_mask(node)
        ids, count = self.loops.label(self._packed.keys, mask)
        tally = self._tally(ids, count, self._base())
        out, _ = self._suppress(tally, self._crowds(mask, self._packed.keys, count))
        number = np.where(out, -1, np.cumsum(~out) - 1).astype(np.int32)
        return number[ids][self._packed.entry_of]

    def _base(self) -> Groups:
        return Groups(self._packed.keys, self._packed.weights, self._packed.first)

    def _nearest(self, node: Node) -> Groups:
        """Return the smallest table that holds the node's classes whole."""
        below = np.flatnonzero((self._nodes <= np.array(node)).all(axis=1))
        if not len(below):
            return self._base()
        return min((self._tables[at] for at in below), key=lambda one: len(one.keys))

    def _keep(self, node: Node, groups: Groups) -> None:
        """Keep a table for the nodes above it, if it is much smaller than the whole."""
        if len(groups.keys) * 2 > len(self._packed.keys):
            return
        if len(self._tables) >= _MOST_TABLES:
            middle = np.argsort([len(one.keys) for one in self._tables])[_MOST_TABLES // 2 :]
            gone = set(middle.tolist())
            self._nodes = np.delete(self._nodes, middle, axis=0)
            self._tables = [one for at, one in enumerate(self._tables) if at not in gone]
        self._tables.append(groups)
        self._nodes = np.vstack([self._nodes, node])

    def _weigh(self, sizes: "Counts", groups: Groups, out: "Flags") -> Counted:
        """Weigh what simple criteria suppress."""
        few = int(sizes[out].sum(dtype=np.int64))
        if few > self.limit:
            return Counted(few, rules_out_below=True)
        leaves = self._leaves(groups.first[out], sizes[out])
        return Counted(few, rules_out_below=False, suppressed=leaves, inherited_leaves=leaves)

    def _leaves(self, records: "Counts", weights: "Counts") -> "Leaves":
        return [
            np.bincount(codes[records], weights, len(losses[0])).astype(np.int64)
            for codes, losses in zip(self._codes, self._heads(), strict=True)
        ]

    def _heads(self) -> list[tuple[tuple[str, ...], ...]]:
        return [column.hierarchy.labels for column in self._table.quasi]

    # --- criteria on values, populations and means

    def _count_values(self, node: Node, start: Groups, mask: "NDArray[np.uint64]") -> Counted:
        whole = self._packed.node_mask(node, with_sensitive=True)
        entries = self.loops.group(start.keys, start.weights, start.first, whole)
        self._keep(node, entries)
        ids, count = self.loops.label(entries.keys, mask)
        tally = self._tally(ids, count, entries)
        people = self._crowds(mask, entries.keys, count)
        inherited = self._failing(tally, people, inherited=True)
        few = int(tally.sizes[inherited].sum())
        out, holds = self._suppress(tally, people)
        much = int(tally.sizes[out].sum())
        if few > self.limit or (not self.limit and (much or not holds)):
            return Counted(max(few, much), rules_out_below=True)
        if much > self.limit or not holds:
            return Counted(few, rules_out_below=False)
        stays = inherited[ids]
        return Counted(
            few,
            rules_out_below=False,
            suppressed=self._leaves(entries.first[out[ids]], entries.weights[out[ids]]),
            inherited_leaves=self._leaves(entries.first[stays], entries.weights[stays]),
        )

    def _tally(self, ids: "Counts", count: int, entries: Groups) -> Tally:
        pairs = {}
        for name in self._names:
            column = self._table.find_sensitive(name)
            if column is not None:
                values = column.codes[entries.first]
                pairs[name] = count_pairs(column, ids, values, entries.weights.astype(np.int64))
        return Tally(np.bincount(ids, entries.weights, count).astype(np.int64), pairs)

    def _suppress(self, tally: Tally, people: "list[Crowd | None]") -> "tuple[Flags, bool]":
        """Return which classes go, until none that stays fails; and whether the whole holds.

        What t compares with is what is published, so that taking classes away can make others
        fail.
        """
        out = np.zeros(len(tally.sizes), bool)
        while True:
            more = ~out & self._failing(tally.without(out), people)
            if not more.any():
                break
            out |= more
        return out, not out.all() and self._whole_holds(tally, people, out)

    def _failing(
        self, tally: Tally, people: "list[Crowd | None]", *, inherited: bool = False
    ) -> "Flags":
        failed = np.zeros(len(tally.sizes), bool)
        for one, crowd in zip(self._criteria, people, strict=True):
            if not inherited or is_inherited(one):
                failed |= failing(one, tally, None if crowd is None else crowd.people)
        return failed

    def _whole_holds(self, tally: Tally, people: "list[Crowd | None]", out: "Flags") -> bool:
        kept = Tally(tally.sizes[~out], {})
        for one, crowd in zip(self._criteria, people, strict=True):
            known = None if crowd is None else crowd.people[~out]
            if isinstance(one, RiskThreshold) and one.attacker is Attacker.MARKETER:
                if mean_risk(kept, known) > one.most + CLOSE:
                    return False
            elif isinstance(one, DeltaPresence) and one.least > 0:
                return not out.any() and not (crowd and crowd.outside)
        return True

    def _population(self, one: Criterion) -> "NDArray[np.uint64] | None":
        if not isinstance(one, DeltaPresence | RiskThreshold) or not one.population:
            return None
        fields, _, words = lay_out(self._table, self._names)
        columns = list(zip(one.population, fields, strict=True))
        return key_words(columns, len(one.population[0]), words)

    def _crowds(
        self, mask: "NDArray[np.uint64]", keys: "NDArray[np.uint64]", count: int
    ) -> "list[Crowd | None]":
        return [
            None if known is None else self._crowd(mask, keys, known, count)
            for known in self._people
        ]

    def _crowd(
        self,
        mask: "NDArray[np.uint64]",
        keys: "NDArray[np.uint64]",
        known: "NDArray[np.uint64]",
        count: int,
    ) -> "Crowd":
        """Count the people of a population in each class: those whose masked keys are equal."""
        ids, _ = self.loops.label(np.concatenate([keys, known]), mask)
        people = np.bincount(ids[len(keys) :], minlength=count)
        return Crowd(people[:count], int(people[count:].sum()))


@dataclass(frozen=True, slots=True)
class Crowd:
    """The people of a population in each class, and those in none."""

    people: "NDArray[np.int64]"
    outside: int


def _is_size(one: Criterion) -> bool:
    if isinstance(one, RiskThreshold):
        return one.attacker is Attacker.PROSECUTOR
    return isinstance(one, KAnonymity)


def _entropies(labels: tuple[tuple[str, ...], ...], codes: "Counts") -> "NDArray[np.float64]":
    """Return the entropy of a column at each level."""
    leaves = np.bincount(codes, minlength=len(labels[0]))
    entropies = []
    for row in labels:
        share = np.bincount(label_numbers(row), leaves) / len(codes)
        share = share[share > 0]
        entropies.append(-(share * np.log(share)).sum())
    return np.array(entropies)

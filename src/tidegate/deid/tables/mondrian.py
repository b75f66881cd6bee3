"""Top-down cuts: a partition at once, for previews and for tables of many millions.

LeFevre, DeWitt, Ramakrishnan, "Mondrian multidimensional k-anonymity", ICDE 2006: cut the records
in two by one column for as long as both parts hold all criteria. Two things differ. Cuts are made
along the taxonomy (between children of the label that all records share; ordered columns between
any two leaves), and the cut is chosen that saves the most certainty penalty (Xu et al., KDD 2006)
instead of the widest column's median.
"""

import math
from typing import TYPE_CHECKING

import numpy as np

from tidegate.deid.tables import cuts
from tidegate.deid.tables.compiling import plain
from tidegate.deid.tables.encoding import label_numbers, losses_of
from tidegate.deid.tables.labels import run_start
from tidegate.deid.tables.model import (
    SUPPRESSED,
    Distance,
    DistinctL,
    EntropyL,
    Hierarchy,
    Question,
    RecursiveL,
    SensitiveColumn,
    TableInput,
    TCloseness,
)
from tidegate.deid.tables.privacy import CLOSE, ValueCriterion, columns_of, least_size

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Codes = NDArray[np.int32]

_KINDS = {
    Distance.EQUAL: cuts.EQUAL,
    Distance.ORDERED: cuts.ORDERED,
    Distance.HIERARCHICAL: cuts.HIERARCHICAL,
}


def cut(
    table: TableInput, question: Question, *, labels_only: bool = False, compiled: bool = True
) -> "Codes":
    """Return a class for every record. Nothing is suppressed; the whole table must be a class.

    `labels_only` cuts ordered columns along their levels too, where intervals are not wanted.
    Criteria on a population and on means are not looked at here: see `mending`.
    """
    whole = np.zeros(table.rows, np.int32)
    return cut_within(table, question, whole, labels_only=labels_only, compiled=compiled)


def cut_within(
    table: TableInput,
    question: Question,
    classes: "Codes",
    *,
    labels_only: bool = False,
    compiled: bool = True,
) -> "Codes":
    """Cut every class further for as long as both parts hold; records of class -1 stay out."""
    names = columns_of(question.criteria)
    values = [column for column in table.sensitive if column.name in names]
    columns = [column.codes for column in table.quasi] + [column.codes for column in values]
    ids = np.argsort(classes, kind="stable")[np.count_nonzero(classes < 0) :]
    rows = np.empty((len(ids), len(columns)), np.int32)
    for place, codes in enumerate(columns):
        rows[:, place] = codes[ids]
    starts = np.append(0, np.cumsum(np.bincount(classes[ids]))).astype(np.int64)
    space = space_of(table, labels_only=labels_only)
    rules = rules_of(question, values)
    spare = (np.empty_like(rows), np.empty_like(ids))
    grow = cuts.grow if compiled else plain(cuts.grow)
    least = least_size(question.criteria)
    numbers, _ = grow((rows, ids, spare), starts, space, rules, least, _work(space, rules))
    found = np.full(table.rows, SUPPRESSED, np.int32)
    found[ids] = numbers
    return found


def space_of(table: TableInput, *, labels_only: bool = False) -> cuts.Space:
    """Lay the hierarchies of a table side by side."""
    shapes = [column.hierarchy for column in table.quasi]
    leaves = np.array([len(shape.leaves) for shape in shapes], np.int64)
    heights = np.array([shape.height for shape in shapes], np.int64)
    size = (len(shapes), int(heights.max()), int(leaves.max()))
    numbers, losses = np.zeros(size, np.int32), np.ones(size)
    for at, shape in enumerate(shapes):
        for level, labels in enumerate(shape.labels):
            numbers[at, level, : leaves[at]] = label_numbers(labels)
        losses[at, : heights[at], : leaves[at]] = losses_of(shape)
    runs = leaves if labels_only else np.array([run_start(shape) for shape in shapes], np.int64)
    weights = np.array([column.weight for column in table.quasi], np.float64)
    return cuts.Space(numbers, losses, heights, leaves, runs, weights)


def rules_of(question: Question, values: list[SensitiveColumn]) -> cuts.Rules:
    """Write the criteria on sensitive values as arrays."""
    asked = [one for one in question.criteria if isinstance(one, ValueCriterion)]
    at = {column.name: place for place, column in enumerate(values)}
    width = max((len(column.values) for column in values), default=1)
    tall = max((_tree(column).height for column in values), default=1)
    leaves = max((len(_tree(column).leaves) for column in values), default=1)
    width = max(width, leaves)
    trees = np.zeros((len(asked), tall, width), np.int64)
    whole = np.zeros((len(asked), width), np.int64)
    for rule, one in enumerate(asked):
        column = values[at[one.column]]
        whole[rule] = np.bincount(column.codes, minlength=width)
        tree = _tree(column)
        place = {leaf: number for number, leaf in enumerate(tree.leaves)}
        spots = [place.get(value, 0) for value in column.values]
        for level, labels in enumerate(tree.labels):
            trees[rule, level, : len(spots)] = label_numbers(labels)[spots]
    return cuts.Rules(
        np.array([_kind(one, values[at[one.column]]) for one in asked], np.int64),
        np.array([at[one.column] for one in asked], np.int64),
        np.array([_bound(one) for one in asked], np.float64),
        np.array([_second(one, values[at[one.column]]) for one in asked], np.float64),
        trees,
        whole,
        CLOSE,
    )


def _tree(column: SensitiveColumn) -> Hierarchy:
    return column.hierarchy or Hierarchy(column.name, (column.values, ("*",) * len(column.values)))


def _kind(one: ValueCriterion, column: SensitiveColumn) -> int:
    if isinstance(one, TCloseness):
        is_flat = one.distance is Distance.HIERARCHICAL and column.hierarchy is None
        return cuts.EQUAL if is_flat else _KINDS[one.distance]
    if isinstance(one, DistinctL):
        return cuts.DISTINCT
    return cuts.ENTROPY if isinstance(one, EntropyL) else cuts.RECURSIVE


def _bound(one: ValueCriterion) -> float:
    if isinstance(one, TCloseness):
        return one.t
    return one.c if isinstance(one, RecursiveL) else one.l


def _second(one: ValueCriterion, column: SensitiveColumn) -> float:
    if isinstance(one, RecursiveL):
        return one.l
    return _tree(column).height if isinstance(one, TCloseness) else math.nan


def _work(space: cuts.Space, rules: cuts.Rules) -> cuts.Work:
    columns, widest, width = len(space.leaves), int(space.leaves.max()), rules.whole.shape[1]
    return cuts.Work(
        np.zeros(columns, np.int64),
        np.zeros(columns, np.int64),
        np.zeros(widest, np.int64),
        np.zeros(widest, np.int64),
        np.zeros(widest, np.int64),
        np.zeros(columns),
        np.zeros(columns, np.int64),
        np.zeros(width, np.int64),
        np.zeros(width, np.int64),
        (np.zeros(width), np.zeros(width), np.zeros(width)),
    )

"""The criteria and the search for levels as their papers say, with no care for time."""

import itertools
import math
from collections import Counter, defaultdict

from tidegate.deid.tables.model import (
    Attacker,
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    KAnonymity,
    RecursiveL,
    RiskThreshold,
    TCloseness,
)


def classes_at(table, node, records=None):
    """Return the records of each class by its labels."""
    found = defaultdict(list)
    for record in range(table.rows) if records is None else records:
        found[labels_of(table, node, record)].append(record)
    return found


def labels_of(table, node, record):
    return tuple(
        column.hierarchy.labels[level][column.codes[record]]
        for column, level in zip(table.quasi, node, strict=True)
    )


def class_holds(table, one, members, published, node=None):
    """Tell whether one class holds a criterion; `published` are all that are not left out."""
    if hasattr(one, "column"):
        return values_hold(table, one, members, published)
    match one:
        case KAnonymity(k):
            return len(members) >= k
        case RiskThreshold(Attacker.MARKETER):
            return True
        case RiskThreshold(attacker, most):
            count = len(members)
            if attacker is Attacker.JOURNALIST and one.population:
                count = people(table, one, node, members[0])
            return 1 / count <= most + 1e-9
        case DeltaPresence(least, most):
            rate = len(members) / people(table, one, node, members[0])
            return least - 1e-9 <= rate <= most + 1e-9
    raise AssertionError(one)


def values_hold(table, one, members, published):
    """Tell whether the sensitive values of one class hold a criterion."""
    column = table.find_sensitive(one.column)
    counts = Counter(int(column.codes[record]) for record in members)
    match one:
        case DistinctL(_, l):
            return len(counts) >= l - 1e-9
        case EntropyL(_, l):
            shares = [count / len(members) for count in counts.values()]
            return -sum(share * math.log(share) for share in shares) >= math.log(l) - 1e-9
        case RecursiveL(_, c, l):
            ranked = sorted(counts.values(), reverse=True)
            return ranked[0] < c * sum(ranked[l - 1 :]) - 1e-9
        case TCloseness(_, t, distance):
            whole = Counter(int(column.codes[record]) for record in published)
            return emd(column, counts, whole, distance) <= t + 1e-9
    raise AssertionError(one)


def people(table, one, node, record):
    """Count the people of a population with the labels of a record."""
    wanted = labels_of(table, node, record)
    return sum(
        all(
            column.hierarchy.labels[level][codes[person]] == label
            for column, level, codes, label in zip(
                table.quasi, node, one.population, wanted, strict=True
            )
        )
        for person in range(len(one.population[0]))
    )


def emd(column, counts, whole, distance):
    """The earth mover's distance by its definition on equal and ordered grounds, and on a tree."""
    size, total = sum(counts.values()), sum(whole.values())
    present = sorted(whole)
    extra = [counts[value] / size - whole[value] / total for value in present]
    if distance is Distance.EQUAL:
        return sum(abs(one) for one in extra) / 2
    if distance is Distance.ORDERED:
        return sum(abs(one) for one in itertools.accumulate(extra)) / max(len(present) - 1, 1)
    tree = column.hierarchy
    moved, surplus = 0.0, {}
    for value, much in zip(present, extra, strict=True):
        surplus[(column.values[value],)] = much
    paths = {row[0]: row for row in zip(*tree.labels, strict=True)}
    below = {paths[value[0]]: much for value, much in surplus.items()}
    for height in range(1, tree.height):
        joined = defaultdict(list)
        for path, much in below.items():
            joined[path[1:]].append(much)
        for parts in joined.values():
            much = sum(max(part, 0) for part in parts)
            want = sum(max(-part, 0) for part in parts)
            moved += height / max(tree.height - 1, 1) * min(much, want)
        below = {path: sum(parts) for path, parts in joined.items()}
    return moved


def suppressed_at(table, criteria, node):
    """Leave out failing classes until none fails; return them, None if the rest fails."""
    kept, out = list(range(table.rows)), []
    while True:
        found = classes_at(table, node, kept)
        gone = [
            members
            for members in found.values()
            if not all(class_holds(table, one, members, kept, node) for one in criteria)
        ]
        if not gone:
            break
        out += [record for members in gone for record in members]
        kept = sorted(set(range(table.rows)) - set(out))
    for one in criteria:
        is_mean = isinstance(one, RiskThreshold) and one.attacker is Attacker.MARKETER
        if is_mean and kept and len(found) / len(kept) > one.most + 1e-9:
            return None
        if isinstance(one, DeltaPresence) and one.least > 0:
            seen = sum(people(table, one, node, members[0]) for members in found.values())
            if seen < len(one.population[0]):
                return None
    return out if kept else None


def loss_at(table, node, out, *, geometric=True):
    """ARX's Loss, record by record."""
    total, weights = 0.0, sum(column.weight for column in table.quasi)
    for column, level in zip(table.quasi, node, strict=True):
        labels, leaves = column.hierarchy.labels[level], len(column.hierarchy.leaves)
        sizes = Counter(labels)
        mine = [
            1.0 if record in out else (sizes[labels[code]] - 1) / max(leaves - 1, 1)
            for record, code in enumerate(column.codes.tolist())
        ]
        mean = sum(mine) / len(mine)
        total += column.weight / weights * (math.log1p(mean) if geometric else mean)
    return math.expm1(total) if geometric else total


def best_node(table, criteria, suppression, *, geometric=True):
    """Try every node; return the least loss and the first node that has it, or None."""
    best = None
    limit = int(suppression * table.rows + 1e-9)
    shape = [range(column.hierarchy.height) for column in table.quasi]
    for node in itertools.product(*shape):
        out = suppressed_at(table, criteria, node)
        if out is None or len(out) > limit:
            continue
        loss = loss_at(table, node, set(out), geometric=geometric)
        if best is None or loss < best[0] - 1e-9:
            best = loss, node
    return best

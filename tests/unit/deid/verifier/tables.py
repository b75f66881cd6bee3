"""Published tables for tests, and a naive twin that counts with fractions and loops."""

import math
from collections import Counter
from fractions import Fraction

import pyarrow as pa

from tidegate.deid.verifier.model import Claim

QUASI = ("age", "sex")


def batches_of(names, rows, size=7):
    """Give the rows as record batches of texts."""

    def give():
        for first in range(0, max(len(rows), 1), size):
            part = rows[first : first + size]
            arrays = [pa.array([row[n] for row in part], pa.string()) for n in range(len(names))]
            yield pa.record_batch(arrays, names=list(names))

    return give


def write_csv(path, names, rows, delimiter=","):
    lines = [delimiter.join(line) for line in (names, *rows)]
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def claim_of(rows, *criteria, columns=("age", "sex", "illness"), **other):
    other = {"quasi": QUASI, "sensitive": ("illness",), "received": len(rows)} | other
    other = {"suppressed": 0} | other
    return Claim(columns=columns, criteria=criteria or (of("k_anonymity", k=1),), **other)


def of(criterion, **parts):
    return {"criterion": criterion} | parts


class Naive:
    """The same figures by the definitions, one class at a time."""

    def __init__(self, rows):
        self.rows = rows
        classes = {}
        for age, sex, illness in rows:
            classes.setdefault((age, sex), []).append(illness)
        self.classes = list(classes.values())
        self.whole = self._shares([row[2] for row in rows])

    @staticmethod
    def _shares(values):
        return {v: Fraction(n, len(values)) for v, n in Counter(values).items()}

    def k(self):
        return min(map(len, self.classes))

    def distinct(self):
        return min(len(set(values)) for values in self.classes)

    def entropy(self):
        least = min(
            -sum(float(p) * math.log(p) for p in self._shares(values).values())
            for values in self.classes
        )
        return math.exp(least)

    def recursive(self, least):
        worst = []
        for values in self.classes:
            counts = sorted(Counter(values).values(), reverse=True)
            tail = sum(counts[least - 1 :])
            worst.append(Fraction(counts[0], tail) if tail else None)
        return None if None in worst else max(worst)

    def equal(self):
        return max(
            sum(abs(self._shares(v).get(x, 0) - p) for x, p in self.whole.items()) / 2
            for v in self.classes
        )

    def ordered(self, order):
        line = [x for x in order if x in self.whole]
        found = []
        for values in self.classes:
            shares, run, moved = self._shares(values), Fraction(0), Fraction(0)
            for value in line:
                run += shares.get(value, 0) - self.whole[value]
                moved += abs(run)
            found.append(moved / max(len(line) - 1, 1))
        return max(found)

    def hierarchical(self, tree):
        """Move mass greedily between the leaves that lie nearest: optimal on a tree."""
        height = len(tree[0]) - 1
        path = {row[0]: row for row in tree}
        found = []
        for values in self.classes:
            shares = self._shares(values)
            left = {x: shares.get(x, Fraction(0)) - p for x, p in self.whole.items()}
            moved = Fraction(0)
            for level in range(1, height + 1):
                for x in left:
                    for y in left:
                        if path[x][level] == path[y][level] and left[x] > 0 > left[y]:
                            mass = min(left[x], -left[y])
                            left[x], left[y] = left[x] - mass, left[y] + mass
                            moved += mass * level / height
            found.append(moved)
        return max(found)

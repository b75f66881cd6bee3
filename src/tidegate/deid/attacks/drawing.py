"""Of a table too large to attack whole: some of its classes, each whole, drawn by lot.

An attacker who sees fewer classes has fewer people to confuse with the one who is sought, so the
rates found on a part are rather too high than too low for the whole.
"""

from dataclasses import replace

import numpy as np

from tidegate.deid.attacks.model import Past
from tidegate.deid.attacks.view import Numbers
from tidegate.deid.tables.model import SUPPRESSED, Recoding, TableInput
from tidegate.kernel.values import dataclass

MOST_ATTACKED = 500_000
"""Records of a table that is attacked whole, and the least that is drawn of a larger one."""

_STEP = 1 << 20


@dataclass(frozen=True, slots=True)
class Drawn:
    """The part of a release that is attacked."""

    table: TableInput
    recoding: Recoding
    past: Past | None


def draw(table: TableInput, recoding: Recoding, past: Past | None, seed: int) -> Drawn:
    """Return classes of a release with at least MOST_ATTACKED records; all of a smaller one.

    Of the records left out, the same share is drawn. The same seed draws the same classes.
    """
    if table.rows <= MOST_ATTACKED:
        return Drawn(table, recoding, past)
    lot = np.random.default_rng([seed, 2])
    sizes = _sizes(recoding)
    order = lot.permutation(len(sizes))
    needed = int(np.searchsorted(np.cumsum(sizes[order]), MOST_ATTACKED)) + 1
    taken = np.sort(order[:needed])
    number = np.full(len(sizes) + 1, SUPPRESSED, np.intp)  # the last stands for the ones left out
    number[taken] = np.arange(len(taken))
    share = int(sizes[taken].sum()) / max(int(sizes.sum()), 1)
    records = _records(recoding, number, share, lot)
    renumbered = replace(
        recoding,
        classes=number[recoding.classes[records]].astype(recoding.classes.dtype),
        labels=tuple(tuple(texts[one] for one in taken.tolist()) for texts in recoding.labels),
        losses=recoding.losses[:, taken],
    )
    before = None if past is None else Past(tuple(one[records] for one in past.classes))
    return Drawn(table.take(records), renumbered, before)


def _sizes(recoding: Recoding) -> Numbers:
    sizes = np.zeros(recoding.class_count + 1, np.intp)
    for start in range(0, len(recoding.classes), _STEP):
        sizes += np.bincount(recoding.classes[start : start + _STEP] + 1, minlength=len(sizes))
    return sizes[1:]


def _records(
    recoding: Recoding,
    number: Numbers,
    share: float,
    lot: np.random.Generator,
) -> Numbers:
    """Return the records of the classes that have a number, and a share of those left out."""
    found = []
    for start in range(0, len(recoding.classes), _STEP):
        classes = recoding.classes[start : start + _STEP]
        is_left = (classes == SUPPRESSED) & (lot.random(len(classes)) < share)
        found.append(np.flatnonzero((number[classes] >= 0) | is_left) + start)
    return np.concatenate(found)

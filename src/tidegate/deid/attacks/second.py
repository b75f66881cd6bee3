"""A second release of some of the same people, made apart from the first: what composition takes.

Ganta, Kasiviswanathan, Smith 2008 have two hospitals publish tables that share patients. Where no
other release is known, the second one is made here: of half of the records, drawn by lot, under the
same criteria, by quick cuts.
"""

from dataclasses import replace

import numpy as np

from tidegate.deid.attacks.model import Companion
from tidegate.deid.errors import NotAnonymousError, RecipeInvalidError
from tidegate.deid.tables.engine import anonymise
from tidegate.deid.tables.model import (
    DeltaPresence,
    Method,
    Question,
    RiskThreshold,
    TableInput,
)

_MOST = 100_000
_WORTH_LOADING = 5_000
"""Records from which machine code that is kept pays for being read."""


def make(table: TableInput, question: Question, seed: int) -> Companion | None:
    """Return a release of half of the table; None if that half cannot hold what is asked.

    Criteria about a population are left out of the question: they speak of the whole table.
    """
    criteria = tuple(
        one
        for one in question.criteria
        if not isinstance(one, DeltaPresence)
        and not (isinstance(one, RiskThreshold) and one.population)
    )
    draw = np.random.default_rng([seed, 1])
    half = min(table.rows // 2, _MOST)
    if not criteria or not half:
        return None
    chosen = np.sort(draw.choice(table.rows, half, replace=False))
    part = table.take(chosen)
    asked = replace(question, criteria=criteria, method=Method.PREVIEW)
    compiled = None if half >= _WORTH_LOADING else False
    try:
        recoding = anonymise(part, asked, compiled=compiled)
    except (NotAnonymousError, RecipeInvalidError):
        return None
    records = np.full(table.rows, -1, np.intp)
    records[chosen] = np.arange(half)
    return Companion(part, recoding, records)

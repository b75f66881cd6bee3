"""What the engine publishes, the verifier bears out, for every method and criterion."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lib.deid_tables import tables
from tidegate.deid.errors import NotAnonymousError
from tidegate.deid.tables.engine import anonymise
from tidegate.deid.tables.model import (
    SUPPRESSED,
    Attacker,
    DeltaPresence,
    Distance,
    DistinctL,
    EntropyL,
    KAnonymity,
    Method,
    Question,
    RecursiveL,
    RiskThreshold,
    TCloseness,
)
from tidegate.deid.verifier.model import Claim, Population
from tidegate.deid.verifier.service import verify
from unit.deid.verifier.tables import batches_of, of

OUTSIDE = 2
"""How often the population holds everybody of the table."""

kinds = st.sampled_from(
    [
        ("k_anonymity", {"k": 3}),
        ("distinct_l", {"l": 2}),
        ("entropy_l", {"l": 1.5}),
        ("recursive_l", {"c": 3.0, "l": 2}),
        ("t_closeness", {"t": 0.4, "distance": "equal"}),
        ("t_closeness", {"t": 0.25, "distance": "ordered"}),
        ("risk", {"attacker": "prosecutor", "most": 0.25}),
        ("risk", {"attacker": "journalist", "most": 0.25}),
        ("risk", {"attacker": "marketer", "most": 0.3}),
        ("delta_presence", {"least": 0.0, "most": 0.5}),
    ]
)


def as_asked(kind, parts, table, people):
    """The engine's criterion and the plain one the verifier reads."""
    made = {
        "k_anonymity": KAnonymity,
        "distinct_l": DistinctL,
        "entropy_l": EntropyL,
        "recursive_l": RecursiveL,
        "t_closeness": TCloseness,
        "risk": RiskThreshold,
        "delta_presence": DeltaPresence,
    }[kind]
    plain = of(kind, **parts)
    if kind in {"risk", "delta_presence"}:
        population = () if parts.get("attacker") == "prosecutor" else people
        engine = {"population": population} | parts
        if "attacker" in parts:
            engine["attacker"] = Attacker(parts["attacker"])
        return made(**engine), plain
    if kind == "k_anonymity":
        return made(**parts), plain
    engine = {"column": "s0"} | parts
    plain["column"] = "s0"
    if "distance" in parts:
        engine["distance"] = Distance(parts["distance"])
        plain["order"] = list(table.sensitive[0].values)
        if parts["distance"] == "equal":
            del plain["order"]
    return made(**engine), plain


def publish(table, recoding):
    """The rows of the published table: labels, then the sensitive value."""
    sensitive = table.sensitive[0]
    return [
        (*(labels[number] for labels in recoding.labels), sensitive.values[code])
        for number, code in zip(recoding.classes.tolist(), sensitive.codes.tolist(), strict=True)
        if number != SUPPRESSED
    ]


@pytest.mark.slow
@given(
    table=tables(sensitive=1),
    asked=st.lists(kinds, min_size=1, max_size=2),
    method=st.sampled_from(list(Method)),
    suppression=st.sampled_from([0.0, 0.3]),
)
def test_what_the_engine_publishes_is_borne_out(table, asked, method, suppression):
    people = tuple(column.codes.repeat(OUTSIDE) for column in table.quasi)
    engine, plain = zip(*(as_asked(*one, table, people) for one in asked), strict=True)
    try:
        recoding = anonymise(table, Question(engine, method, suppression), compiled=False)
    except NotAnonymousError:
        assume(False)
    rows = publish(table, recoding)
    quasi = tuple(column.name for column in table.quasi)
    trees = {c.name: tuple(zip(*c.hierarchy.labels, strict=True)) for c in table.quasi}
    everybody = [
        tuple(c.hierarchy.leaves[code] for c, code in zip(table.quasi, person, strict=True))
        for person in zip(*(codes.tolist() for codes in people), strict=True)
    ]
    claim = Claim(
        columns=(*quasi, "s0"),
        quasi=quasi,
        sensitive=("s0",),
        criteria=plain,
        received=table.rows,
        suppressed=table.rows - len(rows),
        suppression=str(suppression),
        population=Population(batches_of(quasi, everybody), trees),
    )

    verdict = verify(batches_of(claim.columns, rows), claim)

    assert () == verdict.faults
    assert recoding.class_count == verdict.classes
    assert verdict.risks[1].greatest <= Fraction(1, 2)

"""A governed cohort query against the same query on the bare engine, on NAFLD-sized data.

Governed: the path in process: the agreement's policy and use ledger, the shipped rule pack with its
receipts (once before the query and once before the release), evidence committed to disk, disclosure
control, and differencing against 100 earlier releases. The visit's token and the partners' gate
answer from memory, so their few reads of the database are not in the time. Bare: the same question,
built with Ibis and run on DuckDB over the same loaded tables, with nothing around it. Both are
asked in turn, so that both meet the same load. A second line compares with a statement written
beforehand: what a bare engine costs somebody who has the SQL at hand.
"""

import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]

from lib.lab_data import codebook_of, make_tables  # noqa: E402
from lib.lab_world import Provider  # noqa: E402
from tidegate.lab.model import RunState  # noqa: E402
from tidegate.lab.query import model as q  # noqa: E402
from tidegate.lab.visits.admission import Admission  # noqa: E402
from tidegate.lab.visits.publishing import Publishing  # noqa: E402
from tidegate.lab.visits.service import LabService  # noqa: E402

PEOPLE, LABS, RELEASES, ROUNDS = 17_549, 45, 100, 40
BANDS = (30, 40, 50, 60, 70, 80)
TESTS = ("chol", "hdl", "sbp")


def question(number: int) -> q.CohortCount:
    """Return the cohort query of a round: each differs, none is answered from a memory."""
    event = ("htn", "mi", "nafld")[number % 3]
    test = TESTS[number // 3 % 3]
    cohort = q.All(
        (
            q.Has("events", q.Compare("event", q.Comparison.EQ, event)),
            q.Has("person", q.Compare("age", q.Comparison.GE, 20 + number % 17)),
            q.PickedIs(
                q.Picked(
                    "labs", q.End.LAST, "days", "value", q.Compare("test", q.Comparison.EQ, test)
                ),
                q.Compare("value", q.Comparison.GE, 16 + number),
            ),
        )
    )
    return q.CohortCount(cohort, q.Grouping(q.ColumnOf("person", "age"), BANDS))


def bare(codebook: object, query: q.CohortCount) -> str:
    """Build the query as a count of people by group, as SQL of the bare engine."""
    import ibis

    from tidegate.lab.query.compiler import PERSON_INDEX, build

    people = build(query, codebook)
    counted = people.group_by("g0").agg(n=people[PERSON_INDEX].nunique())
    return str(ibis.to_sql(counted, dialect="duckdb", pretty=False))


def timed(work: Callable[[], object]) -> float:
    """Return the milliseconds a call takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def main() -> None:
    """Run the bench and write var/bench/lab.json."""
    with tempfile.TemporaryDirectory() as home:
        tables = make_tables(people=PEOPLE, labs=LABS)
        provider = Provider(Path(home), {"ver_one": tables}, seconds=60)
        govern(provider)
        codebook = codebook_of(tables)
        session = provider.open.open("ver_one").session
        seed_releases(provider)
        governed, plain, written, released = [], [], [], 0
        for number in range(ROUNDS):
            query = question(number)

            def ask_bare(query: q.CohortCount = query) -> None:
                session.cursor().execute(bare(codebook, query)).fetchall()

            def ask_governed(query: q.CohortCount = query) -> None:
                nonlocal released
                released += provider.ask(query).state is RunState.RELEASED

            statement = bare(codebook, query)
            plain.append(timed(ask_bare))
            governed.append(timed(ask_governed))
            written.append(timed(lambda s=statement: session.cursor().execute(s).fetchall()))
        if released != ROUNDS:
            sys.exit(f"Only {released} of {ROUNDS} queries were released; nothing was measured.")
        write(governed, plain, written)
        provider.open.forget("ver_one", "done")
        provider.ground.close()


def govern(provider: Provider) -> None:
    """Put the real agreement ledger, rule pack and assessment around the lab."""
    from rooms.connector.assessment.test_service import FACULTY, HOSPITAL, PERSON, World
    from tidegate.access.model import Seat
    from tidegate.connector.transfer.model import Visit
    from tidegate.policy.service import PolicyService
    from unit.policy.policies import agreement, story_policy

    ground, world = provider.ground, World(provider.ground)
    world.seats[FACULTY] = Seat.CN_OTHER
    world.gate["mech"] = {"kind": "none", "valid": False, "in_scope": False}
    terms = story_policy(max_uses=1000, seats=("CN-OTHER",))
    policies = PolicyService(ground.journal, ground.clock, self_did=HOSPITAL)
    with ground.journal.write(by="system:bench", did="query.received", to="query:a") as tx:
        signed = policies.record_agreement(tx, agreement(policy=terms))

    class Transfers:
        def is_running(self, *_about: object) -> bool:
            return True

        def visit_for_token(self, _token: str) -> Visit:
            return Visit("tp_1", signed.id, "ds_liver", "ver_one", FACULTY, PERSON)

    class Gate:
        def check(self, *_about: object, **_now: object) -> object:
            return world.facts()

        def check_within(self, *_about: object) -> None:
            world.facts()

    admission = Admission(policies, Gate(), world.service, world.seats.get, ground.clock)
    publishing = Publishing(ground.journal, ground.clock, admission, provider.open)
    provider.lab = LabService(
        ground.journal,
        ground.clock,
        ground.ids,
        transfers=Transfers(),
        admission=admission,
        versions=provider.open,
        publishing=publishing,
    )


def seed_releases(provider: Provider) -> None:
    """Put a hundred earlier releases into the ledger, as different as real ones are."""
    import numpy as np

    from tidegate.lab.disclosure.model import FamilyKind, family_of
    from tidegate.lab.visits import store
    from tidegate.lab.visits.ledger import close_families

    opened = provider.open.open("ver_one")
    provider.ask(question(0))
    run = provider.lab.list_runs()[0]
    draw = np.random.default_rng(5)
    with provider.ground.journal.write(by="system:bench", did="query.received", to="query:b") as tx:
        for _ in range(RELEASES):
            size = int(draw.integers(2000, PEOPLE))
            index = draw.choice(PEOPLE, size=size, replace=False)
            codes = draw.integers(0, 6, size)
            family = family_of(FamilyKind.CELLS, codes, PEOPLE, index)
            sealed = close_families(opened.seal, run.id, (family,))
            store.add_family(tx.connection, run, sealed)


def write(governed: list[float], plain: list[float], written: list[float]) -> None:
    """Write the medians; the first rounds warm both sides."""
    ours, peer, sql = (statistics.median(times[5:]) for times in (governed, plain, written))
    lines = [
        line("governed cohort query / the same query in Ibis on bare DuckDB", ours, peer, 1.5),
        line("governed cohort query / a prepared statement on bare DuckDB", ours, sql, None),
    ]
    target = ROOT / "var" / "bench" / "lab.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(lines, indent=1) + "\n")
    print(json.dumps(lines, indent=1))


def line(measure: str, ours: float, peer: float, goal: float | None) -> dict[str, object]:
    """Return one line of the bench's report."""
    ratio = round(ours / peer, 3)
    return {
        "measure": measure,
        "ours": round(ours, 2),
        "peer": round(peer, 2),
        "ratio": ratio,
        "unit": "ms",
        "goal": goal,
        "met": None if goal is None else ratio <= goal,
    }


if __name__ == "__main__":
    main()

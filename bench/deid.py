"""De-identification of tables against its peers, in CPU seconds and in what is lost.

Every run is a process of its own on files that all read alike; compiling and reading are not
counted. anjana and pycanon run in an environment made from `requirements/bench-deid.txt`; the
prototypes where `DEID_PROTOTYPES` (or ../shared/prototypes/deid) has them; ARX where `ARX_JAR`
names its jar. `--quick` takes small tables, for which no goal is set; `--full` adds two and twenty
million rows. A ratio is ours over the peer's, so a goal of a sixtieth means sixty times less.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "bench")]

from deid_work import evaluator, peers, tables  # noqa: E402

HOME = ROOT / "var" / "bench" / "deid"
K, SHARE = 10, 0.02

Row = dict[str, object]


class Bench:
    """The rows that were measured, and the runs that several rows share."""

    def __init__(self, rows: int, *, is_quick: bool) -> None:
        self.rows, self.lines, self.is_quick = rows, list[Row](), is_quick
        self._ran: dict[str, dict[str, float]] = {}
        self.python = peers.environment(HOME)

    def ours(self, family: str, rows: int, method: str, **more: object) -> dict[str, float]:
        """Anonymise with ours and score what was published."""
        name = "_".join([family, str(rows), method, *(f"{n}{v}" for n, v in more.items())])
        if name not in self._ran:
            path, quasi = tables.write(HOME, family, rows)
            rows = int(path.stem.split("_")[1])
            output = HOME / f"out_{name}.csv"
            task = {"work": "anonymise", "folder": HOME, "path": path, "family": family}
            found = peers.ours(
                **task, quasi=",".join(quasi), method=method, k=K, output=output, **more
            )
            self._ran[name] = found | evaluator.judge(HOME, family, output, quasi, rows)
            print(name, self._ran[name], flush=True)
        return self._ran[name]

    def anjana(self, family: str, rows: int) -> dict[str, float]:
        """Anonymise with anjana and score its output."""
        name = f"{family}_{rows}_anjana"
        if name not in self._ran:
            path, quasi = tables.write(HOME, family, rows)
            rows, output = int(path.stem.split("_")[1]), HOME / f"out_{name}.csv"
            script = peers.HERE / "peer_anjana.py"
            given = [HOME, path, family, ",".join(quasi), K, SHARE, output]
            found = json.loads(peers.run([self.python, script, *given]))
            self._ran[name] = found | evaluator.judge(HOME, family, output, quasi, rows)
            print(name, self._ran[name], flush=True)
        return self._ran[name]

    def say(self, measure: str, ours: float, peer: float, unit: str, goal: float | None) -> None:
        """Keep one row."""
        ratio = ours / peer if peer else 0.0
        goal = None if self.is_quick else goal
        met = None if goal is None else bool(ratio <= goal)
        figures = {"ours": round(ours, 4), "peer": round(peer, 4), "ratio": round(ratio, 4)}
        self.lines.append({"measure": measure, **figures, "unit": unit, "goal": goal, "met": met})
        print(json.dumps(self.lines[-1]), flush=True)


def full_domain(bench: Bench) -> None:
    """Measure the proven optimum against anjana, the prototype and ARX."""
    rows = bench.rows
    own = bench.ours("regional", rows, "full_domain", suppression=SHARE)
    other = bench.anjana("regional", rows)
    bench.say(f"full-domain optimum {rows} / anjana", own["cpu"], other["cpu"], "CPU-s", 0.0167)
    bench.say("  mean NCP / anjana's", own["ncp"], other["ncp"], "NCP", None)
    path, quasi = tables.write(HOME, "regional", rows)
    folder = peers.prototypes(HOME, path, quasi, rows)
    if folder:
        theirs = peers.prototype(folder, "lat2.py", "clin", rows, K, SHARE, "geo")
        bench.say("  / the prototype's search", own["cpu"], theirs["cpu"], "CPU-s", 1.0)
    spent = peers.arx(HOME, path, quasi, K, SHARE)
    if spent is not None:
        bench.say("  / ARX's optimal search", own["cpu"], spent, "CPU-s", None)


def local(bench: Bench) -> None:
    """Measure local recoding against Mondrian, anjana and the prototype, on labels alone.

    The goals stand against the best of the prototype's Mondrian, and there are none where it is
    not; our own preview loses less than it, and its rows have no goal.
    """
    rows = bench.rows
    own, quick = (bench.ours("regional", rows, m, labels=1) for m in ("local", "preview"))
    other = bench.anjana("regional", rows)
    path, quasi = tables.write(HOME, "regional", rows)
    folder = peers.prototypes(HOME, path, quasi, rows)
    measure = f"local recoding {rows}: NCP / our own Mondrian's"
    bench.say(measure, own["ncp"], quick["ncp"], "NCP", None)
    bench.say("  CPU / anjana", own["cpu"], other["cpu"], "CPU-s", 0.025)
    if folder:
        bench.say(
            "  NCP / the prototype's Mondrian", own["ncp"], _mondrian(folder, rows), "NCP", 0.71
        )
        theirs = peers.prototype(folder, "peel.py", "clin", rows, K, "mean", 0.01)
        bench.say("  CPU / the prototype's peeling", own["cpu"], theirs["cpu"], "CPU-s", 1.0)
        bench.say("  NCP / the prototype's peeling", own["ncp"], theirs["ncp"], "NCP", 1.0)
    for more, given in (({"l": 3}, (3,)), ({"t": 0.4}, (0, 0.4))):
        name = "with " + " ".join(f"{letter} = {bound}" for letter, bound in more.items())
        mine, cut = (
            bench.ours("regional", rows, m, labels=1, **more) for m in ("local", "preview")
        )
        bench.say(f"local {name}: NCP / our own Mondrian's", mine["ncp"], cut["ncp"], "NCP", None)
        if folder:
            theirs = _mondrian(folder, rows, *given)
            bench.say("  NCP / the prototype's Mondrian", mine["ncp"], theirs, "NCP", 0.8)
        bench.say("  CPU / plain local", mine["cpu"], own["cpu"], "CPU-s", 2.0)
    tight, cut = (bench.ours("regional", rows, method) for method in ("local", "preview"))
    bench.say("with intervals: local NCP / our Mondrian's", tight["ncp"], cut["ncp"], "NCP", None)


def _mondrian(folder: Path, rows: int, *more: float) -> float:
    """Return the mean penalty of the prototype's Mondrian, the best of its ways to choose."""
    return peers.prototype(folder, "mond.py", "clin", rows, K, "labels", *more)["ncp"]


def families(bench: Bench) -> None:
    """Measure the two other families."""
    for family, rows in (("cohort", 0), ("wide", bench.rows // 10)):
        own, quick = (bench.ours(family, rows, method) for method in ("local", "preview"))
        bench.say(f"{family}: local NCP / Mondrian's", own["ncp"], quick["ncp"], "NCP", None)
        other = bench.anjana(family, rows)
        bench.say("  NCP / anjana's", own["ncp"], other["ncp"], "NCP", None)
        bench.say("  CPU / anjana", own["cpu"], other["cpu"], "CPU-s", None)


def verification(bench: Bench) -> None:
    """Measure k, l, entropy-l and t of a published table against pycanon."""
    bench.ours("regional", bench.rows, "full_domain", suppression=SHARE)
    path = HOME / f"out_regional_{bench.rows}_full_domain_suppression{SHARE}.csv"
    names = ",".join(tables.REGIONAL)
    script, sensitive = peers.HERE / "peer_pycanon.py", tables.SENSITIVE["regional"]
    own = peers.ours(work="verify", path=path, quasi=names, sensitive=sensitive, rows=bench.rows)
    other = json.loads(peers.run([bench.python, script, path, names, sensitive]))
    print("verify", own, other, flush=True)
    same = [float(own[name]) for name in "kl"] == [other[name] for name in "kl"]
    if not same:
        sys.exit(f"The verifier and pycanon disagree: {own} and {other}; nothing was measured.")
    measure = f"verify k, l, entropy-l, t of {bench.rows}, reading included / pycanon"
    bench.say(measure, own["cpu"], other["cpu"], "CPU-s", 0.00345)


def millions(bench: Bench) -> None:
    """Measure two million rows against a tenth of them, and twenty million as a stream.

    Twenty million are read from Parquet and published as Parquet; the independent verifier counts
    the published file in a process of its own.
    """
    small = bench.ours("regional", 200_000, "local", labels=1)
    large = bench.ours("regional", 2_000_000, "local", labels=1)
    bench.say("2,000,000 rows local / 200,000", large["cpu"], small["cpu"], "CPU-s", 6.0)
    bench.say("  peak memory / 1 GiB", large["mib"], 1024, "MiB", 1.0)
    rows, output = 20_000_000, HOME / "out_stream.parquet"
    path = tables.write_large(HOME, rows)
    task = {"work": "stream", "k": K, "method": "local", "folder": HOME}
    stream = peers.ours(**task, path=path, output=output)
    print("stream", stream, flush=True)
    names = ",".join(tables.REGIONAL)
    claim = {"quasi": names, "sensitive": tables.SENSITIVE["regional"], "rows": rows}
    verified = peers.ours(work="verify", path=output, times=1, **claim)
    print("verified", verified, flush=True)
    measure = "20,000,000 rows local, reading included / 2,000,000"
    bench.say(measure, stream["cpu"], large["cpu"], "CPU-s", None)
    bench.say("  peak memory / 1 GiB", stream["mib"], 1024, "MiB", None)
    bench.say("  mean NCP / 2,000,000", stream["ncp"], large["ncp"], "NCP", None)
    bench.say("  k asked / smallest class verified", K, verified["smallest"], "records", 1.0)
    bench.say(
        "  CPU of the verifier / 2,000,000 local", verified["cpu"], large["cpu"], "CPU-s", None
    )
    bench.say("  peak memory of the verifier / 1 GiB", verified["mib"], 1024, "MiB", None)


def main() -> int:
    """Run the bench, write var/bench/deid.json; return 1 if a goal was missed."""
    is_quick, is_full = "--quick" in sys.argv[1:], "--full" in sys.argv[1:]
    HOME.mkdir(parents=True, exist_ok=True)
    bench = Bench(10_000 if is_quick else 200_000, is_quick=is_quick)
    steps: list[Callable[[Bench], None]] = [full_domain, local, families, verification]
    for step in [*steps, millions] if is_full else steps:
        step(bench)
    text = json.dumps(bench.lines, indent=1)
    (HOME.parent / "deid.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(any(line["met"] is False for line in bench.lines))


if __name__ == "__main__":
    sys.exit(main())

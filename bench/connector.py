"""Tidegate beside Eclipse EDC, in one run: start, memory, negotiation, catalogue, many at once.

`python bench/connector.py [starts] [negotiations] [catalogues]` writes var/bench/connector.json;
QUICK=1 makes a small run that only shows that everything works. Both are taken as they come: no
tuning, the same machine, one after the other, identity by the same mock tokens, state in memory for
EDC's negotiations (its fastest) and in PostgreSQL for its catalogue; ours is always on disk with
evidence and fsync. Requests per core are counted by the processor time of the server, so that what
else the machine does counts for neither; both are asked for a while first, until what they do after
offering is done and the compilers of Java have seen the request many times.
"""

import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

import httpx

import catalogue  # the bench beside this one

ROOT = Path(__file__).parents[1]
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # nodes run compiled, as jars and wheels are
sys.path[:0] = [str(ROOT / one) for one in ("src", "tests", "interop")]

from sqlalchemy.engine import make_url  # noqa: E402

from lib.postgres import running_postgres  # noqa: E402 - after the path is set
from tidegate import __version__  # noqa: E402
from tidegate_interop.assembly import Assembly, assemble  # noqa: E402
from tidegate_interop.management import Management, offers_of, wait_until  # noqa: E402
from tidegate_interop.node import Node  # noqa: E402
from tidegate_interop.process import Edc, free_ports, resident_mb  # noqa: E402

QUICK = bool(os.environ.get("QUICK"))
STARTS = 1 if QUICK else 3
OUR_RUNS, EDC_RUNS = (10, 3) if QUICK else (60, 20)
FEW, MANY = (5, 20) if QUICK else (20, 200)
DATASETS = 100 if QUICK else 1000
LARGE = 300 if QUICK else 10_000
WARM_SECONDS, ASKED_SECONDS = (2.0, 3.0) if QUICK else (20.0, 15.0)
FLAT_PAGE = 100
LOOK_SECONDS, LOOK_AT_ALL_SECONDS = 0.01, 0.25  # looking costs the nodes too
IDLE_SECONDS, REST_SECONDS = 5.0, 300.0
TICKS = os.sysconf("SC_CLK_TCK")
Row = dict[str, object]


@contextmanager
def two_nodes(folder: Path) -> Iterator[tuple[Node, Node]]:
    """Yield a provider and a consumer of ours that know each other."""
    with ExitStack() as stack:
        pair = Node(folder / "provider"), Node(folder / "consumer")
        for one in pair:
            stack.callback(one.stop)
            one.start()
        provider, consumer = pair
        provider.knows({consumer.did: consumer.dsp})
        consumer.knows({provider.did: provider.dsp})
        consumer.harvest(quote(provider.did, safe=""))
        yield pair


@contextmanager
def two_edcs(folder: Path, made: Assembly) -> Iterator[tuple[Edc, Edc]]:
    """Yield a provider and a consumer EDC; the provider offers one asset."""
    with ExitStack() as stack:
        pair = (
            Edc("provider", folder / "p", made.memory),
            Edc("consumer", folder / "c", made.memory),
        )
        for one in pair:
            stack.callback(one.stop)
            one.start()
        Management(pair[0].at("management")).offer("open", "http://localhost:9/data")
        yield pair


# --- start and memory


def starts(folder: Path, made: Assembly) -> list[Row]:
    """Start each some times; measure seconds to ready and memory at rest."""
    ours, theirs = Node(folder / "start"), Edc("bench", folder / "start-edc", made.memory)
    ours.start()  # makes the home, once
    ours.stop()
    seconds: dict[str, list[float]] = {"ours": [], "edc": []}
    memory: dict[str, float] = {}
    for _ in range(STARTS):
        for name, one in (("ours", ours), ("edc", theirs)):
            seconds[name].append(one.start())
            time.sleep(IDLE_SECONDS)
            assert one.process is not None
            memory[name] = resident_mb(one.process.pid)
            one.stop()
    began, beside = (statistics.median(seconds[name]) for name in ("ours", "edc"))
    return [
        row("start to ready", began, beside, "s", "10x faster", beside / began >= 10),
        row(
            "idle memory",
            memory["ours"],
            memory["edc"],
            "MB",
            "a quarter",
            memory["ours"] * 4 <= memory["edc"],
        ),
    ]


# --- one negotiation


def timed(run: Callable[[], object], times: int) -> list[float]:
    """Return the milliseconds of each run."""
    found = []
    for _ in range(times):
        began = time.perf_counter()
        run()
        found.append((time.perf_counter() - began) * 1000)
    return found


def negotiate_ours(provider: Node, consumer: Node) -> Callable[[], object]:
    """Return what negotiates once between two nodes of ours."""
    client, other = consumer.client().connector, provider.client().connector

    def run() -> None:
        pid = client.request(provider.did, "open").pid
        done = until_final(lambda: client.get_negotiation(pid).negotiation.state)
        there = client.get_negotiation(pid).negotiation.peer_pid
        until_final(lambda: other.get_negotiation(there).negotiation.state)
        if done != "FINALIZED":
            raise RuntimeError(done)

    return run


def negotiate_edc(provider: Edc, consumer: Edc) -> Callable[[], object]:
    """Return what negotiates once between two EDCs."""
    at, there = Management(consumer.at("management")), Management(provider.at("management"))
    offer = offers_of(at.catalog(provider.dsp, "provider"), "open")[0]

    def run() -> None:
        asked = at.negotiate(provider.dsp, "provider", "open", offer)
        done = until_final(lambda: at.negotiation(asked)["state"])
        mirror = at.negotiation(asked)["correlationId"]
        until_final(lambda: there.negotiation(mirror)["state"])
        if done != "FINALIZED":
            raise RuntimeError(done)

    return run


def until_final(state: Callable[[], str], seconds: float = 120.0) -> str:
    """Return the final state; look every ten milliseconds."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = state()
        if found in {"FINALIZED", "TERMINATED"}:
            return found
        time.sleep(LOOK_SECONDS)
    raise TimeoutError("a negotiation did not end")


# --- many at once


def at_once(ask: Callable[[], str], states: Callable[[], dict[str, str]], count: int) -> Row:
    """Ask for many negotiations together; return seconds, and what became of them."""
    began = time.perf_counter()
    asked: list[str] = []
    lock = threading.Lock()

    def several(share: int) -> None:
        for _ in range(share):
            pid = ask()
            with lock:
                asked.append(pid)

    threads = [threading.Thread(target=several, args=(count // 4,)) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

    def all_final() -> bool:
        found = states()
        return all(found.get(pid) in {"FINALIZED", "TERMINATED"} for pid in asked)

    wait_until(all_final, f"the end of {count} negotiations", 600, LOOK_AT_ALL_SECONDS)
    found = states()
    good = sum(found[pid] == "FINALIZED" for pid in asked)
    return {
        "seconds": time.perf_counter() - began,
        "good": good,
        "asked": len(set(asked)),
        "pids": frozenset(asked),
    }


def crowd_ours(provider: Node, consumer: Node, count: int) -> Row:
    """Ask for many between two nodes of ours; count the agreements at the provider too."""
    client, other = consumer.client().connector, provider.client().connector
    told = at_once(
        lambda: client.request(provider.did, "open").pid,
        lambda: {one.pid: one.state for one in _ours_at(client)},
        count,
    )
    wait_until(
        lambda: all(one.is_final for one in _ours_at(other)), "the provider's end", seconds=60
    )
    pids = told.pop("pids")
    # The newest two hundred are listed: no crowd is larger.
    there = [one.agreement_id for one in _ours_at(other) if one.peer_pid in pids]
    return told | {"there": len(there) if len(there) == len(set(there)) else -1}


def _ours_at(client: object) -> tuple[object, ...]:
    return client.list_negotiations()


def crowd_edc(provider: Edc, consumer: Edc, count: int) -> Row:
    """Ask for many between two EDCs."""
    at, there = Management(consumer.at("management")), Management(provider.at("management"))
    offer = offers_of(at.catalog(provider.dsp, "provider"), "open")[0]
    before = len(there.negotiations())
    told = at_once(
        lambda: at.negotiate(provider.dsp, "provider", "open", offer),
        lambda: {str(one["@id"]): str(one["state"]) for one in at.negotiations()},
        count,
    )
    told.pop("pids")
    return told | {"there": len(there.negotiations()) - before}


# --- the catalogue


def serve_pages(url: str, token: str, pid: int, page: int) -> tuple[float, int]:
    """Ask for pages; return requests for each second of the server's processor, and datasets."""
    query = {"@type": "QuerySpec", "offset": 0, "limit": page, "sortOrder": "ASC"}
    message = {
        "@context": [
            "https://w3id.org/dspace/2025/1/context.jsonld",
            "https://w3id.org/edc/dspace/v0.0.1",
        ],
        "@type": "CatalogRequestMessage",
        "filter": [query | {"filterExpression": []}],
    }
    with httpx.Client(headers={"Authorization": token}, timeout=300) as client:

        def ask(seconds: float) -> tuple[int, int]:
            """Ask so long; return how many answers came, and the datasets of the smallest."""
            until, answers, least = time.monotonic() + seconds, 0, page
            while time.monotonic() < until or not answers:
                answer = client.post(f"{url}/catalog/request", json=message)
                answer.raise_for_status()
                answers, least = answers + 1, min(least, len(answer.json()["dataset"]))
            return answers, least

        ask(WARM_SECONDS)
        before = processor_seconds(pid)
        answers, found = ask(ASKED_SECONDS)
        used = processor_seconds(pid) - before
    return answers / max(used, 1 / TICKS), found


def wait_for_rest(pid: int) -> None:
    """Return once a server does nothing more on its own: what offering left behind is done."""

    def rests() -> bool:
        before = processor_seconds(pid)
        time.sleep(1)
        return processor_seconds(pid) - before < 0.1

    wait_until(rests, "a server at rest", REST_SECONDS)


def processor_seconds(pid: int) -> float:
    """Return the processor time of a process and its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def our_pages(folder: Path, count: int, pages: tuple[int, ...]) -> list[tuple[float, int]]:
    """Serve pages from a node of ours with so many datasets under research policies."""
    node = Node(folder / f"catalogue-{count}", more=count)
    try:
        node.start()
        node.knows({"reader": "http://localhost:9"})
        token = json.dumps({"region": "any", "audience": node.did, "clientId": "reader"})
        assert node.process is not None
        wait_for_rest(node.process.pid)
        return [serve_pages(node.dsp, token, node.process.pid, page) for page in pages]
    finally:
        node.stop()


def edc_pages(
    folder: Path, made: Assembly, count: int, pages: tuple[int, ...]
) -> list[tuple[float, int]]:
    """Serve pages from an EDC on PostgreSQL with so many assets under a policy."""
    with running_postgres() as url:
        parts = make_url(url)
        database = f"jdbc:postgresql://{parts.host}:{parts.port}/{parts.database}"
        told = (database, parts.username or "", "")
        edc = Edc("bench", folder / "pages", made.sql, database=told)
        try:
            edc.start()
            at = Management(edc.at("management"))
            at.offer_all([f"cohort-{n:05}" for n in range(count)], "http://localhost:9/data")
            token = json.dumps({"region": "any", "audience": edc.dsp, "clientId": "reader"})
            assert edc.process is not None
            wait_for_rest(edc.process.pid)
            return [serve_pages(edc.dsp, token, edc.process.pid, page) for page in pages]
        finally:
            edc.stop()


def catalogues(folder: Path, made: Assembly) -> list[Row]:
    """Compare pages of all datasets, and of fifty; and ours with ten times as many."""
    rows, pages = [], (DATASETS, 50)
    ours = our_pages(folder, DATASETS, pages)
    theirs = edc_pages(folder, made, DATASETS, pages)
    for page, (mine, found), (other, there) in zip(pages, ours, theirs, strict=True):
        if found < page or there < page:
            raise RuntimeError(f"pages of {found} and {there} datasets, not {page}")
        name = f"catalogue requests/s per core, {page} of {DATASETS} datasets"
        rows.append(row(name, mine, other, "1/s", "10x", mine >= 10 * other))
    small, large = (page_cost(folder, count) for count in (DATASETS, LARGE))
    name = f"ours: a page of {FLAT_PAGE} with {LARGE} datasets, beside {DATASETS}"
    rows.append(row(name, large, small, "ms", "flat (1.3x)", large <= 1.3 * small))
    return rows


def page_cost(folder: Path, count: int) -> float:
    """Return the milliseconds of processor a page costs a node of ours with so many datasets."""
    home, (port,) = folder / f"flat-{count}", free_ports(1)
    catalogue.make_home(home, port, count)
    command = [sys.executable, str(ROOT / "bench" / "catalogue.py"), "serve", str(home)]
    with catalogue.serving(command, port) as pid:
        rate, _, _ = catalogue.measure(pid, port, FLAT_PAGE)
    return 1000 / rate


def row(measure: str, ours: float, peer: float, unit: str, goal: str, met: object) -> Row:
    """Return one line of the report."""
    return {
        "measure": measure,
        "ours": round(ours, 3),
        "peer": round(peer, 3),
        "ratio": round(ours / peer, 3) if peer else None,
        "unit": unit,
        "goal": goal,
        "met": bool(met),
    }


def percentile(values: list[float], share: float) -> float:
    """Return the value that this share of all stays under."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def negotiations(folder: Path, made: Assembly) -> list[Row]:
    """Measure one negotiation at a time, then many at once."""
    with two_nodes(folder / "nodes") as pair:
        run = negotiate_ours(*pair)
        timed(run, 3)
        ours = timed(run, OUR_RUNS)
        few, many = (crowd_ours(*pair, count) for count in (FEW, MANY))
    with two_edcs(folder / "edcs", made) as beside:
        run = negotiate_edc(*beside)
        timed(run, 1)
        theirs = timed(run, EDC_RUNS)
        edc_few, edc_many = (crowd_edc(*beside, count) for count in (FEW, MANY))
    p50, p95 = statistics.median(ours), percentile(ours, 0.95)
    their_p50, their_p95 = statistics.median(theirs), percentile(theirs, 0.95)
    each, each_of_few = (one["seconds"] / one["asked"] * 1000 for one in (many, few))
    edc_each = edc_many["seconds"] / edc_many["asked"] * 1000
    whole = many["good"] == many["asked"] == many["there"] == MANY
    print(f"EDC of {MANY} at once: {edc_many}, of {FEW}: {edc_few}; ours: {many}, {few}")
    return [
        row("offer to FINALIZED, p50", p50, their_p50, "ms", "10x faster", p50 * 10 <= their_p50),
        row("offer to FINALIZED, p95", p95, their_p95, "ms", "under 300 ms", p95 < 300),
        row(f"{MANY} at once, ms each", each, edc_each, "ms", "none stuck, lost, double", whole),
        row(
            f"{MANY} at once beside {FEW}, ms each (both ours)",
            each,
            each_of_few,
            "ms",
            "linear or better",
            each <= each_of_few * 1.1,
        ),
    ]


PARTS = {"starts": starts, "negotiations": negotiations, "catalogues": catalogues}


def main() -> int:
    """Measure, print, write; exit 1 where a goal was missed."""
    made = assemble()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # what it started ends with it
    print(f"Tidegate {__version__} beside {made.words}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        wanted = [PARTS[name] for name in sys.argv[1:]] or list(PARTS.values())
        for part in wanted:
            for one in part(Path(folder), made):
                rows.append(one | {"peer_version": made.words})
                print({k: v for k, v in one.items() if k != "peer_version"}, flush=True)
    target = ROOT / "var" / "bench" / "connector.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(one["met"] for one in rows) else 1


if __name__ == "__main__":
    sys.exit(main())

"""One measured run of ours in a process of its own: a task as JSON in, figures as JSON out.

CPU seconds of the whole process from codes to published labels. Loops are compiled beforehand on a
small table of the same shape; reading the file is outside, as it is for every peer.
"""

import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1] / "src"), str(HERE.parent)]

import numpy as np  # noqa: E402
import pyarrow as pa  # noqa: E402
import pyarrow.csv as pa_csv  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from deid_work import tables  # noqa: E402
from tidegate.deid.tables import engine, streaming  # noqa: E402
from tidegate.deid.tables.model import (  # noqa: E402
    DistinctL,
    Hierarchy,
    KAnonymity,
    Method,
    QuasiColumn,
    Question,
    SensitiveColumn,
    TableInput,
    TCloseness,
)
from tidegate.deid.tables.recoded import Recoded  # noqa: E402


def hierarchy_of(folder: Path, family: str, name: str, *, is_plain: bool) -> Hierarchy:
    """Read the peers' hierarchy into taxonomy order; a plain one publishes no intervals."""
    text = (folder / "h" / f"{family}_{name}.csv").read_text(encoding="utf-8")
    lines = tables.in_order([line.split(";") for line in text.splitlines()])
    levels = tuple(zip(*lines, strict=True))
    return Hierarchy(name, levels, ordered=name in tables.ORDERED and not is_plain)


def read(
    folder: Path, path: Path, family: str, quasi: tuple[str, ...], *, is_plain: bool
) -> TableInput:
    """Read a table into leaves."""
    pa.set_cpu_count(1)
    coded = pa.dictionary(pa.int32(), pa.string())
    sensitive = tables.SENSITIVE[family]
    types = dict.fromkeys((*quasi, sensitive), coded)
    read = pa_csv.read_csv(
        path,
        parse_options=pa_csv.ParseOptions(delimiter=";"),
        convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=False),
    ).unify_dictionaries()
    columns = []
    for name in quasi:
        shape = hierarchy_of(folder, family, name, is_plain=is_plain)
        place = {leaf: at for at, leaf in enumerate(shape.leaves)}
        columns.append(QuasiColumn(name, _codes(read[name], place), shape))
    values = tuple(sorted(read[sensitive].chunk(0).dictionary.to_pylist()))
    place = {value: at for at, value in enumerate(values)}
    held = SensitiveColumn(sensitive, _codes(read[sensitive], place), values)
    return TableInput(tuple(columns), (held,))


def _codes(column: pa.ChunkedArray, place: dict[str, int]) -> np.ndarray:
    parts = [
        np.array([place[text] for text in chunk.dictionary.to_pylist()], np.int32)[
            chunk.indices.to_numpy()
        ]
        for chunk in column.chunks
    ]
    return np.concatenate(parts)


def first_of(table: TableInput, rows: int) -> TableInput:
    """Return the first rows of a table."""
    return TableInput(
        tuple(
            QuasiColumn(one.name, one.codes[:rows], one.hierarchy, one.weight)
            for one in table.quasi
        ),
        tuple(
            SensitiveColumn(one.name, one.codes[:rows], one.values, one.hierarchy)
            for one in table.sensitive
        ),
    )


def question_of(task: dict[str, object], sensitive: str) -> Question:
    """Read what is asked."""
    criteria: list[object] = [KAnonymity(int(str(task["k"])))]
    if "l" in task:
        criteria.append(DistinctL(sensitive, float(str(task["l"]))))
    if "t" in task:
        criteria.append(TCloseness(sensitive, float(str(task["t"]))))
    share = float(str(task.get("suppression", 0.0)))
    return Question(tuple(criteria), Method(str(task["method"])), share)  # type: ignore[arg-type]


def publish(table: TableInput, answer: object, path: Path) -> None:
    """Write the published file: labels of the class, and the sensitive value."""
    kept = np.flatnonzero(answer.classes >= 0)  # type: ignore[attr-defined]
    classes = answer.classes[kept]  # type: ignore[attr-defined]
    columns = {
        column.name: pa.DictionaryArray.from_arrays(classes, list(labels)).cast(pa.string())
        for column, labels in zip(table.quasi, answer.labels, strict=True)  # type: ignore[attr-defined]
    }
    held = table.sensitive[0]
    own = pa.DictionaryArray.from_arrays(held.codes[kept], list(held.values))
    options = pa_csv.WriteOptions(delimiter=";", quoting_style="none")
    written = pa.table(columns | {held.name: own.cast(pa.string())})
    pa_csv.write_csv(written, path, write_options=options)


def anonymise(task: dict[str, object]) -> dict[str, object]:
    """Measure one run of the engine."""
    folder, path = Path(str(task["folder"])), Path(str(task["path"]))
    family, quasi = str(task["family"]), tuple(str(task["quasi"]).split(","))
    table = read(folder, path, family, quasi, is_plain="labels" in task)
    question = question_of(task, table.sensitive[0].name)
    engine.anonymise(first_of(table, 3000), question, compiled=True)
    start = time.process_time()
    answer = engine.anonymise(table, question, compiled=True)
    spent = time.process_time() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    publish(table, answer, Path(str(task["output"])))
    return {"cpu": spent, "mib": peak, "levels": answer.levels, "proven": answer.proven}


def verify(task: dict[str, object]) -> dict[str, object]:
    """Measure the independent verifier on a published file, reading it included."""
    from tidegate.deid.verifier.model import Claim
    from tidegate.deid.verifier.service import verify as count_again

    path, sensitive = Path(str(task["path"])), str(task["sensitive"])
    quasi = tuple(str(task["quasi"]).split(","))
    criteria = (
        {"criterion": "k_anonymity", "k": 1},
        {"criterion": "distinct_l", "column": sensitive, "l": 1},
        {"criterion": "entropy_l", "column": sensitive, "l": 1},
        {"criterion": "t_closeness", "column": sensitive, "t": 1, "distance": "equal"},
    )
    rows = int(str(task["rows"]))
    claim = Claim(
        (*quasi, sensitive), quasi, criteria, rows, 0, sensitive=(sensitive,), delimiter=";"
    )
    spent = []
    for _ in range(int(str(task.get("times", 3)))):
        start = time.process_time()
        verdict = count_again(path, claim)
        spent.append(time.process_time() - start)
    names = ("k", "l", "entropy_l", "t")
    reached = {name: one.achieved for name, one in zip(names, verdict.criteria, strict=True)}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    more = {"mib": peak, "classes": verdict.classes, "smallest": verdict.smallest}
    return {"cpu": min(spent)} | more | reached


def stream(task: dict[str, object]) -> dict[str, object]:
    """Measure a table of many millions: read from Parquet in batches, recoded, written as Parquet.

    Reading and writing are counted apart. What was published is for `verify` to count.
    """
    home, path, output = (Path(str(task[name])) for name in ("folder", "path", "output"))
    none, quasi = np.zeros(0, np.int32), tables.REGIONAL
    shapes = {name: hierarchy_of(home, "regional", name, is_plain=True) for name in quasi}
    values = tuple(f"D{at:03d}" for at in range(220))
    empty = TableInput(
        tuple(QuasiColumn(name, none, shape) for name, shape in shapes.items()),
        (SensitiveColumn("diagnosis", none, values),),
    )
    places = {name: {leaf: at for at, leaf in enumerate(s.leaves)} for name, s in shapes.items()}
    places["diagnosis"] = {value: at for at, value in enumerate(values)}
    reading = [0.0]

    def batches(rows: int = sys.maxsize) -> Iterator[tuple[np.ndarray, ...]]:
        with pq.ParquetFile(path) as file:
            read = file.iter_batches(500_000, use_threads=False)
            while rows > 0:
                start = time.process_time()
                batch = next(read, None)
                if batch is None:
                    return
                own = pa.table(batch.slice(0, rows))
                codes = tuple(_codes(own[name], place) for name, place in places.items())
                rows -= own.num_rows
                reading[0] += time.process_time() - start
                yield codes

    question = question_of(task, "diagnosis")
    with tempfile.TemporaryDirectory(dir=home) as folder:
        first = list(next(batches(3000)))
        small = [replace(one, codes=codes) for one, codes in zip(empty.quasi, first, strict=False)]
        value = replace(empty.sensitive[0], codes=first[-1])
        engine.anonymise(TableInput(tuple(small), (value,)), question, compiled=True)
        reading[0], start = 0.0, time.process_time()
        answer = streaming.anonymise(streaming.Stream(empty, batches), question, Path(folder))
        spent = time.process_time() - start
        ncp, start = float(answer.losses().mean()), time.process_time()
        _write_stream(answer, batches(), quasi, values, output)
        written = time.process_time() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return {"cpu": spent, "reading": reading[0], "writing": written, "mib": peak, "ncp": ncp}


def _write_stream(
    answer: Recoded,
    received: Iterator[tuple[np.ndarray, ...]],
    quasi: tuple[str, ...],
    values: tuple[str, ...],
    path: Path,
) -> None:
    """Write the published labels with the sensitive values, batch by batch."""
    coded = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, coded) for name in (*quasi, "diagnosis")])
    held = np.concatenate([batch[-1].astype(np.uint8) for batch in received])
    done = 0
    with pq.ParquetWriter(path, schema) as file:
        for at, texts in answer.batches(500_000):
            own = held[done : done + len(at)].astype(np.int32)
            done += len(at)
            columns = [pa.DictionaryArray.from_arrays(at, list(one)) for one in texts]
            columns = [one.cast(pa.string()).dictionary_encode() for one in columns]
            columns.append(pa.DictionaryArray.from_arrays(own, list(values)))
            file.write_table(pa.table(columns, schema=schema))


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    work = {"anonymise": anonymise, "verify": verify, "stream": stream}[asked["work"]]
    print(json.dumps(work(asked)))

"""Small made-up tables shaped like the liver cohort, with their codebook."""

import random

import pyarrow as pa

from tidegate.catalogue.model import Category, Codebook, Column, ColumnRole, Table

TESTS = ("chol", "hdl", "sbp")
EVENTS = ("htn", "mi", "nafld")


def make_tables(people=200, seed=1, labs=6):
    """Return {table: [rows]} for so many people."""
    draw = random.Random(seed)
    person, labtable, events = [], [], []
    for number in range(1, people + 1):
        age = draw.randint(20, 89)
        end = draw.randint(30, 4000)
        person.append(
            {
                "id": number,
                "age": age,
                "male": draw.randint(0, 1),
                "weight": draw.choice([None, round(draw.uniform(45, 120), 1)]),
                "site": draw.choice(["east", "west", "north"]),
                "futime": end,
                "status": int(draw.random() < 0.3),
            }
        )
        for _ in range(draw.randint(0, labs)):
            value = draw.choice([None, draw.randint(30, 200) / 2])
            labtable.append(
                {
                    "id": number,
                    "days": draw.randint(-300, 3000),
                    "test": draw.choice(TESTS),
                    "value": value,
                }
            )
        events += [
            {"id": number, "days": draw.randint(-300, 3000), "event": event}
            for event in EVENTS
            if draw.random() < 0.3
        ]
    return {"person": person, "labs": labtable, "events": events}


def codebook_of(tables):
    """Describe the tables as the commons would."""
    return Codebook(
        (
            _table(tables, "person", "id", {"age", "male", "futime", "status"}, {"weight"}),
            _table(tables, "labs", "id", {"days"}, {"value"}),
            _table(tables, "events", "id", {"days"}, set()),
        )
    )


def _table(tables, name, key, whole, numbers):
    rows = tables[name]
    columns = []
    for column in rows[0]:
        values = [row[column] for row in rows if row[column] is not None]
        is_number = column in whole | numbers | {key}
        columns.append(
            Column(
                column,
                "integer" if column in whole | {key} else "number" if is_number else "string",
                ColumnRole.PERSON_KEY if column == key else ColumnRole.OTHER,
                missing=len(rows) - len(values),
                distinct=len(set(values)),
                minimum=str(min(values)) if is_number else None,
                maximum=str(max(values)) if is_number else None,
                categories=()
                if is_number
                else tuple(Category(v, values.count(v)) for v in sorted(set(values))),
            )
        )
    return Table(name, len(rows), tuple(columns), key)


def arrow(tables):
    """Return the tables as Arrow tables."""
    types = {
        "id": pa.int64(),
        "age": pa.int64(),
        "male": pa.int64(),
        "weight": pa.float64(),
        "site": pa.string(),
        "futime": pa.int64(),
        "status": pa.int64(),
        "days": pa.int64(),
        "test": pa.string(),
        "value": pa.float64(),
        "event": pa.string(),
    }
    return {
        name: pa.table(
            {column: pa.array([row[column] for row in rows], types[column]) for column in rows[0]}
        )
        for name, rows in tables.items()
    }

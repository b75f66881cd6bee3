"""What the researcher asks: four queries in the lab's query language."""

from typing import Any

EVERYONE: dict[str, Any] = {"kind": "everyone"}
WITH_NAFLD: dict[str, Any] = {
    "kind": "has",
    "table": "nafld3",
    "where": {"kind": "compare", "column": "event", "op": "eq", "value": "nafld"},
}
DIED: dict[str, Any] = {
    "kind": "has",
    "table": "nafld1",
    "where": {"kind": "compare", "column": "status", "op": "eq", "value": 1},
}


def column(name: str) -> dict[str, Any]:
    """Return a column of the table of people as a grouping."""
    return {"of": {"kind": "column", "table": "nafld1", "column": name}}


def whether(condition: dict[str, Any]) -> dict[str, Any]:
    """Return yes or no as a grouping."""
    return {"of": {"kind": "whether", "condition": condition}}


HOW_MANY: dict[str, Any] = {"kind": "count", "cohort": WITH_NAFLD}

BY_SEX: dict[str, Any] = {
    "kind": "cross_table",
    "cohort": EVERYONE,
    "rows": column("male"),
    "columns": whether(WITH_NAFLD),
}

SURVIVAL: dict[str, Any] = {
    "kind": "kaplan_meier",
    "cohort": EVERYONE,
    "time": {"kind": "column", "table": "nafld1", "column": "futime"},
    "event": {"kind": "when", "condition": DIED},
    "by": whether(WITH_NAFLD),
    "every": 180,
}

TOO_FEW: dict[str, Any] = {
    "kind": "count",
    "cohort": {
        "kind": "and",
        "parts": [
            {
                "kind": "has",
                "table": "nafld3",
                "where": {
                    "kind": "compare",
                    "column": "event",
                    "op": "eq",
                    "value": "cardiac arrest",
                },
            },
            {
                "kind": "has",
                "table": "nafld1",
                "where": {"kind": "compare", "column": "age", "op": "lt", "value": 30},
            },
        ],
    },
}

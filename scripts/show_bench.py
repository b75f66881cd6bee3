"""Print what the benches measured: a table from var/bench/*.json."""

import json
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parents[1] / "var" / "bench"
HEAD = ("measure", "ours", "peer", "unit", "ratio", "goal", "met")


def main() -> int:
    """Print the table; return 1 if nothing was measured."""
    files = sorted(FOLDER.glob("*.json"))
    rows = [(path.stem, row) for path in files for row in json.loads(path.read_text("utf-8"))]
    if not rows:
        print("Nothing is measured yet; run `make bench`.")
        return 1
    for room in dict.fromkeys(room for room, _ in rows):
        print(f"\n{room}")
        _print_table([HEAD, *(_cells(row) for of, row in rows if of == room)])
    missed = [row["measure"] for _, row in rows if row["met"] is False]
    print(f"\n{len(rows)} measures, {len(missed)} short of their goal.")
    return 0


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    return tuple(_word(row.get(name)) for name in HEAD)


def _word(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "NO"
    if isinstance(value, int | float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return "—" if value is None else str(value)


def _print_table(rows: list[tuple[str, ...]]) -> None:
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    for row in rows:
        first = row[0].ljust(widths[0])
        rest = (cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True))
        print("  " + "  ".join((first, *rest)))


if __name__ == "__main__":
    sys.exit(main())

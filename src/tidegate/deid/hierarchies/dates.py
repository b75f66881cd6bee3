"""Hierarchies of dates: day, third of a month, month, quarter, year, five and ten years."""

import re
from calendar import monthrange
from datetime import date

from tidegate.deid.hierarchies.model import Branch, Counts, Grower
from tidegate.kernel.values import dataclass

DEPTH = 7
_ENOUGH = 95
_WRITTEN = re.compile(
    r"(?P<year>\d{4})(?:(?P<sep>[-/.])(?P<month>\d{1,2})(?:(?P=sep)(?P<day>\d{1,2}))?"
    r"|(?P<cmonth>)年(?:(?P<m>\d{1,2})月(?:(?P<d>\d{1,2})日?)?)?"
    r"|(?P<pm>\d{2})(?P<pd>\d{2}))?(?P<time>[T ]\d{1,2}:\d{2}\S*)?"
)


@dataclass(frozen=True, slots=True)
class Moment:
    """A date as precise as it was written: without day, or without month and day."""

    year: int
    month: int = 0
    day: int = 0
    time: str = ""


def moment(value: str) -> Moment | None:
    """Read `2024-03-05`, `2024/3/5`, `20240305`, `2024年3月5日`, `2024-03` or `2024`, or None."""
    match = _WRITTEN.fullmatch(value.strip())
    if match is None:
        return None
    month = int(match["month"] or match["m"] or match["pm"] or 0)
    day = int(match["day"] or match["d"] or match["pd"] or 0)
    read = Moment(int(match["year"]), month, day, match["time"] or "")
    if match["time"] and not day:
        return None
    try:
        date(read.year, read.month or 1, read.day or 1)
    except ValueError:
        return None
    is_written = match["month"] is None or int(match["month"]) > 0
    return read if is_written else None


def are_dates(counts: Counts) -> bool:
    """Tell whether nearly all values that are there are dates with a month."""
    there = {value: count for value, count in counts.items() if value.strip()}
    read = sum(count for value, count in there.items() if (found := moment(value)) and found.month)
    return bool(there) and read * 100 >= sum(there.values()) * _ENOUGH


def grow_dates(counts: Counts) -> Grower:
    """Grow the calendar from the precision of the least precise date in the column."""
    read = [found for value in counts if (found := moment(value)) is not None]
    start = max((_precision(one) for one in read), default=0)

    def grow(value: str) -> Branch | None:
        found = moment(value)
        if found is None:
            return None
        labels = _labels(found)
        usable = tuple(labels[max(level, start)] for level in range(DEPTH))
        return Branch(found, usable, (found.year, found.month, found.day, found.time))

    return grow


def _precision(found: Moment) -> int:
    """Return the first level that a date of this precision can name."""
    return 0 if found.day else 2 if found.month else 4


def _labels(found: Moment) -> tuple[str, ...]:
    year, month, day = found.year, found.month or 1, found.day or 1
    first = min((day - 1) // 10, 2) * 10 + 1
    last = first + 9 if first < 21 else monthrange(year, month)[1]
    head = f"{year:04d}-{month:02d}"
    return (
        f"{head}-{day:02d}",
        f"{head}-{first:02d}/{head}-{last:02d}",
        head,
        f"{year:04d}-Q{(month + 2) // 3}",
        f"{year:04d}",
        _years(year, 5),
        _years(year, 10),
    )


def _years(year: int, width: int) -> str:
    low = year - year % width
    return f"{low:04d}/{low + width - 1:04d}"

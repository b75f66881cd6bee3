"""Hierarchies of numbers: learned bands with round cuts near the quantiles, and ages."""

from bisect import bisect_right
from collections.abc import Iterator
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, Decimal, InvalidOperation
from itertools import accumulate
from math import isfinite

from tidegate.deid.hierarchies.model import Branch, Counts, Grower
from tidegate.kernel.values import dataclass

LEARNED_DEPTH = 5
AGE_DEPTH = 4
_LEAST = 11
_COMMON = 11
"""A value of at least so many records is not rare."""
_STEPS = 500
_SHARE = 50
_FINEST = 12
_LARGEST_EXPONENT = 18
_OLDEST = 150
_AGE_BANDS = (1, 5, 10, 20)


def number(value: str) -> Decimal | None:
    """Read a plain decimal number; None for anything else, NaN and infinities among it."""
    try:
        read = Decimal(value.strip())
    except InvalidOperation:
        return None
    if not read.is_finite() or abs(read.adjusted()) > _LARGEST_EXPONENT:
        return None
    return read if read else Decimal(0)


def share_of_numbers(counts: Counts) -> float:
    """Return the share of records, of those with a value, whose value looks like a number."""
    there = [(value, count) for value, count in counts.items() if value.strip()]
    total = sum(count for _, count in there)
    return sum(count for value, count in there if _looks_numeric(value)) / total if total else 0.0


def _looks_numeric(value: str) -> bool:
    try:
        return isfinite(float(value))
    except ValueError:
        return False


def plain(value: Decimal) -> str:
    """Write a number without exponent and without trailing zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- learned


@dataclass(frozen=True, slots=True)
class _Band:
    """All values from `low` (None: from below) to under `high` (None: and above)."""

    low: Decimal | None
    high: Decimal | None


def learn_bands(counts: Counts) -> Grower:
    """Learn nested bands from how often each number stands in the column.

    Every band is cut at the roundest number (of the series 1, 2, 5) within the middle third of its
    records, as long as both halves keep enough records; so bands are narrow where records are
    many, and a cut or a label tells of no single value. The outer bands are open.

    Where most values are rare, the leaves are rounded values, and those few records farthest out
    share one leaf at either end: an interval of leaves is published, and its ends would tell them.
    """
    known = {value: read for value in counts if (read := number(value)) is not None}
    exact: dict[Decimal, int] = {}
    for value, read in known.items():
        exact[read] = exact.get(read, 0) + counts[value]
    grid = _learn_grid(exact)
    leaves = {read: grid.leaf(read) for read in exact}
    sizes: dict[Decimal, int] = {}
    for read, (point, _) in leaves.items():
        sizes[point] = sizes.get(point, 0) + exact[read]
    labels = _labels(sizes)

    def grow(value: str) -> Branch | None:
        read = known.get(value)
        if read is None:
            return None
        point, text = leaves[read]
        return Branch(point, labels[point], (point,), text)

    return grow


def _labels(sizes: dict[Decimal, int]) -> dict[Decimal, tuple[str, ...]]:
    """Return the labels of every leaf's number, finest first."""
    points = sorted(sizes)
    digits = max((-_exponent(point) for point in points), default=0)
    running = list(accumulate(sizes[point] for point in points))
    total = running[-1] if running else 0
    levels = _Cuts(points, running, max(_LEAST, total // _SHARE)).levels()
    return {
        point: tuple(_label(_band_of(point, level), digits) for level in reversed(levels))
        for point in points
    }


@dataclass(frozen=True, slots=True)
class _Grid:
    """How values become leaves: rounded to a step (0: not), and pooled beyond both ends."""

    step: Decimal = Decimal(0)
    low: Decimal | None = None
    high: Decimal | None = None

    def leaf(self, read: Decimal) -> tuple[Decimal, str]:
        """Return the leaf's number, and its text if that is not the value as it was written."""
        point = self.rounded(read)
        if self.low is not None and point <= self.low:
            return self.low, f"<={plain(self.low)}"
        if self.high is not None and point >= self.high:
            return self.high, f"{plain(self.high)}+"
        return point, plain(point) if self.step else ""

    def rounded(self, read: Decimal) -> Decimal:
        """Return the nearest multiple of the step."""
        if not self.step:
            return read
        return (read / self.step).to_integral_value(ROUND_HALF_EVEN) * self.step + 0


def _learn_grid(sizes: dict[Decimal, int]) -> _Grid:
    total = sum(sizes.values())
    if not sizes or len(sizes) * _COMMON <= total:
        step = Decimal(0)
    else:
        points = sorted(sizes)
        finest = Decimal(1).scaleb(-min(max(-_exponent(point) for point in points), _FINEST))
        low, high = _quantile(points, sizes, 1), _quantile(points, sizes, 99)
        wanted = max((high - low) / _STEPS, finest)
        step = min(s for s in _steps(wanted.adjusted() + 1, 3) if s >= wanted)
    rounding = _Grid(step)
    held: dict[Decimal, int] = {}
    for read, count in sizes.items():
        point = rounding.rounded(read)
        held[point] = held.get(point, 0) + count
    if total < 4 * _COMMON:
        return rounding
    ends = sorted(held)
    return _Grid(step, _pooled(ends, held), _pooled(ends[::-1], held))


def _quantile(points: list[Decimal], sizes: dict[Decimal, int], share: int) -> Decimal:
    total, before = sum(sizes.values()), 0
    for point in points:
        before += sizes[point]
        if before * 100 >= total * share:
            return point
    return points[-1]


def _pooled(ends: list[Decimal], held: dict[Decimal, int]) -> Decimal | None:
    """Return the innermost value that is pooled at one end, None if the end itself is frequent."""
    gathered = 0
    for place, point in enumerate(ends):
        gathered += held[point]
        if gathered >= _COMMON:
            return point if place else None
    return None


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return min(exponent, 0) if isinstance(exponent, int) else 0


def _band_of(value: Decimal, cuts: tuple[Decimal, ...]) -> _Band:
    place = bisect_right(cuts, value)
    return _Band(cuts[place - 1] if place else None, cuts[place] if place < len(cuts) else None)


def _label(band: _Band, digits: int) -> str:
    step = Decimal(1).scaleb(-digits)
    if band.low is None:
        return "any" if band.high is None else f"<{plain(band.high)}"
    if band.high is None:
        return f"{plain(band.low)}+"
    return interval(band.low, band.high - step)


def interval(low: Decimal, high: Decimal) -> str:
    """Write a band with both ends in it: `60-64`, or `-5 to -1` where a sign would confuse."""
    if low == high:
        return plain(low)
    return f"{plain(low)}-{plain(high)}" if low >= 0 else f"{plain(low)} to {plain(high)}"


@dataclass(frozen=True, slots=True)
class _Cuts:
    points: list[Decimal]
    running: list[int]
    least: int

    def levels(self) -> list[tuple[Decimal, ...]]:
        """Return the cuts of each level, coarsest first; each level has those before it too."""
        found: list[tuple[Decimal, ...]] = []
        spans = [(0, len(self.points))]
        for _ in range(LEARNED_DEPTH):
            halves: list[tuple[int, int]] = []
            new: list[Decimal] = []
            for span in spans:
                cut = self._cut(*span)
                if cut is None:
                    halves.append(span)
                    continue
                middle = self._first_from(cut)
                halves += [(span[0], middle), (middle, span[1])]
                new.append(cut)
            found.append(tuple(sorted({*(found[-1] if found else ()), *new})))
            spans = halves
        return found

    def _first_from(self, cut: Decimal) -> int:
        """Return the place of the first point that is not under the cut."""
        place = bisect_right(self.points, cut)
        return place - 1 if place and self.points[place - 1] == cut else place

    def _weight(self, first: int, last: int) -> int:
        before = self.running[first - 1] if first else 0
        return (self.running[last - 1] - before) if last > first else 0

    def _cut(self, first: int, last: int) -> Decimal | None:
        total = self._weight(first, last)
        if last - first < 2 or total < 2 * self.least:
            return None
        before = self.running[first - 1] if first else 0
        places = [
            min(max(bisect_right(self.running, before + total * share // 100), first), last - 1)
            for share in (33, 50, 67)
        ]
        low, middle, high = (self.points[place] for place in places)
        tried = [roundest(low, high, middle)] if low < high else []
        if places[0] > first:  # a value so frequent that it fills the middle: cut beside it
            tried.append(roundest(self.points[places[0] - 1], low, low))
        if places[2] + 1 < last:
            after = self.points[places[2] + 1]
            tried.append(roundest(high, after, after))
        for cut in tried:
            place = self._first_from(cut)
            if min(self._weight(first, place), self._weight(place, last)) >= self.least:
                return cut
        return None


def roundest(above: Decimal, up_to: Decimal, near: Decimal) -> Decimal:
    """Return the roundest number over `above` and not over `up_to`, the one next to `near`."""
    for step in _steps(max(above.adjusted(), up_to.adjusted()) + 1, 2 * _LARGEST_EXPONENT):
        last = (up_to / step).to_integral_value(ROUND_FLOOR) * step
        if last > above:
            wanted = (near / step).to_integral_value(ROUND_FLOOR) * step
            fits = [c for c in (wanted, wanted + step, last) if above < c <= up_to]
            return min(fits, key=lambda cut: (abs(cut - near), cut))
    return up_to


def _steps(power: int, decades: int) -> Iterator[Decimal]:
    """Yield the series 5, 2, 1, coarsest first."""
    for exponent in range(power, power - decades, -1):
        for first in (5, 2, 1):
            yield Decimal(first).scaleb(exponent)


# --- ages


def grow_ages(top: int) -> Grower:
    """Grow bands of 5, 10 and 20 years; ages above `top` (0: none) are one leaf, such as `90+`."""

    def grow(value: str) -> Branch | None:
        read = number(value)
        if read is None or not 0 <= read <= _OLDEST:
            return None
        age = int(read)
        if top and age > top:
            labels = tuple(_years(top + 1, width, top) for width in _AGE_BANDS)
            return Branch("top", labels, (Decimal(top + 1),), f"{top + 1}+")
        return Branch(read, tuple(_years(age, width, top) for width in _AGE_BANDS), (read,))

    return grow


def _years(age: int, width: int, top: int) -> str:
    low = age - age % width
    high = low + width - 1
    if top and high > top:
        return f"{low}+"
    return str(low) if width == 1 else f"{low}-{high}"

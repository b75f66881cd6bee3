"""Generalisation ladders: from the exact value, by coarser steps, to nothing at all.

A number or a date becomes the lower bound of its band, so that `age >= 60` keeps its meaning; the
two ends are closed (top and bottom coding) until at least k records share them. A category climbs
through the recipe's groups. The last step of every ladder is an empty value.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import ROUND_FLOOR, Decimal
from math import log

from tidegate.deid.model import ColumnRule
from tidegate.kernel.values import dataclass

Value = str | None
_FEW = 5
_DATE_STEPS = (("month", 1), ("year", 12), ("five years", 60), ("ten years", 120))


@dataclass(frozen=True, slots=True)
class Step:
    """One level: what each distinct value becomes, and how much is lost (0 nothing, 1 all)."""

    mapping: Mapping[Value, Value]
    loss: float
    description: str


Ladder = tuple[Step, ...]


def build_ladder(rule: ColumnRule, column_type: str, counts: Counter[Value], k: int) -> Ladder:
    """Return the levels of one quasi-identifier, finest first."""
    if column_type in {"integer", "number"} and (len(counts) > _FEW or rule.widths):
        steps = _number_steps(rule, counts, k)
    elif column_type == "date":
        steps = [_banded(counts, k, _month_floor(n), name) for name, n in _DATE_STEPS]
    else:
        steps = [_grouped(counts, rule.groups, n) for n in range(len(rule.groups) + 1)]
    nothing: Step = Step(dict.fromkeys(counts), 1.0, "emptied")
    return (*steps, nothing)


def _number_steps(rule: ColumnRule, counts: Counter[Value], k: int) -> list[Step]:
    known = [Decimal(value) for value in counts if value is not None]
    widths = [Decimal(width) for width in rule.widths] or _widths(max(known) - min(known))
    exact = _banded(counts, k, lambda value: value, "exact")
    return [exact] + [_banded(counts, k, _floor_to(w), f"bands of {w}") for w in widths]


def _widths(span: Decimal) -> list[Decimal]:
    """Return band widths in a 1-2-5 series from about a fortieth of the span to half of it."""
    if span <= 0:
        return []
    power = span.adjusted() - 2
    series = [Decimal(m).scaleb(p) for p in range(power, power + 4) for m in (1, 2, 5)]
    return [width for width in series if span / 40 <= width <= span / 2]


def _floor_to(width: Decimal) -> Callable[[str], str]:
    def band(value: str) -> str:
        low = (Decimal(value) / width).to_integral_value(ROUND_FLOOR) * width
        return format(low.normalize(), "f") if low else "0"

    return band


def _month_floor(months: int) -> Callable[[str], str]:
    def band(value: str) -> str:
        number = int(value[:4]) * 12 + int(value[5:7]) - 1
        number -= number % months
        return f"{number // 12:04d}-{number % 12 + 1:02d}-01"

    return band


def _banded(counts: Counter[Value], k: int, band: Callable[[str], str], description: str) -> Step:
    known = {value: band(value) for value in counts if value is not None}
    sizes: Counter[str] = Counter()
    for value, name in known.items():
        sizes[name] += counts[value]
    ordered = sorted(sizes, key=_order)
    low, high = _closed_end(ordered, sizes, k), _closed_end(ordered[::-1], sizes, k)
    if ordered and _order(low) > _order(high):
        low = high = ordered[0]
    mapping: dict[Value, Value] = {
        value: min(max(name, low, key=_order), high, key=_order) for value, name in known.items()
    }
    mapping |= {None: None} if None in counts else {}
    words = f"{description}, {low} and below, {high} and above" if ordered else description
    return Step(mapping, _loss(mapping), words)


def _order(value: str) -> tuple[int, Decimal, str]:
    is_date = value[4:5] == "-" and value[7:8] == "-"
    return (1, Decimal(0), value) if is_date else (0, Decimal(value), "")


def _closed_end(ordered: list[str], sizes: Counter[str], k: int) -> str:
    """Return the first band from one end at which at least k records have gathered."""
    gathered = 0
    for name in ordered:
        gathered += sizes[name]
        if gathered >= k:
            return name
    return ordered[-1] if ordered else ""


def _grouped(
    counts: Counter[Value], groups: tuple[tuple[tuple[str, str], ...], ...], level: int
) -> Step:
    mapping: dict[Value, Value] = {value: value for value in counts}
    for group in groups[:level]:
        names = dict(group)
        mapping = {value: None if now is None else names.get(now) for value, now in mapping.items()}
    return Step(mapping, _loss(mapping), f"grouped {level} times" if level else "exact")


def _loss(mapping: Mapping[Value, Value]) -> float:
    before, after = len(mapping), len(set(mapping.values()))
    return 0.0 if before <= 1 else 1.0 - log(after) / log(before) if after > 1 else 0.99

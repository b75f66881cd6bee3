"""Hierarchies of codes by prefix and range: ICD-10 and ATC. Structure only, no licensed texts."""

import re
from collections.abc import Callable
from functools import cache

from tidegate.deid.hierarchies.model import Branch, Counts
from tidegate.deid.hierarchies.words import load

ICD10_DEPTH = 3
ATC_DEPTH = 4
_ICD10 = re.compile(r"([A-Z][0-9][0-9A-Z])\.?([0-9A-Z]{0,4})[+*†]?", re.IGNORECASE)
_ATC = re.compile(r"[A-DGHJLMNPRSV](?:[0-9]{2}(?:[A-Z](?:[A-Z](?:[0-9]{2})?)?)?)?", re.IGNORECASE)
_ATC_CUTS = (5, 4, 3, 1)
_MOST = 0.9
_CATEGORY = 3


@cache
def _chapters() -> tuple[tuple[str, str, tuple[tuple[str, str], ...]], ...]:
    return tuple(
        (*_ends(span), tuple(_ends(block) for block in blocks.split()))
        for span, blocks in load("icd10")["chapters"].values()
    )


def _ends(span: str) -> tuple[str, str]:
    low, _, high = span.partition("-")
    return low, high


def grow_icd10(value: str) -> Branch | None:
    """Place an ICD-10 code: category `I21.-`, block `I20-I25`, chapter `I00-I99`."""
    match = _ICD10.fullmatch(value.strip())
    if match is None:
        return None
    category, rest = match[1].upper(), match[2].upper()
    for low, high, blocks in _chapters():
        if low <= category <= high:
            block = next((b for b in blocks if b[0] <= category <= b[1]), (low, high))
            labels = (f"{category}.-", "-".join(block), f"{low}-{high}")
            return Branch((category, rest), labels, (category, rest))
    return None


def grow_atc(value: str) -> Branch | None:
    """Place an ATC code by its levels of 5, 4, 3 and 1 characters: `C10AA-`, … `C-`."""
    code = value.strip().upper()
    if _ATC.fullmatch(code) is None:
        return None
    return Branch(code, tuple(f"{code[:cut]}-" for cut in _ATC_CUTS), (code,))


def are_icd10(counts: Counts) -> bool:
    """Tell whether nearly all values that are there are ICD-10 codes."""
    return _share(counts, lambda value: grow_icd10(value) is not None) >= _MOST


def are_atc(counts: Counts) -> bool:
    """Tell whether nearly all values are ATC codes, most of them long enough to be nothing else."""
    return (
        _share(counts, lambda value: grow_atc(value) is not None) >= _MOST
        and _share(counts, lambda value: len(value.strip()) > _CATEGORY) >= _MOST / 2
    )


def _share(counts: Counts, holds: Callable[[str], bool]) -> float:
    there = {value: count for value, count in counts.items() if value.strip()}
    return sum(count for value, count in there.items() if holds(value)) / sum(there.values())

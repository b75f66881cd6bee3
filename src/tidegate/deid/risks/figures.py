r"""Prosecutor, journalist and marketer risk, as exact fractions.

El Emam and Dankar 2008 (Protecting privacy using k-anonymity, JAMIA 15:627-637); the names of the
figures are those of El Emam 2013 (Guide to the De-Identification of Personal Health Information,
chapter 16). With f_j records in class j of n records in J classes, and F_j people of the population
whom the class may be about:

| attacker | knows | greatest | mean | share at risk |
|---|---|---|---|---|
| prosecutor | the person is in the table | 1 / min f_j | J / n | records with 1/f_j > τ, over n |
| journalist | a population | 1 / min F_j | max(J / ΣF_j, Σ (f_j/F_j) / n) | with 1/F_j > τ |
| marketer | a population, names everybody | - | Σ (f_j/F_j) / n | - |

Where no population is known, the records stand for it: F_j ≥ f_j, so the two are overstated, never
understated.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from tidegate.kernel.values import dataclass

REGULATORS = Fraction(1, 11)
"""The greatest risk of public release that EMA policy 0070 and Health Canada's PRCI guidance name:
0.09, which they read as classes of at least 11; as a fraction, so that 11 is within and 10 is not.
"""


@dataclass(frozen=True, slots=True)
class AttackerRisk:
    """One attacker's risk: of the worst record, of the mean record, and who is above a bound."""

    greatest: Fraction
    mean: Fraction
    at_risk: Fraction
    """The share of records whose risk is above the threshold."""


@dataclass(frozen=True, slots=True)
class Risks:
    """The three attackers' risks of one published table."""

    records: int
    classes: int
    threshold: Fraction
    prosecutor: AttackerRisk
    journalist: AttackerRisk
    marketer: Fraction
    population_known: bool


def measure_risks(
    sizes: Iterable[int],
    people: Sequence[int] | None = None,
    threshold: Fraction = REGULATORS,
) -> Risks:
    """Return the risks of classes of these sizes; `people` are their F_j, in the same order.

    A table without a record puts nobody at risk. Raises ValueError if a class has more records
    than people or no record.
    """
    own = [int(size) for size in sizes]
    known = own if people is None else [int(many) for many in people]
    kinds = Counter(zip(own, known, strict=True))
    if any(not 0 < size <= many for size, many in kinds):
        raise ValueError("a class has at least one record, and no more records than people")
    records, classes = sum(own), len(own)
    named = _share(sum(Fraction(f * times, F) for (f, F), times in kinds.items()), records)
    spread = _share(Fraction(classes), sum(known))
    return Risks(
        records=records,
        classes=classes,
        threshold=threshold,
        prosecutor=AttackerRisk(
            _worst(own), _share(Fraction(classes), records), _above(own, own, threshold)
        ),
        journalist=AttackerRisk(_worst(known), max(spread, named), _above(own, known, threshold)),
        marketer=named,
        population_known=people is not None,
    )


def class_needed(threshold: Fraction) -> int:
    """Return the smallest class whose risk is no more than the threshold.

    Raises ValueError for a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError("a threshold of risk is above 0 and at most 1")
    return -(-threshold.denominator // threshold.numerator)


def _worst(people: Sequence[int]) -> Fraction:
    return Fraction(1, min(people)) if people else Fraction(0)


def _share(part: Fraction | int, whole: int) -> Fraction:
    return Fraction(part) / whole if whole else Fraction(0)


def _above(own: Sequence[int], people: Sequence[int], threshold: Fraction) -> Fraction:
    least = class_needed(threshold)
    exposed = sum(size for size, many in zip(own, people, strict=True) if many < least)
    return _share(exposed, sum(own))

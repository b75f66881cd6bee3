"""What is asked of a table's usefulness, and what is found."""

from tidegate.kernel.values import dataclass


@dataclass(frozen=True, slots=True)
class ColumnLoss:
    """What one quasi-identifier lost; shares, 0 nothing and 1 all."""

    name: str
    ncp: float
    entropy: float
    changed: float
    """The share of records whose exact value is no longer told."""
    error: float | None
    """Ordered numbers only: the mean distance to what is published, over the range."""


@dataclass(frozen=True, slots=True)
class Loss:
    """What a recoding lost in all."""

    ncp: float
    discernibility: int
    suppressed: int
    columns: tuple[ColumnLoss, ...]


@dataclass(frozen=True, slots=True)
class Regression:
    """A model the data's owner cares about: an outcome and what explains it, by column name.

    A numeric outcome is fitted by least squares; one of exactly two values, `event` the one that
    counts, by logistic maximum likelihood.
    """

    outcome: str
    predictors: tuple[str, ...]
    event: str = ""


@dataclass(frozen=True, slots=True)
class Survival:
    """A survival curve: days or months under `time`, `event` the value of `status` that ends it."""

    time: str
    status: str
    event: str
    by: str = ""
    """A column whose values have a curve each; empty for one curve."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A coefficient with its 95 % interval (Wald)."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class CoefficientMove:
    """One coefficient, per standard deviation of its predictor in the original, twice."""

    name: str
    before: Estimate
    after: Estimate

    @property
    def moved(self) -> float:
        """Return by how much the coefficient moved."""
        return abs(self.after.value - self.before.value)

    @property
    def overlap(self) -> float:
        """Return the mean share of the two intervals that is common (Karr et al. 2006), 0 to 1."""
        a, b = self.before, self.after
        common = min(a.high, b.high) - max(a.low, b.low)
        widths = (a.high - a.low, b.high - b.low)
        if common <= 0 or min(widths) <= 0:
            return float(a == b)
        return (common / widths[0] + common / widths[1]) / 2


@dataclass(frozen=True, slots=True)
class RegressionMove:
    """How far a model's coefficients moved; `trouble` says why it could not be told."""

    regression: Regression
    rows: tuple[int, int]
    """Complete records, before and after."""
    coefficients: tuple[CoefficientMove, ...]
    merged: int = 0
    """How many coefficients the published records do not tell from others: they share an effect."""
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class CurveMove:
    """How far one survival curve moved: the greatest vertical distance, and the medians."""

    stratum: str
    greatest: float
    median_before: float | None
    median_after: float | None


@dataclass(frozen=True, slots=True)
class SurvivalMove:
    """How far survival curves moved; `trouble` says why it could not be told."""

    survival: Survival
    rows: tuple[int, int]
    curves: tuple[CurveMove, ...]
    trouble: str = ""


@dataclass(frozen=True, slots=True)
class Utility:
    """All that was measured of a published table's usefulness."""

    loss: Loss
    regressions: tuple[RegressionMove, ...]
    survivals: tuple[SurvivalMove, ...]

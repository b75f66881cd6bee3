"""The exporter's papers for the border, and days as its regulators count them."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta, timezone

from tidegate.kernel.values import dataclass
from tidegate.partners.errors import InstrumentInvalidError
from tidegate.partners.model import ImpactAssessment, MechanismKind, TransferMechanism
from tidegate.partners.purpose import find_code

LOCAL = timezone(timedelta(hours=8))  # the Mainland, Hong Kong and Macao share it, all year


@dataclass(frozen=True, slots=True)
class WorkCalendar:
    """Days off besides weekends, and weekend days worked instead, as data handed in."""

    holidays: frozenset[date] = frozenset()
    worked_weekends: frozenset[date] = frozenset()

    def is_working(self, day: date) -> bool:
        """Tell whether offices work on that day."""
        if day in self.worked_weekends:
            return True
        return day.weekday() < 5 and day not in self.holidays

    def working_days(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and with `end`; 0 when end comes first."""
        days = (start + timedelta(days=n) for n in range(1, (end - start).days + 1))
        return sum(self.is_working(day) for day in days)


def local_day(moment: datetime) -> date:
    """Return the day it is at the exporter."""
    return moment.astimezone(LOCAL).date()


def read_day(text: str) -> date:
    """Read a day as YYYY-MM-DD; raise InstrumentInvalidError."""
    try:
        if len(text) != len("2026-01-31"):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise InstrumentInvalidError("A day is written YYYY-MM-DD, as in 2026-01-31.") from None


def check_assessment(assessment: ImpactAssessment, today: date) -> None:
    """Raise unless the impact assessment names its datasets and was done by today."""
    if not assessment.dataset_ids:
        raise InstrumentInvalidError("An impact assessment names the datasets it is about.")
    if read_day(assessment.done_on) > today:
        raise InstrumentInvalidError("An impact assessment cannot be done on a day to come.")
    if not 0 <= assessment.retention_years <= 100:
        raise InstrumentInvalidError("The years an assessment is kept are between 0 and 100.")


def check_mechanism(mechanism: TransferMechanism, today: date) -> None:
    """Raise unless the mechanism says what it covers, and was filed by today if it was filed."""
    if mechanism.kind is MechanismKind.NONE:
        raise InstrumentInvalidError("Having no mechanism is recorded by recording none.")
    if not mechanism.dataset_ids or not mechanism.purposes:
        raise InstrumentInvalidError("A transfer mechanism names its datasets and purposes.")
    if not all(find_code(purpose) for purpose in mechanism.purposes):
        raise InstrumentInvalidError("A purpose is a DUO code, as in DUO:0000006 or HMB.")
    read_day(mechanism.effective_on)
    if mechanism.filed_on is not None:
        check_filing(mechanism.filed_on, mechanism.filing_reference, today)


def check_filing(filed_on: str, reference: str, today: date) -> None:
    """Raise unless a filing has its reference and a day that has come."""
    if read_day(filed_on) > today or not reference.strip():
        raise InstrumentInvalidError("A filing has a reference and a day that has come.")


def line_of(dataset_id: str, version_id: str) -> str:
    """Name the line of the ledger that counts a dataset, or one version of it."""
    return f"{dataset_id}/{version_id}" if version_id else dataset_id


@dataclass(frozen=True, slots=True)
class Exported:
    """What was counted in a year for one recipient and one line: a dataset or a version of it."""

    dataset_id: str
    people: int
    population: int


def most_people(exports: Iterable[Exported]) -> int:
    """Return an upper bound of the distinct people exported.

    CAC Order 16, Articles 7-8, counts distinct people since 1 January, over all
    recipients. This ledger keeps counts, not identities, so it adds: within a version at most its
    population, and across versions and datasets the sum, as if nobody were in two of them. It
    never counts too few; it can count people twice.
    """
    people: dict[str, int] = {}
    population: dict[str, int] = {}
    for one in exports:
        people[one.dataset_id] = people.get(one.dataset_id, 0) + one.people
        population[one.dataset_id] = max(population.get(one.dataset_id, 0), one.population)
    return sum(min(count, population[key]) for key, count in people.items())

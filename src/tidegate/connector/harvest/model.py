"""What came of reading a peer's catalogue."""

from tidegate.kernel.values import dataclass

MOST_PAGES = 500


@dataclass(frozen=True, slots=True)
class HarvestReport:
    """The last time a peer's catalogue was read, and the last time that went well."""

    did: str
    name: str
    state: str
    """good or failed"""
    datasets: int
    unreadable: int
    started_at: str
    finished_at: str
    good_at: str = ""
    code: str = ""
    reason: str = ""

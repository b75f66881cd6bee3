"""Read reports, check a published file against one, and make their pages."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tidegate.deid.reports import documents
from tidegate.deid.reports.model import Besides, Page, Say
from tidegate.deid.reports.pages import compose
from tidegate.kernel.values import dataclass

HOLDS, WANTING, UNSURE = 0, 1, 2
_ALONE = Besides()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What an independent count of a published file found, beside its report."""

    records: int
    classes: int
    criteria: list[dict[str, Any]]
    faults: tuple[str, ...]
    unverified: tuple[str, ...]
    """Sentences about what could not be verified, and what to name so that it can."""

    @property
    def exit_code(self) -> int:
        """Return 0 if all holds, 1 if something does not, 2 if something is not known."""
        return WANTING if self.faults else UNSURE if self.unverified else HOLDS

    @property
    def verdict(self) -> str:
        """Return the verdict in words."""
        words = {HOLDS: "Everything holds.", WANTING: "It does not hold.", UNSURE: "Not all of it"}
        return words[self.exit_code] + (
            " could be verified; the rest holds." if self.exit_code == UNSURE else ""
        )

    def document(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {
            "verdict": self.verdict,
            "records": self.records,
            "classes": self.classes,
            "criteria": self.criteria,
            "faults": self.faults,
            "unverified": self.unverified,
        }


def read(text: str) -> dict[str, Any]:
    """Read a report's document. Raises ReportUnreadableError."""
    return documents.read(text)


def check_published(out: Path, text: str, besides: Besides = _ALONE) -> CheckedFile:
    """Verify a published file against its report, and the report against the file.

    Raises ReportUnreadableError, ClaimInvalidError or PublishedUnreadableError, and what reading
    the releases raises.
    """
    from tidegate.deid.reports import outside  # noqa: PLC0415 - numpy, pyarrow
    from tidegate.deid.verifier.service import verify  # noqa: PLC0415

    document = documents.read(text)
    alone = documents.claim_of(document)
    people = outside.people_of(alone, besides)
    claimed = documents.claim_of(document, people) if people is not None else alone
    verdict = verify(out, claimed.claim)
    wrong = documents.misstated(document, verdict, with_people=people is not None)
    faults = (
        *(fault.words for fault in verdict.faults),
        *(_contradicted(name) for name in wrong),
        *outside.check_releases(claimed, verdict, besides),
    )
    criteria = documents.criteria_of(verdict)
    left = outside.left_open(claimed, besides)
    return CheckedFile(verdict.records, verdict.classes, criteria, faults, left)


def _contradicted(name: str) -> str:
    return f"The report's section {name} says something else than the file, recipe or claim."


def page_of(document: Mapping[str, Any], language: str, say: Say) -> Page:
    """Return a report's page: plain words first, then figures, then the standards' headings."""
    return compose(document, language, say)


def html_of(page: Page) -> str:
    """Return a page as HTML of its own: no script, nothing from elsewhere."""
    from tidegate.deid.reports.html import render  # noqa: PLC0415 - only here

    return render(page)


def pdf_of(page: Page, font: Path | None = None) -> bytes:
    """Return a page as PDF with its font inside. Raises FontMissingError."""
    from tidegate.deid.reports.pdf import render  # noqa: PLC0415 - the library is loaded here

    return render(page, font)


def check_printable(language: str, texts: str, font: Path | None = None) -> None:
    """Raise FontMissingError if a report with these texts could not become a PDF here."""
    from tidegate.deid.reports.pdf import check  # noqa: PLC0415 - the library is loaded here

    check(language, texts, font)

"""What de-identification did to a version: its report, in words, figures and files to keep."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from starlette.responses import Response

from tidegate.catalogue.model import VersionRecord
from tidegate.deid.model import RiskReport
from tidegate.deid.reports import service as reports
from tidegate.deid.reports.model import Grid, Page, Part
from tidegate.kernel.canonical import sha256_hex
from tidegate.kernel.errors import NotFoundError
from tidegate.web.kit import Ask, page
from tidegate.web.messages import words
from tidegate.web.names import names_of


def show_report(ask: Ask) -> Response:
    """Show the report of a version: plain words first, then figures, then the standards."""
    version, report, content = _find(ask)
    return ask.page(
        "deid_report.html",
        version=version,
        listing=ask.house.catalogue.get_listing(version.dataset_id, by=ask.actor),
        report=report,
        paper=_page_of(ask, content),
        digest=sha256_hex(content),
        people=names_of(ask),
    )


def show_json(ask: Ask) -> Response:
    """Give the report as the document that its signature and the evidence name."""
    version, _, content = _find(ask)
    return _file(version, content, "json", "application/json")


def show_html(ask: Ask) -> Response:
    """Give the report with its signature as one HTML file."""
    version, report, content = _find(ask)
    text = reports.html_of(_signed(ask, report, content))
    return _file(version, text.encode(), "html", "text/html; charset=utf-8")


def show_pdf(ask: Ask) -> Response:
    """Give the report with its signature as PDF."""
    version, report, content = _find(ask)
    return _file(version, reports.pdf_of(_signed(ask, report, content)), "pdf", "application/pdf")


def _find(ask: Ask) -> tuple[VersionRecord, RiskReport, bytes]:
    """Return a version this visitor may see, its report and the report's document."""
    rooms = ask.house
    version = rooms.catalogue.get_version(ask.path["version_id"])
    seen = rooms.catalogue.list_versions_for(version.dataset_id, by=ask.actor)
    report = rooms.deidentification.find_report(version.id)
    if report is None or version.id not in {one.id for one in seen}:
        raise NotFoundError("There is no report of this version.", code="risk_report_missing")
    return version, report, rooms.deidentification.read_document(version.id)


def _page_of(ask: Ask, content: bytes) -> Page:
    document: dict[str, Any] = json.loads(content)
    return reports.page_of(document, ask.language.value, _say(ask))


def _say(ask: Ask) -> Callable[..., str]:
    return lambda key, **values: words(ask.language, key, **values)


def _signed(ask: Ask, report: RiskReport, content: bytes) -> Page:
    """Add who wrote and who signed it, and the digest by which the evidence names the document."""
    say, names = _say(ask), names_of(ask)
    author = f"{names.get(report.author, report.author)}, {report.created_at}"
    signer = f"{names.get(report.signed_by, report.signed_by)}, {report.signed_at}"
    rows = (
        (say("deid_page.version"), report.version_id),
        (say("deid_page.author"), author),
        (say("deid_page.signer"), signer if report.signed_by else say("deid_page.unsigned")),
        (say("deid_page.threshold"), report.threshold),
        (say("deid_page.digest"), sha256_hex(content)),
    )
    head = (say("deid_report.figure"), say("deid_report.value"))
    signature = Part(say("deid_page.signature"), (Grid(head, rows),))
    shown = _page_of(ask, content)
    return replace(shown, parts=(signature, *shown.parts))


def _file(version: VersionRecord, content: bytes, ending: str, media_type: str) -> Response:
    name = f'attachment; filename="risk-report-{version.id}.{ending}"'
    return Response(content, media_type=media_type, headers={"Content-Disposition": name})


PAGES = (
    page("/versions/{version_id}/risk-report", show_report),
    page("/versions/{version_id}/risk-report.json", show_json),
    page("/versions/{version_id}/risk-report.html", show_html),
    page("/versions/{version_id}/risk-report.pdf", show_pdf),
)

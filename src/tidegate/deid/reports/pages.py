"""Compose a report's page: plain words, figures, and the headings of three standards.

The headings of GB/T 42460-2023 and GB/T 39725-2020 stand as our notes have them; nobody compared
them with the texts, and the page says so. The five steps of the regulators' joint guide (APPA, June
2025) are those that a law firm's summary of it lists (Rajah & Tann Asia, AI Toolkit), not compared
with the guide's own text; that annex B computes k is from our notes.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any

from tidegate.deid.reports.errors import ReportUnreadableError
from tidegate.deid.reports.model import Grid, Page, Paragraph, Part, Say

_PUBLIC = Fraction(1, 11)
"""0.09 in EMA policy 0070 and Health Canada's guidance, which they read as classes of 11."""

_RELEASE = ("number", "versions", "people", "smallest", "k", "held_back", "merged")
_GBT_42460 = ("identifiers", "finding", "qualitative", "quantitative", "grade")
_GBT_39725 = ("deidentification", "elements")
_JOINT = ("know", "deidentify", "anonymise", "compute", "manage")


def compose(document: Mapping[str, Any], language: str, say: Say) -> Page:
    """Return the page of a report in the language of `say`.

    Raises ReportUnreadableError if the document has not what a page needs.
    """
    try:
        parts = tuple(_Composer(document, say).parts())
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise ReportUnreadableError(
            "The report lacks something that its page shows; give the file that --report wrote.",
            code="report_incomplete",
        ) from None
    return Page(say("deid_report.title"), language, parts)


class _Composer:
    """Holds the document and its words while the page is made."""

    def __init__(self, document: Mapping[str, Any], say: Say) -> None:
        self._told = document
        self._say = say
        self._recipe: Mapping[str, Any] = document["recipe"]["document"]

    def parts(self) -> Iterator[Part]:
        yield Part(self._word("plain"), tuple(self._plain()))
        yield Part(self._word("figures"), (self._counts(), self._criteria(), self._risks()))
        yield Part(self._word("columns"), (self._roles(), self._losses()))
        if self._told.get("utility"):
            yield Part(self._word("utility"), tuple(self._utility(self._told["utility"])))
        if self._told.get("attacks"):
            yield Part(self._word("attacks"), (*self._attacked(), self._attacks()))
        if self._told.get("releases"):
            yield Part(self._word("releases"), (self._releases(self._told["releases"]),))
        yield self._standard("gbt42460", _GBT_42460)
        yield self._standard("gbt39725", _GBT_39725)
        yield self._standard("joint", _JOINT)
        yield Part(self._word("origin"), (self._origin(), Paragraph(self._word("signature"))))

    def _word(self, key: str, **values: object) -> str:
        return self._say(f"deid_report.{key}", **values)

    # --- in plain words

    def _plain(self) -> Iterator[Paragraph]:
        yield Paragraph(self._word("received", **self._numbers()))
        yield Paragraph(self._word("shared", columns=self._named("quasi"), **self._numbers()))
        greatest, mean = self._risk("prosecutor")
        yield Paragraph(self._word("chance", greatest=_risk(greatest), mean=_risk(mean)))
        within = "within" if greatest <= _PUBLIC else "above"
        yield Paragraph(self._word(within))
        asked = [one for one in self._told["criteria"] if one["column"]]
        sensitive = ", ".join(dict.fromkeys(one["column"] for one in asked))
        key = "sensitive_asked" if asked else "sensitive_not_asked"
        yield Paragraph(self._word(key, columns=sensitive))
        yield Paragraph(self._word("not_zero"))
        yield Paragraph(self._word("law"))

    def _numbers(self) -> dict[str, object]:
        numbers = {
            "records": self._told["input"]["records"],
            "published": self._told["output"]["records"],
            "suppressed": self._told["suppression"]["records"],
            "classes": self._told["classes"]["count"],
            "smallest": self._told["classes"]["smallest"],
            "others": int(self._told["classes"]["smallest"]) - 1,
        }
        return {name: f"{number:,}" for name, number in numbers.items()}

    def _named(self, part: str) -> str:
        return ", ".join(self._told["claim"][part]) or "—"

    def _risk(self, attacker: str) -> tuple[Fraction, Fraction]:
        one = next(risk for risk in self._told["risks"] if risk["attacker"] == attacker)
        return Fraction(one["greatest"]), Fraction(one["mean"])

    # --- in figures

    def _counts(self) -> Grid:
        classes, left = self._told["classes"], self._told["suppression"]
        rows = (
            ("records_in", self._told["input"]["records"]),
            ("records_out", self._told["output"]["records"]),
            ("left_out", f"{left['records']:,} ({left['share']}; ≤ {left['limit']})"),
            ("classes", classes["count"]),
            ("smallest", classes["smallest"]),
            ("largest", classes["largest"]),
            ("method", self._word(f"method_{self._told['method']['name']}")),
        )
        head = (self._word("figure"), self._word("value"))
        return Grid(head, tuple((self._word(key), _counted(value)) for key, value in rows))

    def _criteria(self) -> Grid:
        head = ("criterion", "column", "asked", "achieved", "holds")
        rows = tuple(
            (
                self._word(f"criterion_{one['criterion']}"),
                one["column"],
                one["asked"],
                one["achieved"],
                self._word("yes" if one["holds"] else "no"),
            )
            for one in self._told["criteria"]
        )
        return Grid(tuple(self._word(f"head_{key}") for key in head), rows)

    def _risks(self) -> Grid:
        head = (self._word("attacker"), self._word("greatest"), self._word("mean"))
        rows = tuple(
            (
                self._word(f"attacker_{one['attacker']}"),
                _risk(Fraction(one["greatest"])),
                _risk(Fraction(one["mean"])),
            )
            for one in self._told["risks"]
        )
        return Grid(head, rows)

    def _roles(self) -> Grid:
        head = (self._word("head_column"), self._word("role"), self._word("done"))
        rows = []
        for column in self._recipe["columns"]:
            is_quasi = column["role"] == "quasi_identifier"
            kind = column.get("hierarchy", {}).get("kind", "flat")
            done = f"kind_{kind}" if is_quasi else f"action_{column['action']}"
            role = self._word(f"role_{column['role']}")
            rows.append((column["name"], role, self._word(done)))
        return Grid(head, tuple(rows))

    def _losses(self) -> Grid:
        head = ("head_column", "values", "published_values", "exact", "hidden", "ncp")
        keys = ("column", "values", "published", "exact", "hidden", "ncp")
        rows = tuple(tuple(str(one[key]) for key in keys) for one in self._told["generalisation"])
        return Grid(tuple(self._word(key) for key in head), rows)

    def _utility(self, told: Mapping[str, Any]) -> Iterator[Grid]:
        columns = ("column", "ncp", "entropy", "changed", "error")
        yield self._grid(
            ("head_column", "ncp", "entropy", "changed", "error"), columns, told["columns"]
        )
        models = [*told.get("regressions", ()), *told.get("survivals", ())]
        if models:
            keys = ("model", "greatest_move", "least_overlap", "trouble")
            yield self._grid(keys, keys, models)

    def _grid(
        self, head: tuple[str, ...], keys: tuple[str, ...], records: list[Mapping[str, Any]]
    ) -> Grid:
        rows = tuple(tuple(str(record.get(key, "")) for key in keys) for record in records)
        return Grid(tuple(self._word(key) for key in head), rows)

    def _attacked(self) -> Iterator[Paragraph]:
        yield Paragraph(self._word("attacks_words"))
        attacked = self._told.get("attacked", {}).get("records", 0)
        if 0 < attacked < self._told["input"]["records"]:
            yield Paragraph(self._word("attacks_drawn", records=f"{attacked:,}"))

    def _attacks(self) -> Grid:
        head = ("attack", "rate", "interval", "baseline", "bare")
        rows = []
        for one in self._told["attacks"]:
            name, _, column = one["attack"].partition(":")
            words = self._word(f"attack_{name.replace(' ', '_')}")
            of = f" ({column})" if column else ""
            rate = f"{one['rate']} ({one['succeeded']}/{one['tried']})"
            interval = f"{one['low']} – {one['high']}"
            rows.append((words + of, rate, interval, one["baseline"], one["unprotected"]))
        return Grid(tuple(self._word(f"head_{key}") for key in head), tuple(rows))

    def _releases(self, told: Mapping[str, Any]) -> Grid:
        head = (self._word("figure"), self._word("value"))
        rows = ((self._word(f"release_{key}"), str(told[key])) for key in _RELEASE if key in told)
        return Grid(head, tuple(rows))

    # --- under the standards' headings

    def _standard(self, name: str, headings: tuple[str, ...]) -> Part:
        rows = tuple(
            (self._word(f"{name}_{each}"), self._word(f"{name}_{each}_here", **self._facts()))
            for each in headings
        )
        head = (self._word("heading"), self._word("here"))
        unverified = Paragraph(self._word("unverified"))
        return Part(self._word(name), (unverified, Grid(head, rows)))

    def _facts(self) -> dict[str, object]:
        direct = [c["name"] for c in self._recipe["columns"] if c["role"] == "direct_identifier"]
        greatest, mean = self._risk("prosecutor")
        return {
            **self._numbers(),
            "direct": ", ".join(direct) or "—",
            "quasi": self._named("quasi"),
            "sensitive": self._named("sensitive"),
            "greatest": _risk(greatest),
            "mean": _risk(mean),
            "digest": str(self._told["recipe"]["digest"])[:12],
        }

    def _origin(self) -> Grid:
        rows = (
            ("tool", self._told["tool"]),
            ("recipe_digest", self._told["recipe"]["digest"]),
            ("received_digest", self._told["input"]["sha256"]),
            ("published_digest", self._told["output"]["sha256"]),
        )
        head = (self._word("figure"), self._word("value"))
        return Grid(head, tuple((self._word(key), _counted(value)) for key, value in rows))


def _counted(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _risk(value: Fraction) -> str:
    return f"{value} ({float(value):.4f})"

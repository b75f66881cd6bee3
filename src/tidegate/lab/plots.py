"""Results drawn as SVG, with titles and axes in the reader's language and no script inside."""

from typing import Any

from tidegate.kernel.text import Language, Multilingual
from tidegate.lab.model import CountResult, CrossTableResult, Heading, Result, SurvivalResult

_LATIN = "Noto Sans, DejaVu Sans"
_FONTS = {
    Language.EN: f"{_LATIN}, Noto Sans CJK HK, sans-serif",
    Language.ZH_HANT: f"{_LATIN}, PingFang HK, Microsoft JhengHei, Noto Sans CJK HK, sans-serif",
    Language.ZH_HANS: f"{_LATIN}, PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif",
}
"""The families of each language, as in the pages: the same character is drawn otherwise."""
_PEOPLE = Multilingual("People (rounded)", "人數（已取整）", "人数（已取整）")
_COUNT = Multilingual("People in the cohort", "隊列人數", "队列人数")
_BY = Multilingual("People in the cohort, by group", "各組人數", "各组人数")
_TABLE = Multilingual("People by two variables", "兩變項交叉表", "两变量交叉表")
_SURVIVAL = Multilingual("Without the event", "未發生事件的比例", "未发生事件的比例")
_DAYS = Multilingual("Days of follow-up", "隨訪日數", "随访天数")
_SHARE = Multilingual("Share without the event", "未發生事件的比例", "未发生事件的比例")
_ALL = Multilingual("Everybody", "所有人", "所有人")
_HIDDEN = Multilingual("hidden", "隱藏", "隐藏")
_SHIELD = Multilingual(
    "Fewer than {n} people are never shown; numbers are rounded to {r}.",
    "不顯示少於 {n} 人的數目；人數以 {r} 為單位取整。",
    "不显示少于 {n} 人的数目；人数以 {r} 为单位取整。",
)
_WORDS = {
    "yes": Multilingual("yes", "是", "是"),
    "no": Multilingual("no", "否", "否"),
    "everyone": _ALL,
    "(missing)": Multilingual("(missing)", "（缺失）", "（缺失）"),
    "(other)": Multilingual("(other)", "（其他）", "（其他）"),
}
_WIDE, _HIGH = 380, 250
_LETTER = 13
"""Small drawings with large letters: a phone shows them at two thirds of their width."""


def render_svg(result: Result, language: Language = Language.EN) -> bytes:
    """Draw a released result as an SVG document."""
    import vl_convert  # noqa: PLC0415 - forty megabytes that only a drawing needs

    svg: str = vl_convert.vegalite_to_svg(chart_of(result, language).to_dict())
    return svg.encode()


def chart_of(result: Result, language: Language) -> Any:
    """Return the Altair chart of a result."""
    if isinstance(result, CountResult):
        chart = _count(result, language)
    elif isinstance(result, CrossTableResult):
        chart = _cross_table(result, language)
    else:
        chart = _survival(result, language)
    letters = {"labelFontSize": _LETTER, "titleFontSize": _LETTER, "labelLimit": 0}
    return (
        chart.configure(font=_FONTS[language])
        .configure_view(stroke=None)
        .configure_axis(**letters, titlePadding=10)
        .configure_legend(**letters, orient="bottom", titleLimit=0)
        .configure_title(fontSize=15, subtitleFontSize=12, anchor="start")
    )


def _count(result: CountResult, language: Language) -> Any:
    alt = _altair()
    groups = result.by.groups if result.by else ("everyone",)
    counts = result.counts if result.by else (result.total,)
    rows = [
        {"group": _word(group, language), "people": n or 0, "label": _label(n, language)}
        for group, n in zip(groups, counts, strict=True)
    ]
    title = _title(_BY if result.by else _COUNT, result, language)
    axis = _heading(result.by, language) if result.by else ""
    base = alt.Chart(alt.Data(values=rows), title=title, width=_WIDE, height=_HIGH).encode(
        x=alt.X("group:N", sort=None, title=axis, axis=_level(groups)),
        y=alt.Y("people:Q", title=_PEOPLE.in_language(language)),
    )
    bars = base.mark_bar(color="#2f6f8f", **({"size": 64} if len(groups) < 5 else {}))
    return bars + base.mark_text(dy=-8, fontSize=_LETTER).encode(text="label:N")


def _cross_table(result: CrossTableResult, language: Language) -> Any:
    alt = _altair()
    rows = [
        {
            "row": _word(row, language),
            "column": _word(column, language),
            "people": n,
            "label": _label(n, language),
        }
        for row, line in zip(result.rows.groups, result.cells, strict=True)
        for column, n in zip(result.columns.groups, line, strict=True)
    ]
    base = alt.Chart(
        alt.Data(values=rows), title=_title(_TABLE, result, language), width=_WIDE, height=_HIGH
    ).encode(
        x=alt.X(
            "column:N",
            sort=None,
            title=_heading(result.columns, language),
            axis=_level(result.columns.groups),
        ),
        y=alt.Y("row:N", sort=None, title=_heading(result.rows, language)),
    )
    shade = alt.Color(
        "people:Q",
        scale=alt.Scale(range=["#eef6f6", "#8cc9c9"], zero=True),  # dark letters stand on both
        title=_PEOPLE.in_language(language),
    )
    squares = base.mark_rect(stroke="#ffffff").encode(color=shade)
    return squares + base.mark_text(fontSize=_LETTER, color="#12232b").encode(text="label:N")


def _survival(result: SurvivalResult, language: Language) -> Any:
    alt = _altair()
    rows = []
    for curve in result.curves:
        if curve.people is None or not curve.steps:
            continue
        group = f"{_word(curve.group, language)} ({curve.people:,})"
        rows.append({"group": group, "day": 0, "share": 1.0})
        rows += [
            {"group": group, "day": step.day, "share": step.survival / 10_000}
            for step in curve.steps
        ]
    legend = _heading(result.by, language) if result.by else ""
    return (
        alt.Chart(
            alt.Data(values=rows),
            title=_title(_SURVIVAL, result, language),
            width=_WIDE,
            height=_HIGH,
        )
        .mark_line(interpolate="step-after")
        .encode(
            x=alt.X("day:Q", title=_DAYS.in_language(language)),
            y=alt.Y(
                "share:Q",
                title=_SHARE.in_language(language),
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%"),
            ),
            color=alt.Color("group:N", sort=None, title=legend),
            strokeDash=alt.StrokeDash("group:N", sort=None, title=legend),
        )
    )


def _level(groups: tuple[str, ...]) -> Any:
    """Return an axis whose labels stand level, or lean where they have no room."""
    crowded = sum(map(len, groups)) > _WIDE // _LETTER
    return _altair().Axis(labelAngle=-35 if crowded else 0)


def _altair() -> Any:
    import altair  # noqa: PLC0415 - twenty megabytes that only a drawing needs

    return altair


def _title(what: Multilingual, result: Result, language: Language) -> dict[str, str | int]:
    shield = _SHIELD.in_language(language)
    subtitle = shield.format(n=result.shield.min_cell, r=result.shield.round_to)
    return {"text": what.in_language(language), "subtitle": subtitle, "offset": 12}


def _heading(heading: Heading, language: Language) -> str:
    return Multilingual(heading.en, heading.zh_hant, heading.zh_hans).in_language(language)


def _word(group: str, language: Language) -> str:
    known = _WORDS.get(group)
    return known.in_language(language) if known else group


def _label(count: int | None, language: Language) -> str:
    return _HIDDEN.in_language(language) if count is None else f"{count:,}"

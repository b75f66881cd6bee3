"""The curves of loss and risk over k, drawn as SVG from its figures, in the reader's language."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import urlencode

from tidegate.deid.previews.model import Look, Point
from tidegate.kernel.errors import InvalidError

_SHARE = r"(0(?:\.[0-9]{1,4})?|1(?:\.0{1,4})?)"
_POINT = re.compile(rf"([0-9]{{1,7}}):{_SHARE}:{_SHARE}")
_MOST_POINTS = 20
_FONT = "Noto Sans CJK SC, Noto Sans CJK TC, Noto Sans, DejaVu Sans, sans-serif"
_WIDE, _HIGH = 400, 190
_TEXT = 14
"""The size of the letters, so that they can be read on a phone."""
NAMES = ("edited", "usual", "kept")


def address(looks: Mapping[str, Look | None]) -> str:
    """Write the figures of curves into the query of an address; no other figure is in it."""
    written = {name: _written(look.curve) for name, look in looks.items() if look is not None}
    return urlencode(written, safe=":,")


def _written(curve: Iterable[Point]) -> str:
    return ",".join(f"{one.k}:{one.loss}:{one.risk}" for one in curve if one.loss)


def read_curves(query: Mapping[str, str]) -> dict[str, tuple[Point, ...]]:
    """Read the figures back. Raises InvalidError for what is no curve."""
    return {name: _points(query[name]) for name in NAMES if query.get(name)}


def _points(text: str) -> tuple[Point, ...]:
    found = [_POINT.fullmatch(part) for part in text.split(",", _MOST_POINTS)]
    points = tuple(Point(int(one[1]), one[2], one[3]) for one in found if one is not None)
    if len(points) != len(found) or len(points) > _MOST_POINTS or not all(one.k for one in points):
        raise InvalidError(
            "The address holds no curve; open it from the page of the recipe.", code="curve_odd"
        )
    return points


def draw(curves: Mapping[str, tuple[Point, ...]], say: Callable[[str], str]) -> bytes:
    """Draw curves as an SVG document without script."""
    import vl_convert  # noqa: PLC0415 - forty megabytes that only a drawing needs

    svg: str = vl_convert.vegalite_to_svg(_chart(curves, say).to_dict())
    return svg.encode()


def _chart(curves: Mapping[str, tuple[Point, ...]], say: Callable[[str], str]) -> Any:
    """Put the loss over the risk, both over k."""
    import altair  # noqa: PLC0415 - twenty megabytes that only a drawing needs

    rows = [
        {
            "recipe": say(f"recipe_page.{name}"),
            "k": point.k,
            "loss": float(point.loss),
            "risk": float(point.risk),
        }
        for name, points in curves.items()
        for point in points
    ]
    ticks = sorted({point.k for points in curves.values() for point in points})
    recipe = {"sort": None, "title": "", "legend": altair.Legend(orient="top")}
    base = altair.Chart(width=_WIDE, height=_HIGH).mark_line(point=True)

    def over_k(figure: str, title: str) -> Any:
        return base.encode(
            x=altair.X(
                "k:Q", title="k", scale=altair.Scale(type="log"), axis=altair.Axis(values=ticks)
            ),
            y=altair.Y(
                f"{figure}:Q",
                title=title,
                scale=altair.Scale(domainMin=0),
                axis=altair.Axis(format="%", tickCount=5),
            ),
            color=altair.Color("recipe:N", **recipe),
            strokeDash=altair.StrokeDash("recipe:N", **recipe),
        )

    both = altair.vconcat(
        over_k("loss", say("recipe_page.loss")),
        over_k("risk", say("deid_report.greatest")),
        data=altair.Data(values=rows),
    )
    text = {"labelFontSize": _TEXT, "titleFontSize": _TEXT}
    return (
        both.configure(font=_FONT)
        .configure_view(stroke=None)
        .configure_axis(**text)
        .configure_legend(labelFontSize=_TEXT)
    )

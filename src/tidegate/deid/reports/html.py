"""A report's page as HTML: one file, no script, nothing fetched from elsewhere."""

from html import escape

from tidegate.deid.reports.model import Grid, Page, Paragraph, Part

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;"
    "max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1b1b;background:#fff}"
    ":lang(zh-Hant){font-family:system-ui,'PingFang HK','Microsoft JhengHei','Noto Sans CJK HK',"
    "sans-serif}:lang(zh-Hans){font-family:system-ui,'PingFang SC','Microsoft YaHei',"
    "'Noto Sans CJK SC',sans-serif}"
    "h1{font-size:1.6rem}h2{font-size:1.2rem;margin-top:2rem;border-bottom:1px solid #8a8a8a}"
    "table{border-collapse:collapse;width:100%;margin:1rem 0}"
    "th,td{border:1px solid #8a8a8a;padding:.3rem .5rem;text-align:left;vertical-align:top;"
    "overflow-wrap:anywhere}th{background:#eef2f4}@media print{body{margin:0}}"
)


def render(page: Page) -> str:
    """Return the page as one HTML document."""
    body = "".join(_part(part) for part in page.parts)
    return (
        f'<!DOCTYPE html>\n<html lang="{escape(page.language)}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(page.title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(page.title)}</h1>{body}</main></body></html>\n"
    )


def _part(part: Part) -> str:
    blocks = "".join(_block(block) for block in part.blocks)
    return f"<section><h2>{escape(part.heading)}</h2>{blocks}</section>"


def _block(block: Paragraph | Grid) -> str:
    if isinstance(block, Paragraph):
        return f"<p>{escape(block.text)}</p>"
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in block.head)
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in block.rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"

"""A report's page as PDF with the characters it uses embedded, so that it reads alike anywhere.

The font is one of the machine's own: all of Chinese takes 16 MB and more, too much to carry for one
page. English needs none.
"""

from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from tidegate.deid.reports.errors import FontMissingError
from tidegate.deid.reports.model import Grid, Page, Paragraph, Part
from tidegate.kernel.values import dataclass

_PLACES = (
    ("/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc", {"zh-Hans": 2, "": 3}),
    ("/usr/share/fonts/noto-cjk/NotoSansCJK-Regular.ttc", {"zh-Hans": 2, "": 3}),
    ("/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc", {"zh-Hans": 2, "": 3}),
    ("/usr/share/fonts/truetype/droid/DroidSansFallbackFull.ttf", {"": 0}),
    ("/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc", {"": 0}),
)
"""Where Debian, Arch and Fedora keep fonts with Chinese, and which face of a collection to take."""

_MARKS = {b"\x00\x01\x00\x00", b"OTTO", b"true", b"ttcf"}
"""How files of TrueType and OpenType fonts, and collections of them, begin."""

_SIGNS = str.maketrans(
    {"–": "-", "≥": ">=", "…": "...", "“": '"', "”": '"', "≤": "<=", "—": "-", "→": "->"}
)
_SAMPLE = {"zh-Hant": "報告漢字", "zh-Hans": "报告汉字"}
_SHOWN = 5
_SIZE, _LINE = 9, 5
_UNDATED = datetime(2000, 1, 1, tzinfo=UTC)
"""The same report gives the same bytes; when it was made stands in the evidence."""


@dataclass(frozen=True, slots=True)
class _Font:
    path: Path
    face: int


def _find(language: str) -> _Font | None:
    for place, faces in _PLACES:
        if Path(place).is_file():
            return _Font(Path(place), faces.get(language, faces[""]))
    return None


def render(page: Page, font: Path | None = None) -> bytes:
    """Return the page as PDF. Raises FontMissingError if no font has its characters."""
    found = _check(_Font(font, 0)) if font is not None else _find(page.language)
    return _printed(page if found is not None else _in_latin(page), found)


@lru_cache(maxsize=4)
def _printed(shown: Page, found: _Font | None) -> bytes:
    """Print a page; the last ones are kept, since a font takes a second to read and to cut."""
    from fpdf import FPDF  # noqa: PLC0415 - only a printed report needs it

    document = FPDF(format="A4")
    document.set_creation_date(_UNDATED)
    document.set_title(shown.title)
    document.set_lang(shown.language)
    document.set_auto_page_break(auto=True, margin=15)
    if found is not None:
        document.add_font("report", fname=found.path, collection_font_number=found.face)
    document.set_font("report" if found is not None else "helvetica", size=_SIZE)
    document.add_page()
    _heading(document, shown.title, 16)
    for part in shown.parts:
        _part(document, part)
    return bytes(document.output())


def check(language: str, texts: str, font: Path | None = None) -> None:
    """Raise FontMissingError if a page in this language with these texts cannot be printed here.

    It is asked before the work is done, so that a table is never published with half its papers.
    """
    found = _check(_Font(font, 0)) if font is not None else _find(language)
    if found is None:
        try:
            _latin(_SAMPLE.get(language, "") + texts)
        except UnicodeEncodeError:
            raise _missing() from None
        return
    lacking = _lacking(found, _SAMPLE.get(language, "") + texts)
    if lacking:
        raise FontMissingError(
            f"{found.path} has no characters for {lacking}; name a font with --font that has"
            " (Debian: the package fonts-noto-cjk has all of Chinese).",
            code="font_missing",
        )


def _lacking(font: _Font, text: str) -> str:
    """Return the first characters that a font has no picture of."""
    from fpdf import FPDF  # noqa: PLC0415 - only a printed report needs it

    document: Any = FPDF()
    document.add_font("report", fname=font.path, collection_font_number=font.face)
    opened = document.fonts["report"]
    known = opened.cmap
    gone = [char for char in dict.fromkeys(text) if char.isprintable() and ord(char) not in known]
    opened.close()
    return "".join(gone[:_SHOWN])


def _missing() -> FontMissingError:
    return FontMissingError(
        "The PDF needs a font with Chinese, and none was found on this machine; install one"
        " (Debian: apt-get install fonts-noto-cjk), or name a font file with --font, or leave"
        " --pdf away: the page of --html needs none.",
        code="font_missing",
    )


def _check(font: _Font) -> _Font:
    with font.path.open("rb") as file:
        if file.read(4) not in _MARKS:
            raise FontMissingError(
                f"{font.path} is no TrueType or OpenType font; name another with --font.",
                code="font_unreadable",
            )
    return font


def _in_latin(page: Page) -> Page:
    """Return the page in the characters that every reader of PDF has a font for."""
    try:
        parts = tuple(
            Part(_latin(part.heading), tuple(_latin_block(block) for block in part.blocks))
            for part in page.parts
        )
        return Page(_latin(page.title), page.language, parts)
    except UnicodeEncodeError:
        raise _missing() from None


def _latin(text: str) -> str:
    return text.translate(_SIGNS).encode("latin-1").decode("latin-1")


def _latin_block(block: Paragraph | Grid) -> Paragraph | Grid:
    if isinstance(block, Paragraph):
        return Paragraph(_latin(block.text))
    rows = tuple(tuple(_latin(cell) for cell in row) for row in block.rows)
    return Grid(tuple(_latin(cell) for cell in block.head), rows)


def _heading(document: Any, text: str, size: int) -> None:
    document.set_font_size(size)
    document.ln(2)
    document.multi_cell(0, size * 0.55, text, new_x="LMARGIN", new_y="NEXT", align="L")
    document.ln(1)
    document.set_font_size(_SIZE)


def _part(document: Any, part: Part) -> None:
    if document.will_page_break(40):  # a heading does not stand alone at a page's foot
        document.add_page()
    _heading(document, part.heading, 12)
    for block in part.blocks:
        if isinstance(block, Paragraph):
            document.multi_cell(
                0,
                _LINE,
                block.text,
                new_x="LMARGIN",
                new_y="NEXT",
                align="L",
                wrapmode=_wrap(block),
            )
            document.ln(1)
        else:
            _grid(document, block)


def _wrap(block: Paragraph) -> str:
    """Chinese breaks between any characters, English between words."""
    return "WORD" if block.text.isascii() or " " in block.text[:60] else "CHAR"


def _grid(document: Any, grid: Grid) -> None:
    from fpdf.fonts import FontFace  # noqa: PLC0415 - only a printed report needs it

    with document.table(
        headings_style=FontFace(emphasis="", fill_color=(238, 242, 244)),
        line_height=_LINE,
        text_align="LEFT",
        wrapmode="CHAR" if not _is_wordy(grid) else "WORD",
        padding=0.8,
    ) as table:
        for cells in (grid.head, *grid.rows):
            row = table.row()
            for cell in cells:
                row.cell(cell)
    document.ln(2)


def _is_wordy(grid: Grid) -> bool:
    """Tell whether a table is in words with spaces, none of them too long for a cell."""
    cells = [cell for row in (grid.head, *grid.rows) for cell in row]
    longest = max((len(word) for cell in cells for word in cell.split()), default=0)
    return longest < 24 and all(cell.isascii() for cell in grid.head)

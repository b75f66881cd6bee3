"""The voice of the demonstration: chapters, decisions with who and why, progress, refusals."""

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def _paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if _COLOUR else text


class Narrator:
    """Prints what happened, by whom and why, with the time since the story began."""

    def __init__(self) -> None:
        self._began = time.monotonic()
        self._chapters = 0

    @property
    def elapsed(self) -> float:
        """Return the seconds since the story began."""
        return time.monotonic() - self._began

    def chapter(self, title: str) -> None:
        """Begin a chapter."""
        self._chapters += 1
        print()
        print(
            _paint("1;36", f"{self._chapters}  {title}") + _paint("2", f"   {self.elapsed:5.1f} s")
        )

    def say(self, text: str) -> None:
        """Tell something in passing."""
        print(f"   {text}", flush=True)

    def decided(self, what: str, *, by: str, why: str = "") -> None:
        """Tell a decision, who took it and why."""
        reason = f" {_paint('2', '— ' + why)}" if why else ""
        print(f"   {_paint('32', '✓')} {what} {_paint('2', '(' + by + ')')}{reason}", flush=True)

    def refused(self, what: str, *, by: str, why: str) -> None:
        """Tell a refusal and its reason."""
        print(f"   {_paint('31', '✗')} {what} {_paint('2', '(' + by + ')')}", flush=True)
        print(f"     {_paint('33', why)}", flush=True)

    def table(self, rows: list[tuple[str, ...]]) -> None:
        """Show a small table."""
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        for row in rows:
            cells = "  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True))
            print(f"     {cells}", flush=True)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show that something takes a while, and how long it took."""
        began = time.monotonic()
        print(f"   {_paint('2', '… ' + what)}", end="\n" if not _COLOUR else "", flush=True)
        try:
            yield
        finally:
            took = f"{time.monotonic() - began:.1f} s"
            if _COLOUR:
                print("\r\033[K", end="")
            print(f"   {_paint('2', f'… {what}: {took}')}", flush=True)

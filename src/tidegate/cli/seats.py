"""The legal seat as an option of commands."""

from typing import Any

import click

from tidegate.access.model import Seat

SHORT = {"CN": Seat.CN_OTHER.value}
"""What people write who are on the Mainland outside the Greater Bay Area."""


class SeatChoice(click.Choice[str]):
    """One of the seats; `CN` alone is the Mainland outside the Greater Bay Area."""

    def __init__(self) -> None:
        super().__init__([seat.value for seat in Seat])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the seat's own name."""
        return super().convert(SHORT.get(value, value), param, ctx)

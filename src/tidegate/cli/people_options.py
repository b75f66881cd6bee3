"""The option `--as`, the same for every command that somebody acts by."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def as_option(*, required: bool = False, does: str = "acts") -> Callable[[F], F]:
    """Return the option `--as PERSON`; without it the node's console acts, where it may."""
    words = f"The person who {does}, by e-mail address or id; `tidegate person list` has both."
    default = None if required else ""
    return click.option(
        "--as", "person", required=required, default=default, metavar="PERSON", help=words
    )

"""The `tidegate` command: groups are loaded when used, errors become words and exit codes."""

import importlib
import io
import os
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

import click

from tidegate.kernel.errors import (
    ConflictError,
    CorruptError,
    ForbiddenError,
    InvalidError,
    NotFoundError,
    TidegateError,
    UnavailableError,
    WithheldError,
)

EXIT_CODE: Mapping[type[TidegateError], int] = {
    CorruptError: 1,
    InvalidError: 2,
    NotFoundError: 3,
    ForbiddenError: 4,
    WithheldError: 5,
    ConflictError: 6,
    UnavailableError: 7,
}
"""The one table from a kind of error to an exit code."""

COMMANDS: Mapping[str, tuple[str, str]] = {
    "init": ("tidegate.cli.node_commands:init", "Make a new node in HOME."),
    "serve": (
        "tidegate.cli.node_commands:serve",
        "Serve the node in HOME until it is told to stop.",
    ),
    "doctor": ("tidegate.cli.node_commands:doctor", "Examine the node in HOME."),
    "migrate": (
        "tidegate.cli.node_commands:migrate",
        "Bring the database in HOME to this version's schema.",
    ),
    "person": (
        "tidegate.cli.people_commands:person",
        "See and add people, give them ways in, shut them out.",
    ),
    "space": (
        "tidegate.cli.space_commands:space",
        "Found a space, invite, join, see and revoke members.",
    ),
    "certification": (
        "tidegate.cli.identity_commands:certification",
        "Certify members, so that policies can ask (authority).",
    ),
    "keys": (
        "tidegate.cli.key_commands:keys",
        "See and rotate the key by which a node proves who it is.",
    ),
    "sts": (
        "tidegate.cli.identity_commands:sts",
        "Let own programs ask for tokens in the node's name.",
    ),
    "peers": ("tidegate.cli.peer_commands:peers", "Look at the other nodes of the space."),
    "dataset": (
        "tidegate.cli.dataset_commands:dataset",
        "Acquire, classify, de-identify, keep and destroy data.",
    ),
    "agreement": (
        "tidegate.cli.agreement_commands:agreement",
        "Ask other institutions for agreements.",
    ),
    "strategy": (
        "tidegate.cli.strategy_commands:strategy",
        "See and set how negotiations are answered.",
    ),
    "plane": (
        "tidegate.cli.plane_commands:plane",
        "Register planes elsewhere (Data Plane Signaling).",
    ),
    "rows": ("tidegate.cli.rows_commands:rows", "Move rows under an agreement that allows it."),
    "deid": ("tidegate.cli.deid_commands:deid", "Anonymise tables and verify them; no node."),
    "evidence": (
        "tidegate.cli.evidence_commands:evidence",
        "Export a node's evidence, verify a bundle, read the log.",
    ),
}

"""Every command: where it stands, and what it says of itself in the list of all.

The words stand here a second time, so that the list needs none of the commands; a test compares.
"""


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for, so that each starts at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name, in the order a newcomer meets them."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of the commands, as click does, without importing them."""
        del ctx
        limit = formatter.width - 6 - max(map(len, COMMANDS))
        with formatter.section("Commands"):
            formatter.write_dl(
                [
                    (name, click.Command(name, help=words).get_short_help_str(limit))
                    for name, (_, words) in COMMANDS.items()
                ]
            )


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="tidegate")
def cli() -> None:
    """Run the node of a medical data space."""


def exit_code_of(problem: TidegateError) -> int:
    """Return the exit code of a kind of error."""
    return next((code for kind, code in EXIT_CODE.items() if isinstance(problem, kind)), 1)


def _is_of_the_database(problem: Exception) -> bool:
    """Tell whether the database could not be reached; asks only where its library was loaded."""
    library = sys.modules.get("sqlalchemy.exc")
    return library is not None and isinstance(problem, library.OperationalError)


def _spell_what_the_terminal_lacks() -> None:
    """Write a character of a name that the terminal's encoding lacks by its number."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def main(arguments: list[str] | None = None) -> NoReturn:
    """Run the command; a refusal is one sentence on standard error, never a traceback.

    Whatever it writes is for its own account alone: databases and objects hold people's data.
    """
    os.umask(0o077)
    _spell_what_the_terminal_lacks()
    try:
        result: Any = cli.main(arguments, standalone_mode=False, prog_name="tidegate")
    except click.ClickException as problem:
        problem.show()
        sys.exit(problem.exit_code)
    except click.Abort:
        click.echo("Stopped.", err=True)
        sys.exit(130)
    except TidegateError as problem:
        click.echo(f"{problem.message} [{problem.code}]", err=True)
        sys.exit(exit_code_of(problem))
    except OSError as problem:
        where = f"{problem.filename}: " if problem.filename else ""
        told = (
            f"{where}{problem.strerror or problem}. Check the path, its rights and the space left."
        )
        click.echo(f"{told} [file_or_network]", err=True)
        sys.exit(EXIT_CODE[UnavailableError])
    except Exception as problem:
        if not _is_of_the_database(problem):
            raise
        told = str(getattr(problem, "orig", problem)).strip().splitlines()[0]
        click.echo(
            f"The database does not answer: {told}. See that it runs, that its address in"
            " --database or node.toml is right, and that its disk has room and may be written."
            " [database_unreachable]",
            err=True,
        )
        sys.exit(EXIT_CODE[UnavailableError])
    sys.exit(result if isinstance(result, int) else 0)

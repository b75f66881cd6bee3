"""Write docs/reference from the code: `make_docs.py` writes, `make_docs.py --check` compares.

Every page is read from the table the program itself runs on, so a page cannot say what the code
does not do. A setting, command or operation that nobody described stops the run and is named.
"""

import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args, get_origin

import click
from protocol_page import protocol_lines
from starlette.routing import Route

import tidegate
from tidegate.api import commons, dcp, dsp, evidence, health, peer, space, visit
from tidegate.api.kit import PREFIX, STATUS, Operation
from tidegate.audit.premis import EVENT_TYPES
from tidegate.cli.app import EXIT_CODE, cli
from tidegate.house import House
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.machine import Machine
from tidegate.node.doors import OPERATIONS
from tidegate.node.events import all_events
from tidegate.node.tasks import SUBSCRIPTIONS
from tidegate.policy.reference import constraints_page, rules_page
from tidegate.policy.rulepack.loading import load_shipped
from tidegate.settings import DATABASE, PASSPHRASE_FILE, NodeSettings

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
SOURCE = Path(tidegate.__file__).parent
PREMIS = "https://id.loc.gov/vocabulary/preservation/eventType"
WRITTEN = "Generated from the code; `make docs` writes it again."


class UndescribedError(Exception):
    """Something exists in the code and has no words, so its page would be silent about it."""


SETTINGS: Mapping[str, str] = {
    "name": "the institution's name, as other members see it",
    "seat": "where the institution is at law: HK, MO, CN-GBA9, CN-OTHER or OTHER",
    "role": "`authority` (founds a space) or `participant` (joins one)",
    "host": "the address the node binds; without TLS it must be loopback",
    "port": "the port the node binds",
    "base_url": "how others reach the node; the node's DID is made of it, so it never changes",
    "database_url": "SQLAlchemy URL; a relative SQLite path counts from the home",
    "passphrase_file": "the file (mode 0600) with the passphrase that seals the node's keys",
    "tls_certificate": "certificate chain in PEM; with `tls_key`, the node serves https",
    "tls_key": "the certificate's private key in PEM",
    "tls_ca": "authorities in PEM that may certify other nodes; the system's own if it is not said",
    "patience_seconds": "how long a caller may take for a request's head, and for each further"
    " 16 KiB of its body, before it is answered 408; 30 if it is not said",
    "rows_most_bytes": "the largest copy of rows the node takes in, in bytes; larger ones are"
    " refused (413) and nothing of them is kept; 1 TiB if it is not said",
    "rows_keep_free": "bytes of the node's disk that arriving rows leave free, else they are"
    " refused until there is room (507); 2 GiB if it is not said",
}
FROM_ENVIRONMENT: Mapping[str, str] = {
    "database_url": DATABASE,
    "passphrase_file": PASSPHRASE_FILE,
}
IN_FILE: Mapping[str, tuple[str, ...]] = {"participant": ("seat",)}
"""A field that the file states in other lines."""


def main() -> int:
    """Write every page, or with `--check` say which one is stale."""
    stale = []
    for name, page in PAGES.items():
        try:
            text, path = page(), FOLDER / f"{name}.md"
        except UndescribedError as silence:
            print(silence)
            return 1
        if "--check" not in sys.argv[1:]:
            path.write_text(text, encoding="utf-8")
        elif not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(f"docs/reference/{name}.md")
    for each in stale:
        print(f"{each} is not what the code says; run `make docs`.")
    return 1 if stale else 0


# --- machines


def machines_page() -> str:
    """Return every state machine: its diagram and its moves."""
    lines = ["# State machines", "", WRITTEN]
    lines += ["Code, diagram and the exhaustive tests read one table.", ""]
    found = sorted(_machines(), key=lambda one: (one[1].name, one[0]))
    lines += ["| machine | where | states | moves |", "|---|---|---|---|"]
    for place, machine in found:
        states = {move.source for move in machine.moves} | {move.target for move in machine.moves}
        head = f"| [{machine.name}](#{machine.name.replace(' ', '-')}) | `{place}` |"
        lines.append(f"{head} {len(states)} | {len(machine.moves)} |")
    for place, machine in found:
        lines += ["", f"## {machine.name}", "", f"`{place}`", "", "```mermaid"]
        lines += [*machine.mermaid(), "```", ""]
        lines += ["| from | action | by | to |", "|---|---|---|---|"]
        lines += [f"| {m.source} | {m.action} | {m.by} | {m.target} |" for m in machine.moves]
    return _joined(lines)


def _machines() -> Iterator[tuple[str, Machine[Any]]]:
    for path in sorted(SOURCE.glob("**/*.py")):
        if "Machine(" not in path.read_text(encoding="utf-8") or (
            path.name == "machine.py" and (path.parent.name == "kernel")
        ):
            continue
        inside = path.relative_to(SOURCE)
        module = importlib.import_module(".".join(("tidegate", *inside.with_suffix("").parts)))
        for name, value in vars(module).items():
            if isinstance(value, Machine):
                yield f"{inside}:{name}", value


# --- settings


def settings_page() -> str:
    """Return every setting of a node."""
    lines = [
        "# Settings",
        "",
        WRITTEN,
        "",
        "A node's settings are the lines of `node.toml` in its home, written by `tidegate init`,",
        "read once at start. A relative path counts from the home. Two may come from the",
        "environment instead, which goes before the file.",
        "",
        "| line | needed | environment | what it is |",
        "|---|---|---|---|",
    ]
    for name, is_needed in _settings():
        variable = f"`{FROM_ENVIRONMENT[name]}`" if name in FROM_ENVIRONMENT else ""
        needed = "yes" if is_needed else "no"
        lines.append(f"| `{name}` | {needed} | {variable} | {SETTINGS[name]} |")
    lines += [
        "",
        "Whatever else a room is told has this value unless the wiring says another:",
    ]
    lines += ["", "| room | setting | default |", "|---|---|---|"]
    lines += [f"| `{place}` | `{name}` | `{value}` |" for place, name, value in _room_settings()]
    return _joined(lines)


def _settings() -> Iterator[tuple[str, bool]]:
    for field in fields(NodeSettings)[1:]:  # all but the home, which the command line names
        for name in IN_FILE.get(field.name, (field.name,)):
            if name not in SETTINGS:
                raise UndescribedError(f"The setting {name} has no words in make_docs.SETTINGS.")
            yield name, field.default is MISSING


def _room_settings() -> Iterator[tuple[str, str, object]]:
    for module in _modules():
        for name, value in sorted(vars(module).items()):
            if not name.endswith("Settings") or value.__module__ != module.__name__:
                continue
            if value is NodeSettings or not is_dataclass(value):
                continue
            for field in fields(value):
                if field.default is not MISSING and isinstance(field.default, int | float | str):
                    yield module.__name__.removeprefix("tidegate."), field.name, field.default


# --- commands


def commands_page() -> str:
    """Return the whole command tree with every option."""
    lines = ["# Commands", "", WRITTEN, "`tidegate COMMAND --help` says the same.", ""]
    lines += ["A command that refuses says why in one sentence and exits with the code of the"]
    lines += ["[kind of error](errors.md)."]
    lines += _command(cli, ("tidegate",))
    return _joined(lines)


def _command(command: click.Command, path: tuple[str, ...]) -> Iterator[str]:
    context = click.Context(command, info_name=path[-1])
    if isinstance(command, click.Group):
        if len(path) > 1:
            yield from ("", f"## {' '.join(path)}", "", _words_of(command, path))
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            if found is not None:
                yield from _command(found, (*path, name))
        return
    arguments = [one for one in command.params if isinstance(one, click.Argument)]
    usage = " ".join((*path, *(one.make_metavar(context) for one in arguments)))
    yield from ("", f"{'##' if len(path) == 2 else '###'} {' '.join(path)}", "")
    yield from (f"`{usage}`", "", _words_of(command, path))
    options = [one for one in command.params if isinstance(one, click.Option)]
    if options:
        yield from ("", "| option | value | default | what it is |", "|---|---|---|---|")
        yield from (_option(one, context) for one in options)


def _words_of(command: click.Command, path: tuple[str, ...]) -> str:
    if not command.help:
        raise UndescribedError(f"The command `{' '.join(path)}` has no words; write its docstring.")
    return " ".join(command.help.split())


def _option(option: click.Option, context: click.Context) -> str:
    names = ", ".join(f"`{name}`" for name in (*option.opts, *option.secondary_opts))
    value = "" if option.is_flag else option.make_metavar(context).replace("|", " or ")
    default = "needed" if option.required else _default(option)
    repeated = " (may be repeated)" if option.multiple else ""
    return f"| {names} | {value} | {default} | {option.help or ''}{repeated} |"


def _default(option: click.Option) -> str:
    if isinstance(option.default, bool):
        names = option.opts if option.default else option.secondary_opts
        return f"`{names[0]}`" if names and option.secondary_opts else ""
    return f"`{option.default}`" if isinstance(option.default, str | int) and option.default else ""


# --- operations and machine routes


def api_page() -> str:
    """Return every operation of the management API and every route for other machines."""
    lines = [
        "# Addresses",
        "",
        WRITTEN,
        "",
        "## Management API",
        "",
        f"Paths stand under `{PREFIX}`. A call carries `Authorization: Bearer TOKEN`; bodies and",
        "answers are JSON; a refusal has the form and status of its [kind](errors.md). The same as",
        f"OpenAPI: `{PREFIX}/openapi.json`. The SDK `tidegate_client` calls these.",
        "",
        "| call | takes | gives | what it does |",
        "|---|---|---|---|",
    ]
    lines += [_operation(one) for one in OPERATIONS]
    lines += ["", "## Other machines", "", "Routes for nodes, protocols and monitoring."]
    for module, routes in _machine_doors():
        lines += ["", f"### `{module.__name__.removeprefix('tidegate.')}`", ""]
        lines += [_first_sentence(module.__doc__), ""]
        for route in routes:
            methods = sorted((route.methods or {"GET"}) - {"HEAD"})
            lines.append(f"- `{' '.join(methods)} {route.path}`")
    return _joined(lines)


def _operation(one: Operation) -> str:
    if not one.summary:
        raise UndescribedError(f"The operation {one.method} {one.path} has no summary.")
    public = " (no token)" if one.public else ""
    takes, gives = _type(one.takes), _type(one.gives)
    return f"| `{one.method} {one.path}` | {takes} | {gives} | {one.summary}{public} |"


def _type(kind: Any) -> str:
    if kind is None:
        return ""
    inside = [_type(each) for each in get_args(kind) if each is not Ellipsis]
    if get_origin(kind) is tuple:
        return f"list of {inside[0]}"
    if inside:
        return " or ".join(each for each in inside if each != "NoneType") or "object"
    return "object" if kind in {object, dict, Any} else str(kind.__name__)


def _machine_doors() -> Iterator[tuple[Any, list[Route]]]:
    node = SimpleNamespace(base_url="https://node.example")
    nobody = cast("House", SimpleNamespace(identity=SimpleNamespace(node=node)))  # never called
    for module in (commons, dsp, dcp, space, peer, visit, evidence):
        yield module, [one for one in module.routes(nobody) if not one.path.endswith("/")]
    yield health, health.routes(nobody, health.Meters(), lambda: True)


# --- events


def events_page() -> str:
    """Return every declared event, and which facts wake whom."""
    premis = all_events()
    lines = ["# Events", "", WRITTEN, ""]
    lines += ["Every act is one leaf of the evidence log under one of these codes; the journal"]
    lines += [f"refuses any other. PREMIS codes are those of <{PREMIS}>."]
    for path in sorted(SOURCE.glob("**/events.py")):
        inside = path.relative_to(SOURCE)
        module = importlib.import_module(".".join(("tidegate", *inside.with_suffix("").parts)))
        events: Mapping[str, str | None] = module.EVENTS
        lines += ["", f"## {'/'.join(inside.parts[:-1])}", "", _first_sentence(module.__doc__)]
        lines += ["", "| event | PREMIS |", "|---|---|"]
        lines += [f"| `{code}` | {_premis(premis[code])} |" for code in events]
    lines += ["", "## Facts and who reacts", ""]
    lines += ["A fact is announced in the write that makes it true; each handler then runs as a"]
    lines += ["background task of its own.", "", "| fact | handlers |", "|---|---|"]
    for fact, handlers in SUBSCRIPTIONS.items():
        lines.append(f"| `{fact}` | {', '.join(f'`{each}`' for each in handlers) or '—'} |")
    return _joined(lines)


def _premis(code: str | None) -> str:
    return f"[`{code}`]({PREMIS}/{code}) {EVENT_TYPES[code]}" if code else "—"


# --- errors


def errors_page() -> str:
    """Return the seven kinds, and every reason derived from them."""
    every = {each for module in _modules() for each in vars(module).values() if _is_error(each)}
    lines = ["# Errors", "", WRITTEN, "", "Every refusal is of one of seven kinds."]
    lines += ["", "| kind | HTTP | exit code | it means |", "|---|---|---|---|"]
    for kind, status in STATUS.items():
        words = _first_sentence(kind.__doc__)
        lines.append(f"| `{kind.kind}` | {status} | {EXIT_CODE[kind]} | {words} |")
    lines += ["", "A call without a valid token is answered 401. A withheld answer also carries"]
    lines += ['`"withheld": true`. `tidegate evidence verify` has its own exit codes: 0 verified,']
    lines += [
        "1 changed or missing, 2 consistent but unauthenticated (no `--trust`); a wrong option"
    ]
    lines += ["exits 2, and so does a trust file that cannot be read: nothing was verified then."]
    lines += ["", "The body of a refusal:", "", "```json"]
    lines += [
        '{"error": "kind", "code": "reason_code", "message": "What happened, what to do next.",'
    ]
    lines += [' "details": {}, "withheld": false}', "```"]
    for kind in STATUS:
        mine = [one for one in every if issubclass(one, kind) and one is not kind]
        lines += ["", f"## {kind.kind}", "", "| error | where | it means |", "|---|---|---|"]
        for one in sorted(mine, key=lambda each: (each.__module__, each.__name__)):
            place = one.__module__.removeprefix("tidegate.")
            lines.append(f"| `{one.__name__}` | `{place}` | {_first_sentence(one.__doc__)} |")
    return _joined(lines)


def _is_error(value: object) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, TidegateError)
        and (value is not TidegateError)
    )


# --- shared by the pages


def _modules() -> Iterator[Any]:
    """Import and yield every module of the node but its entry and its migrations."""
    for found in pkgutil.walk_packages(tidegate.__path__, "tidegate."):
        if ".migrations" not in found.name and not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _first_sentence(text: str | None) -> str:
    if not text:
        raise UndescribedError("A module or an error on these pages has no docstring.")
    return " ".join(text.split("\n\n")[0].split()).replace("|", "\\|")


def _joined(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "protocol": lambda: _joined(protocol_lines(WRITTEN)),
    "machines": machines_page,
    "constraints": constraints_page,
    "rules": lambda: rules_page(load_shipped()),
    "settings": settings_page,
    "commands": commands_page,
    "api": api_page,
    "events": events_page,
    "errors": errors_page,
}

if __name__ == "__main__":
    sys.exit(main())

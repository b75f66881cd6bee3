"""Examining a node: what is well, what is not, and what to do about it.

Every check stands alone: it asks for what it needs of the node, and what cannot be opened fails
that check in words. Nothing is changed, so a running node can be examined too.
"""

import stat
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from functools import cached_property
from pathlib import Path

import httpx
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from tidegate.catalogue import store as catalogue_store
from tidegate.catalogue.index import SearchIndex
from tidegate.commons import store as commons_store
from tidegate.commons.vault.errors import KeyDestroyedError
from tidegate.commons.vault.keyfiles import KeyFiles
from tidegate.db.engine import Database
from tidegate.db.migrate import check_current
from tidegate.kernel.clock import Clock, SystemClock, iso, parse_iso
from tidegate.kernel.errors import CorruptError, NotFoundError, TidegateError, UnavailableError
from tidegate.kernel.ids import RandomIds
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing, open_key_file
from tidegate.node import logbook
from tidegate.node.build import Node, assemble, open_database
from tidegate.node.clocks import clocks_apart
from tidegate.node.disk import check_disk
from tidegate.partners.model import MemberState
from tidegate.settings import NodeSettings, read_passphrase, read_settings
from tidegate.work import store as work_store

TOLERANCE = timedelta(seconds=5)  # a clock may be set back by so much without harm
ANSWER_WITHIN = 3.0  # seconds a serving node may take to answer the examiner
COMPARED_CLOCKS = 3
SHOWN_TASKS = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `words` of a failed one say what to do."""

    what: str
    is_well: bool
    words: str

    def as_dict(self) -> dict[str, str | bool]:
        """Return the finding for machines."""
        return {"what": self.what, "is_well": self.is_well, "words": self.words}


class NotExaminedError(UnavailableError):
    """A check needs something of the node that another check has found broken."""


class UnwellError(CorruptError):
    """A check found something wrong; the message says what to do."""


def examine(home: Path, clock: Clock | None = None) -> tuple[Finding, ...]:
    """Examine the node in `home`, check by check; never raises for a broken node."""
    with ExitStack() as stack:
        patient = _Patient(home, stack, clock or SystemClock())
        return tuple(_finding(what, check, patient) for what, check in CHECKS)


class _Patient:
    """A node as far as it can be opened; asking for what cannot be raises the reason."""

    def __init__(self, home: Path, stack: ExitStack, clock: Clock) -> None:
        self.home = home
        self.clock = clock
        self.stack = stack
        self.broken: set[str] = set()

    def need(self, *checks: str) -> None:
        """Raise NotExaminedError where an earlier check failed that this one builds on."""
        missing = [each for each in checks if each in self.broken]
        if missing:
            raise NotExaminedError(f"not examined: mend the {missing[0]} first, then ask again.")

    @cached_property
    def settings(self) -> NodeSettings:
        """Return the node's settings."""
        return read_settings(self.home)

    @cached_property
    def keys(self) -> KeyRing:
        """Return the node's opened keys."""
        return open_key_file(
            self.settings.keys_file, read_passphrase(self.settings.passphrase_file)
        )

    @cached_property
    def database(self) -> Database:
        """Return the node's database; never make one where there is none."""
        database = open_database(self.settings)
        self.stack.callback(database.close)
        place = database.url.database
        if database.is_sqlite and not (place and Path(place).is_file()):
            raise NotFoundError(f"{place} is missing; restore it from your backup of the database.")
        return database

    @cached_property
    def node(self) -> Node:
        """Return the node with its rooms, not serving."""
        return assemble(self.settings, self.database, self.keys, self.clock, RandomIds())


def _finding(what: str, check: Callable[[_Patient], str], patient: _Patient) -> Finding:
    try:
        return Finding(what, is_well=True, words=check(patient))
    except TidegateError as problem:
        words = problem.message
    except SQLAlchemyError as problem:
        words = (
            f"the database does not answer as it should ({type(problem).__name__}): see that it is"
            " up and that database_url in node.toml is right, or restore its backup."
        )
    except OSError as problem:
        name = problem.filename or patient.home
        words = f"{name} cannot be read ({problem.strerror}): mend its place and permissions."
    except Exception as problem:  # noqa: BLE001 - a broken node must not break its examination
        words = (
            f"it is damaged in a way not foreseen ({type(problem).__name__}): restore a backup,"
            " and report this kind of damage."
        )
    patient.broken.add(what)
    return Finding(what, is_well=False, words=words)


def _settings(patient: _Patient) -> str:
    settings = patient.settings
    return f"{settings.name}, {settings.participant.seat.value}, {settings.participant.did}"


def _disk(patient: _Patient) -> str:
    patient.need("settings")
    try:
        free = check_disk(patient.home)
    except UnavailableError as trouble:
        raise UnwellError(str(trouble)) from None
    return f"{free // 1024**2:,} MiB free, and may be written"


def _passphrase(patient: _Patient) -> str:
    patient.need("settings")
    file = patient.settings.passphrase_file
    read_passphrase(file)
    return f"{file}, readable by its owner alone"


def _keys(patient: _Patient) -> str:
    patient.need("settings", "passphrase")
    file = patient.settings.keys_file
    if not file.is_file():
        raise NotFoundError(f"{file} is missing; restore it from your backup of the keys.")
    opened = patient.keys
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise UnwellError(f"others may read {file}; run `chmod 600 {file}`.")
    return f"open; evidence key {opened.evidence_fingerprint[:16]}…"


def _database(patient: _Patient) -> str:
    patient.need("settings")
    with patient.database.reading() as conn:
        if not patient.database.is_sqlite:
            conn.exec_driver_sql("SELECT 1")
        elif (told := conn.exec_driver_sql("PRAGMA quick_check(1)").scalar()) != "ok":
            raise UnwellError(f"the file is damaged ({told}): restore the backup of the database.")
    check_current(patient.database)
    return f"{patient.database.url.get_backend_name()} answers; its schema is current"


def _reading(patient: _Patient, *more: str) -> Connection:
    patient.need("settings", "database", *more)
    return patient.stack.enter_context(patient.database.reading())


def _log(patient: _Patient) -> str:
    return logbook.check_log(_reading(patient))


def _signature(patient: _Patient) -> str:
    conn = _reading(patient, "passphrase", "keys", "evidence log")
    return logbook.check_signatures(
        conn, patient.keys.evidence_public, patient.settings.participant.did
    )


def _clock(patient: _Patient) -> str:
    last = logbook.last_moment(_reading(patient))
    now = patient.clock.now()
    if last and parse_iso(last) - TOLERANCE > now:
        raise UnwellError(
            f"the clock says {iso(now)}, but the last act in the log was at {last}: set the clock"
            " right (NTP) before anything else is written."
        )
    return f"{iso(now)}, after the last act in the log"


def _vault(patient: _Patient) -> str:
    conn = _reading(patient, "passphrase", "keys")
    keys = KeyFiles(patient.home / "vault" / "keys", patient.keys.derive("vault"))
    for name in keys.names():
        keys.open(name)
    missing = tuple(_missing_keys(conn, keys))
    if missing:
        raise UnwellError(
            f"{len(missing)} keys of holdings are missing or damaged, as {missing[0]}: restore"
            " vault/keys from its own backup."
        )
    return f"{len(keys.names())} keys open; every holding has its key, or it was destroyed"


def _missing_keys(conn: Connection, keys: KeyFiles) -> Iterator[str]:
    needed = {stored.key for held in commons_store.list_holdings(conn) for stored in held.objects()}
    for name in sorted(needed):
        try:
            keys.open(name)
        except KeyDestroyedError:
            continue
        except CorruptError:
            yield name


def _search(patient: _Patient) -> str:
    conn = _reading(patient)
    wanted = catalogue_store.get_revision(conn)
    held = SearchIndex(patient.home / "search").revision
    if held < 0:
        return "no index yet; the first search builds it"
    if held != wanted:
        return f"behind the catalogue ({held} of {wanted}); the next search catches up"
    return f"in step with the catalogue (revision {wanted})"


def _space(patient: _Patient) -> str:
    patient.need("settings", "database", "passphrase", "keys")
    status = patient.node.house.joining.status()
    if status.space is None:
        return "in no space yet; found one with `tidegate space create` or join one"
    if not status.is_ready:
        raise UnwellError(
            f"{status.words} Credentials live 24 hours and are renewed while the node serves:"
            " start it, and see that the authority's node can be reached."
        )
    until = min(each.valid_until for each in status.credentials)
    return f"{status.words} {len(status.members)} members; credentials until {until}"


def _other_clocks(patient: _Patient) -> str:
    """Compare with the clocks of other nodes, the authority's first: the log alone cannot tell."""
    patient.need("settings", "database", "passphrase", "keys")
    house, own = patient.node.house, patient.settings.participant.did
    patient.stack.callback(house.checkup.close)
    space = house.space.find_space()
    others = [
        one
        for one in (house.space.list_members() if space is not None else ())
        if one.did != own and one.state is MemberState.ACTIVE
    ]
    others.sort(key=lambda one: space is None or one.did != space.authority)
    told = {
        one.name: ahead
        for one in others[:COMPARED_CLOCKS]
        if (ahead := house.checkup.seconds_ahead(one.did, ANSWER_WITHIN)) is not None
    }
    if not told:
        return "no other node answers now; this clock is not compared"
    leeway = house.identity.settings.leeway_seconds
    if problem := clocks_apart(told, leeway):
        raise UnwellError(problem)
    return f"within {leeway} s of the clocks of {', '.join(told)}"


def _tasks(patient: _Patient) -> str:
    conn = _reading(patient)
    parked = work_store.list_parked(conn)
    if parked:
        named = "; ".join(
            f"{task.handler} ({task.problem_code or 'unknown'})" for task in parked[:SHOWN_TASKS]
        )
        raise UnwellError(
            f"{len(parked)} tasks wait for a person: {named}. See GET /api/v1/tasks/parked, mend"
            " the cause, then retry or discard each."
        )
    waiting = work_store.count_by_state(conn).get("waiting", 0)
    return f"none parked, {waiting} waiting"


def _serving(patient: _Patient) -> str:
    patient.need("settings")
    settings = patient.settings
    if not logbook.is_locked(patient.home / "serve.lock"):
        return f"not served now; start it with `tidegate serve --home {patient.home}`"
    try:
        answer = httpx.get(f"{settings.base_url}/.well-known/did.json", timeout=ANSWER_WITHIN)
        found = answer.json().get("id") if answer.is_success else None
    except (httpx.HTTPError, ValueError, AttributeError) as problem:
        raise UnwellError(
            f"a process serves this home, but {settings.base_url} does not answer"
            f" ({type(problem).__name__}): check base_url, host and port in node.toml, the name"
            " and the certificate."
        ) from None
    if found != settings.participant.did:
        raise UnwellError(
            f"another node answers at {settings.base_url}: check base_url and port in node.toml."
        )
    return f"served at {settings.base_url}"


CHECKS: tuple[tuple[str, Callable[[_Patient], str]], ...] = (
    ("settings", _settings),
    ("disk", _disk),
    ("passphrase", _passphrase),
    ("keys", _keys),
    ("database", _database),
    ("evidence log", _log),
    ("evidence signatures", _signature),
    ("clock", _clock),
    ("vault", _vault),
    ("search", _search),
    ("space", _space),
    ("other clocks", _other_clocks),
    ("tasks", _tasks),
    ("serving", _serving),
)
"""Every check, in the order a person would mend things."""

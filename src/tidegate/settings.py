"""A node's settings: one TOML file in its home, a few overrides from the environment, read once."""

import os
import re
import tomllib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from urllib.parse import quote, urlsplit

from tidegate.access.model import Participant, Seat
from tidegate.kernel.errors import ConflictError, InvalidError, NotFoundError
from tidegate.kernel.values import dataclass

FILE = "node.toml"
DATABASE = "TIDEGATE_DATABASE_URL"
PASSPHRASE_FILE = "TIDEGATE_PASSPHRASE_FILE"  # noqa: S105 - the name of a setting, not a secret
TEST_PLUGIN = "TIDEGATE_TEST_PLUGIN"
MOST_BYTES = 1024**4
KEEP_FREE = 2 * 1024**3
_HOST = re.compile(r"([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")


class NodeRole(StrEnum):
    """What a node is in its space."""

    AUTHORITY = "authority"
    PARTICIPANT = "participant"


class HomeMissingError(NotFoundError):
    """There is no node in this directory."""


class HomeExistsError(ConflictError):
    """There is a node in this directory already."""


@dataclass(frozen=True, slots=True)
class NodeSettings:
    """Everything a node is told from outside.

    `host` and `port` are what it binds; `base_url` is how others reach it. Without TLS files the
    node binds loopback only, and only a space of profile `loopback` takes it in. `tls_ca` holds the
    authorities that may certify other nodes, where the system's own are not the ones to trust.
    `patience_seconds` is how long a caller may take to say a request's head, and each further
    16 KiB of its body. `rows_most_bytes` is the largest copy of rows the node takes in,
    `rows_keep_free` how many bytes of its disk stay free of them.
    """

    home: Path
    name: str
    participant: Participant
    role: NodeRole
    host: str
    port: int
    base_url: str
    database_url: str
    passphrase_file: Path
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_ca: Path | None = None
    patience_seconds: float = 30.0
    rows_most_bytes: int = MOST_BYTES
    rows_keep_free: int = KEEP_FREE

    @property
    def keys_file(self) -> Path:
        """Return where the sealed keys are."""
        return self.home / "keys" / "node.json"

    @property
    def is_loopback(self) -> bool:
        """Tell whether the node can be reached from its own machine only."""
        return self.host in {"127.0.0.1", "::1", "localhost"}


def did_for(base_url: str) -> str:
    """Return the did:web of a node by its base URL (did:web method, §3.2: a port as %3A)."""
    try:
        parts = urlsplit(base_url)
        is_whole = parts.scheme in {"http", "https"} and _HOST.fullmatch(parts.netloc)
        is_bare = not (parts.path.strip("/") or parts.query or parts.fragment)
    except ValueError:
        is_whole = is_bare = None
    if not (is_whole and is_bare):
        raise InvalidError("A node's address is http(s)://host[:port], without a path.")
    return "did:web:" + quote(parts.netloc, safe=".-")


def check_exposure(settings: NodeSettings) -> None:
    """Raise InvalidError where others could reach the node without TLS."""
    if not settings.is_loopback and settings.tls_certificate is None:
        raise InvalidError(
            f"{settings.host} can be reached by others, so TLS is needed: set tls_certificate and"
            " tls_key, or bind 127.0.0.1.",
            code="tls_missing",
        )
    if settings.base_url.startswith("http://") and not settings.is_loopback:
        raise InvalidError(
            "A node that others can reach has an https:// base_url.", code="not_https"
        )


def write_settings(settings: NodeSettings) -> None:
    """Write the settings of a new node; raise HomeExistsError if there is one."""
    path = settings.home / FILE
    check_is_free(settings.home)
    settings.home.mkdir(mode=0o700, parents=True, exist_ok=True)
    lines = [
        "# A Tidegate node. What each line means: docs/reference/settings.md",
        f"name = {_quoted(settings.name)}",
        f"seat = {_quoted(settings.participant.seat.value)}",
        f"role = {_quoted(settings.role.value)}",
        f"host = {_quoted(settings.host)}",
        f"port = {settings.port}",
        f"base_url = {_quoted(settings.base_url)}",
        f"database_url = {_quoted(settings.database_url)}",
        f"passphrase_file = {_quoted(str(settings.passphrase_file))}",
    ]
    if settings.tls_certificate and settings.tls_key:
        lines.append(f"tls_certificate = {_quoted(str(settings.tls_certificate))}")
        lines.append(f"tls_key = {_quoted(str(settings.tls_key))}")
    if settings.tls_ca:
        lines.append(f"tls_ca = {_quoted(str(settings.tls_ca))}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def check_is_free(home: Path) -> None:
    """Raise HomeExistsError where a node is already."""
    if (home / FILE).exists():
        raise HomeExistsError(
            f"{home} holds a node already; choose another directory for a new one."
        )


def read_settings(home: Path, environment: Mapping[str, str] | None = None) -> NodeSettings:
    """Read a node's settings; raise HomeMissingError or InvalidError naming the line to mend."""
    surroundings = os.environ if environment is None else environment  # noqa: TID251 - the one reader
    path = home / FILE
    if not path.is_file():
        raise HomeMissingError(
            f"{home} holds no node; make one with `tidegate init {home} --name … --seat …`."
        )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as problem:
        raise InvalidError(f"{path} is not valid TOML: {problem}.") from None
    try:
        participant = Participant(did_for(found["base_url"]), found["name"], Seat(found["seat"]))
        return NodeSettings(
            home=home,
            name=found["name"],
            participant=participant,
            role=NodeRole(found["role"]),
            host=found["host"],
            port=int(found["port"]),
            base_url=found["base_url"].rstrip("/"),
            database_url=_database(surroundings.get(DATABASE) or found["database_url"], home),
            passphrase_file=home / (surroundings.get(PASSPHRASE_FILE) or found["passphrase_file"]),
            tls_certificate=_path(home, found.get("tls_certificate")),
            tls_key=_path(home, found.get("tls_key")),
            tls_ca=_path(home, found.get("tls_ca")),
            patience_seconds=_positive(found.get("patience_seconds", 30)),
            rows_most_bytes=_bytes(found, "rows_most_bytes", MOST_BYTES),
            rows_keep_free=_bytes(found, "rows_keep_free", KEEP_FREE),
        )
    except KeyError as missing:
        raise InvalidError(f"{path} lacks the line {missing}; add it.") from None
    except ValueError as problem:
        raise InvalidError(f"{path} has a value that does not fit: {problem}.") from None


def read_passphrase(path: Path) -> str:
    """Read the passphrase; refuse a file that others may read, or an empty one."""
    if not path.is_file():
        raise NotFoundError(f"The passphrase file {path} is missing; put it back to open the keys.")
    if path.stat().st_mode & 0o077:
        raise InvalidError(f"Others may read {path}; run `chmod 600 {path}` first.")
    try:
        passphrase = path.read_text(encoding="utf-8").strip()
    except ValueError:
        raise InvalidError(
            f"{path} is not text in UTF-8; the passphrase is one line of it."
        ) from None
    if not passphrase:
        raise InvalidError(f"{path} is empty; put the passphrase of this node's keys into it.")
    return passphrase


def is_under_test() -> bool:
    """Tell whether a test plugin was asked for; a production node refuses to start then."""
    return bool(os.environ.get(TEST_PLUGIN))  # noqa: TID251 - the one reader


def _database(url: str, home: Path) -> str:
    """Let a relative SQLite path count from the home."""
    return re.sub(r"^sqlite:///(?!/)", f"sqlite:///{home.resolve()}/", url)


def _path(home: Path, text: str | None) -> Path | None:
    return home / text if text else None


def _positive(number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 < number < 86_400:
        raise ValueError("patience_seconds is a number of seconds above 0 and below a day")
    return float(number)


def _bytes(found: Mapping[str, object], name: str, usual: int) -> int:
    number = found.get(name, usual)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 2**53:
        raise ValueError(f"{name} is a whole number of bytes")
    return number


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
    return f'"{escaped}"'

"""Knock at an address: does it open, and does its certificate hold. No request is sent."""

from typing import TYPE_CHECKING

from tidegate.kernel.values import dataclass

if TYPE_CHECKING:
    import ssl

_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Knock:
    """How knocking ended: `code` is empty where the door opened; `until` ends the certificate."""

    code: str = ""
    words: str = ""
    until: str = ""


def knock(
    address: str, port: int, *, name: str = "", context: "ssl.SSLContext | None" = None
) -> Knock:
    """Connect to an address that was checked before; with a context, as TLS for that name."""
    import socket  # noqa: PLC0415 - with ssl, needed only here

    try:
        with socket.create_connection((address, port), timeout=_SECONDS) as line:
            if context is None:
                return Knock()
            with context.wrap_socket(line, server_hostname=name) as tls:
                certificate = tls.getpeercert() or {}
                return Knock(until=_moment(str(certificate.get("notAfter", ""))))
    except OSError as problem:
        return _closed(problem)


def _closed(problem: OSError) -> Knock:
    """Say why a door stayed shut; the most particular reason first."""
    import ssl  # noqa: PLC0415 - loaded by now

    if isinstance(problem, ssl.SSLCertVerificationError):
        return Knock("certificate", problem.verify_message or "it does not hold")
    if isinstance(problem, ssl.SSLError):
        return Knock("no_tls", problem.reason or "no TLS is spoken there")
    codes: tuple[tuple[type[OSError], str], ...] = (
        (TimeoutError, "timeout"),
        (ConnectionRefusedError, "refused"),
    )
    code = next((name for kind, name in codes if isinstance(problem, kind)), "unreachable")
    return Knock(code, problem.strerror or type(problem).__name__)


def _moment(text: str) -> str:
    """Turn the end of a certificate (RFC 5280 §4.1.2.5, as OpenSSL writes it) into our form."""
    import ssl  # noqa: PLC0415
    from datetime import UTC, datetime  # noqa: PLC0415 - with ssl, needed only here

    from tidegate.kernel.clock import iso  # noqa: PLC0415

    return iso(datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)) if text else ""


def look_up(host: str, port: int) -> tuple[str, ...]:
    """Resolve a host name by the system's resolver; raise OSError where it has no address."""
    import socket  # noqa: PLC0415 - needed only here

    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))

"""The steps of an examination, in the order in which a person would mend things."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from tidegate.connector.checkup.desk import Tools
from tidegate.connector.checkup.model import Result, Said, Step
from tidegate.connector.errors import (
    AddressRefusedError,
    CredentialInvalidError,
    DidInvalidError,
    PeerUnreachableError,
)
from tidegate.connector.http.addresses import check_url, may_call
from tidegate.connector.http.model import Answer
from tidegate.connector.identity import jose
from tidegate.connector.identity.did import did_url, read_document
from tidegate.connector.identity.model import DidDocument
from tidegate.connector.messages.compose import document
from tidegate.connector.messages.delivery import refusal_of
from tidegate.connector.messages.wire import VERSION
from tidegate.connector.progress.model import Trouble
from tidegate.kernel.clock import iso
from tidegate.kernel.errors import TidegateError
from tidegate.partners.model import Member, MemberState

SECONDS = 5.0
REFUSALS_WITHIN = timedelta(days=1)
NEEDED = ("CredentialService", "DataService")
_SHOWN_ADDRESSES = 4


def _ok(code: str = "ok", **values: str) -> Said:
    return Said(Result.OK, code, values)


def _failed(code: str, **values: str) -> Said:
    return Said(Result.FAILED, code, values)


def _skipped(code: str) -> Said:
    return Said(Result.SKIPPED, code)


class Exam:
    """One examination: what a step learnt is there for the steps after it."""

    def __init__(self, tools: Tools, did: str, *, is_served: bool) -> None:
        self.tools = tools
        self.did = did
        self.is_served = is_served
        self.url = ""
        self.address = ""
        self.found: DidDocument | None = None
        self.answer: Answer | None = None
        self.asked_at = tools.clock.now()
        self.member: Member | None = None

    @property
    def place(self) -> tuple[str, int]:
        """Host and port of the DID's address."""
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)

    def endpoint(self, service: str) -> str:
        """Return the address of a service of the peer, or an empty string."""
        return (self.found.find_endpoint(service) or "") if self.found is not None else ""


def _did(exam: Exam) -> Said:
    if exam.did == exam.tools.did:
        return _failed("own")
    try:
        exam.url = did_url(exam.did, loopback=exam.tools.http.is_loopback)
    except DidInvalidError as problem:
        return _failed("malformed", said=problem.message)
    return _ok(url=exam.url)


def _space(exam: Exam) -> Said:
    space = exam.tools.space.find_space()
    if space is None:
        return _failed("none")
    return _ok(name=space.name, profile=space.profile.value)


def _name(exam: Exam) -> Said:
    host, port = exam.place
    try:
        addresses = exam.tools.resolve(host, port)
    except (OSError, UnicodeError) as problem:
        said = problem.strerror if isinstance(problem, OSError) else ""
        return _failed("unresolved", host=host, said=said or "")
    shown = ", ".join(addresses[:_SHOWN_ADDRESSES])
    loopback = exam.tools.http.is_loopback
    open_ones = [each for each in addresses if may_call(each, loopback=loopback)]
    if not open_ones:
        return _failed("inside", host=host, addresses=shown)
    exam.address = open_ones[0]
    return _ok(host=host, addresses=shown)


def _connection(exam: Exam) -> Said:
    host, port = exam.place
    if exam.url.startswith("http://"):
        knocked = exam.tools.knock(exam.address, port)
    else:
        from tidegate.connector.http.transport import ssl_context  # noqa: PLC0415 - heavy

        context = ssl_context(exam.tools.settings)
        knocked = exam.tools.knock(exam.address, port, name=host, context=context)
    if knocked.code:
        return _failed(knocked.code, address=exam.address, port=str(port), said=knocked.words)
    return _ok(until=knocked.until) if knocked.until else _ok("plain")


def _document(exam: Exam) -> Said:
    exam.asked_at = exam.tools.clock.now()
    try:
        exam.answer = exam.tools.http.get(exam.url, seconds=SECONDS)
        body = exam.answer.checked().body
        exam.found = read_document(body, exam.did)
    except PeerUnreachableError as problem:
        return _failed("unanswered", said=problem.message)
    except DidInvalidError as problem:
        return _failed("malformed", url=exam.url, said=problem.message)
    except TidegateError as problem:
        return _failed("declined", url=exam.url, said=problem.message)
    if not exam.found.methods:
        return _failed("keyless")
    return _ok(keys=str(len(exam.found.methods)))


def _services(exam: Exam) -> Said:
    missing = [each for each in NEEDED if not exam.endpoint(each)]
    if missing:
        return _failed("missing", services=", ".join(missing))
    for each in NEEDED:
        try:
            check_url(exam.endpoint(each), loopback=exam.tools.http.is_loopback)
        except AddressRefusedError as problem:
            return _failed("closed", services=each, said=problem.message)
    named = exam.found.services if exam.found is not None else ()
    return _ok(services=", ".join(sorted({each.type for each in named if each.type})))


def seconds_ahead(answer: Answer, asked_at: datetime) -> float | None:
    """Return how far the clock that dated an answer is ahead of ours (RFC 9110 §6.6.1).

    None where the answer has no date that can be read.
    """
    try:
        theirs = parsedate_to_datetime(answer.headers.get("date", ""))
        aware = theirs if theirs.tzinfo is not None else theirs.replace(tzinfo=UTC)
        return (aware - asked_at).total_seconds()
    except (ValueError, TypeError, OverflowError):
        return None


def _clock(exam: Exam) -> Said:
    apart = seconds_ahead(exam.answer, exam.asked_at) if exam.answer is not None else None
    if apart is None:
        return _skipped("unsaid")
    leeway = exam.tools.identity.settings.leeway_seconds
    seconds = str(round(abs(apart)))
    if abs(apart) <= leeway:
        return _ok(seconds=seconds)
    return _failed("ahead" if apart > 0 else "behind", seconds=seconds, leeway=str(leeway))


def _version(exam: Exam) -> Said:
    parts = urlsplit(exam.endpoint("DataService"))
    url = f"{parts.scheme}://{parts.netloc}/.well-known/dspace-version"
    try:
        body = exam.tools.http.get(url, seconds=SECONDS).checked().body
    except TidegateError as problem:
        return _failed("unanswered", said=problem.message)
    listed = body.get("protocolVersions") if isinstance(body, dict) else None
    entries = listed if isinstance(listed, list) else []
    versions = [str(one.get("version", "")) for one in entries if isinstance(one, dict)]
    if VERSION in versions:
        return _ok(version=VERSION)
    if not versions:
        return _failed("unanswered", said="")
    return _failed("other", versions=", ".join(versions)[:100], version=VERSION)


def _member(exam: Exam) -> Said:
    exam.member = exam.tools.space.find_member(exam.did)
    if exam.member is None:
        return _failed("unknown")
    if exam.member.state is MemberState.REVOKED:
        return _failed("revoked", said=exam.member.revoked_reason)
    return _ok(name=exam.member.name, role=exam.member.role.value)


def _credential(exam: Exam) -> Said:
    identity = exam.tools.identity
    jwt = next((one for one in identity.list_peer_memberships() if _subject(one) == exam.did), "")
    if not jwt:
        return _skipped("never")
    identity.statuses.forget()  # a revocation of this minute counts too
    try:
        held = identity.verifier.verify_credential(
            jwt, holder=exam.did, authority=identity.authority()
        )
    except CredentialInvalidError as problem:
        if problem.code == "credential_expired":
            return _skipped("old")
        return _failed("bad", said=problem.message)
    except TidegateError as problem:
        return _failed("status", said=problem.message)
    return _ok(until=held.valid_until)


def _subject(jwt: str) -> str:
    try:
        return str(jose.read(jwt).claims.get("sub", ""))
    except CredentialInvalidError:
        return ""


def _seat(exam: Exam) -> Said:
    listed = exam.member.seat.value if exam.member is not None else ""
    met = exam.tools.identity.standings.find(exam.did)
    if met is not None and met.seat.value != listed:
        return _failed("differs", seat=met.seat.value, listed=listed)
    return _ok(seat=listed)


def _certification(exam: Exam) -> Said:
    met = exam.tools.identity.standings.find(exam.did)
    if met is None:
        return _skipped("never")
    if not met.certifications:
        return _skipped("none")
    return _ok(schemes=", ".join(met.certifications))


def _own(exam: Exam) -> Said:
    return _ok() if exam.tools.wallet.has_membership() else _failed("missing")


def _call(exam: Exam) -> Said:
    base = exam.tools.base
    if not exam.is_served:
        return _failed("not_served")
    try:
        answer = exam.tools.http.post(
            f"{exam.endpoint('DataService').rstrip('/')}/catalog/request",
            document("CatalogRequestMessage"),
            authorization=exam.tools.identity.token_for(exam.did),
            seconds=2 * SECONDS,
        )
    except PeerUnreachableError as problem:
        return _failed("unanswered", said=problem.message)
    except TidegateError as problem:
        return _failed("strange", said=problem.message)
    if answer.is_ok:
        return _ok(base=base)
    said = refusal_of(answer.body) or answer.reason or f"HTTP {answer.status}"
    codes = {401: "unproven", 403: "refused", 404: "strange"}
    code = "unable" if answer.is_transient else codes.get(answer.status, "strange")
    return _failed(code, said=said, base=base)


def _refusals(exam: Exam) -> Said:
    since = iso(exam.tools.clock.now() - REFUSALS_WITHIN)
    noted = [one for one in exam.tools.identity.refusals.list_all(exam.did) if one.at >= since]
    if not noted:
        return _ok()
    last = noted[0]
    said = last.words or last.code
    return _failed("some", count=str(len(noted)), at=last.at, said=said, did=exam.did)


def _messages(exam: Exam) -> Said:
    waiting = {Trouble.PERSON, Trouble.APPROVAL, Trouble.HELD}
    stuck = [
        (each.obstacles[0].words or each.obstacles[0].trouble.value)
        for each in exam.tools.stuck()
        if each.process.peer_did == exam.did and each.obstacles[0].trouble not in waiting
    ]
    stuck += [
        task.problem or task.handler
        for task in exam.tools.parked()
        if task.payload.get("to") == exam.did
    ]
    return _failed("stuck", count=str(len(stuck)), said=stuck[0]) if stuck else _ok()


CHECKS: tuple[tuple[Step, tuple[Step, ...], Callable[[Exam], Said]], ...] = (
    (Step.DID, (), _did),
    (Step.SPACE, (), _space),
    (Step.NAME, (Step.DID,), _name),
    (Step.CONNECTION, (Step.NAME,), _connection),
    (Step.DOCUMENT, (Step.CONNECTION,), _document),
    (Step.SERVICES, (Step.DOCUMENT,), _services),
    (Step.CLOCK, (Step.DOCUMENT,), _clock),
    (Step.VERSION, (Step.SERVICES,), _version),
    (Step.MEMBER, (Step.DID, Step.SPACE), _member),
    (Step.CREDENTIAL, (Step.MEMBER,), _credential),
    (Step.SEAT, (Step.MEMBER,), _seat),
    (Step.CERTIFICATION, (Step.MEMBER,), _certification),
    (Step.OWN, (Step.SPACE,), _own),
    (Step.CALL, (Step.SERVICES, Step.OWN), _call),
    (Step.REFUSALS, (Step.DID,), _refusals),
    (Step.MESSAGES, (Step.DID,), _messages),
)
"""Every step with the steps that must have gone well before it, in order."""

"""Carry a message to a peer once, and tell in few words how that ended."""

import threading
from collections.abc import Mapping
from typing import Any, Protocol

from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.http.model import Answer
from tidegate.kernel.errors import TidegateError, UnavailableError
from tidegate.kernel.text import printable
from tidegate.kernel.values import dataclass

ANSWER_SECONDS = 2.0


class Wire(Protocol):
    """The way out: the HTTP client of the node, or two nodes joined in a test."""

    def post(
        self, url: str, body: object, *, authorization: str = "", seconds: float | None = None
    ) -> Answer:
        """Send a JSON document; any status comes back as an answer."""
        ...

    def get(self, url: str, *, authorization: str = "", seconds: float | None = None) -> Answer:
        """Ask for a document; any status comes back as an answer."""
        ...


class Credentials(Protocol):
    """What proves this node to a peer, and finds the peer."""

    def token_for(self, audience: str) -> str:
        """Return a fresh Authorization header for the node with that DID."""
        ...

    def token_with(self, audience: str, access_token: str = "") -> str:
        """Return an Authorization header that carries an access token we were given."""
        ...

    def endpoint_of(self, did: str, service_type: str) -> str:
        """Return the address of a service of another node."""
        ...


@dataclass(frozen=True, slots=True)
class Delivery:
    """How one try ended; `code` is empty when the peer acknowledged."""

    code: str
    words: str
    body: Any = None


class Courier:
    """Carries messages, proving each time who sends them."""

    def __init__(self, wire: Wire, credentials: Credentials) -> None:
        self._wire = wire
        self._credentials = credentials

    def carry(self, document: object, *, to: str, url: str) -> Delivery:
        """Send one message once.

        404 may mean that the peer has not committed its side yet, 401 and 403 that it could not
        look up who speaks; 5xx and broken connections pass. Any other refusal is final, and so is
        404 in the protocol's own words where a negotiation is opened: what is not there is the
        offer.
        """
        try:
            answer = self._wire.post(url, document, authorization=self._credentials.token_for(to))
        except PeerUnreachableError as problem:
            return Delivery("no_answer", problem.message)
        except UnavailableError as problem:
            return Delivery("unable", problem.message)
        except TidegateError as problem:
            return Delivery("refused", problem.message)
        opens = isinstance(document, Mapping) and _opens(document)
        return judge(answer, opens=opens)

    def token_for(self, did: str) -> str:
        """Return a fresh Authorization header for a peer."""
        return self._credentials.token_for(did)

    def token_with(self, did: str, access_token: str) -> str:
        """Return an Authorization header that proves whom an access token was given to."""
        return self._credentials.token_with(did, access_token)

    def address_of(self, did: str) -> str:
        """Return the Dataspace Protocol base address of a peer."""
        return self._credentials.endpoint_of(did, "DataService").rstrip("/")


def judge(answer: Answer, *, opens: bool = False) -> Delivery:
    """Tell what an answer means for the message it answers; `opens` if that opens a negotiation."""
    if answer.is_ok:
        return Delivery("", "The peer acknowledged.", answer.body)
    told = refusal_of(answer.body) or answer.reason
    said = f" It says: {told}" if told else ""
    if answer.status == 404 and not (opens and refusal_of(answer.body)):
        return Delivery("too_early", f"The peer does not know this process (yet).{said}")
    if answer.status == 409:  # an EDC that is busy with this very process says so, too
        return Delivery("too_early", f"The peer cannot take this (yet).{said}")
    if answer.status in {401, 403}:
        return Delivery("unproven", f"The peer does not believe who speaks (yet).{said}")
    # 405: a connector that is starting, its doors not all open (seen at Eclipse EDC)
    if answer.is_transient or answer.status >= 500 or answer.status == 405:
        return Delivery("unable", f"The peer cannot answer now (HTTP {answer.status}).{said}")
    return Delivery("refused", f"The peer refused (HTTP {answer.status}).{said}")


def _opens(document: Mapping[str, Any]) -> bool:
    """Tell whether a message opens a negotiation; a counter-offer names no callback."""
    kinds = {"ContractRequestMessage", "ContractOfferMessage"}
    return document.get("@type") in kinds and "callbackAddress" in document


def refusal_of(body: object) -> str:
    """Return the reasons of a typed error of the protocol, shortened."""
    reasons = body.get("reason") if isinstance(body, dict) else None
    if not isinstance(reasons, list):
        return ""
    return printable("; ".join(one for one in reasons if isinstance(one, str)), 300)


class AnswerGate:
    """Holds back what follows from a message until its HTTP answer has left this node.

    Keyed by the peer's pid, in memory: after a restart nothing is being answered. A door that
    dies leaves the gate shut for at most `ANSWER_SECONDS`.
    """

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._answering: dict[str, int] = {}

    def hold(self, peer_pid: str) -> None:
        """Shut the gate: a message of this process is being answered."""
        with self._condition:
            self._answering[peer_pid] = self._answering.get(peer_pid, 0) + 1

    def release(self, peer_pid: str) -> None:
        """Open the gate: the answer has left."""
        with self._condition:
            left = self._answering.get(peer_pid, 0) - 1
            if left > 0:
                self._answering[peer_pid] = left
            else:
                self._answering.pop(peer_pid, None)
            self._condition.notify_all()

    def wait(self, peer_pid: str, seconds: float = ANSWER_SECONDS) -> None:
        """Return when nothing of this process is being answered."""
        with self._condition:
            self._condition.wait_for(lambda: peer_pid not in self._answering, timeout=seconds)

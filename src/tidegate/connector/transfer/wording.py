"""What the messages of a transfer say, where they go, and what their first answer tells."""

from typing import Any
from urllib.parse import quote

from tidegate.connector.messages.compose import Document, document
from tidegate.connector.messages.errors import MessageRefusedError
from tidegate.connector.messages.read import hear
from tidegate.connector.messages.wire import TransferProcess
from tidegate.connector.transfer.model import Step, Transfer

TYPES = {
    Step.REQUEST: "TransferRequestMessage",
    Step.START: "TransferStartMessage",
    Step.SUSPEND: "TransferSuspensionMessage",
    Step.COMPLETE: "TransferCompletionMessage",
    Step.TERMINATE: "TransferTerminationMessage",
}
_PLACES = {
    Step.REQUEST: "request",
    Step.START: "start",
    Step.SUSPEND: "suspension",
    Step.COMPLETE: "completion",
    Step.TERMINATE: "termination",
}


def compose(one: Transfer, step: Step, message_id: str, callback: str) -> Document:
    """Write the message that takes this step now, without its secrets."""
    if step is Step.REQUEST:
        return document(
            TYPES[step],
            message_id,
            consumerPid=one.pid,
            agreementId=one.agreement_id,
            format=one.format,
            callbackAddress=callback,
        )
    about: dict[str, Any] = {"providerPid": one.provider_pid, "consumerPid": one.consumer_pid}
    if step in {Step.SUSPEND, Step.TERMINATE}:
        about["code"] = one.reason_code
        about["reason"] = [one.reason] if one.reason else []
    return document(TYPES[step], message_id, **about)


def place_of(one: Transfer, step: Step) -> str:
    """Return the URL this step is sent to."""
    base = f"{one.peer_address}/transfers"
    if step is Step.REQUEST:
        return f"{base}/request"
    return f"{base}/{quote(one.peer_pid, safe=':')}/{_PLACES[step]}"


def answered_pid(one: Transfer, body: object) -> str:
    """Return the pid the provider gave this transfer in its first answer."""
    answer = hear(body, TransferProcess).message
    if answer.consumer_pid != one.pid:
        raise MessageRefusedError("The peer answered about another transfer.", code="pid_mismatch")
    return answer.provider_pid

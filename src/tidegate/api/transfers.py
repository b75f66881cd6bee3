"""Management operations of transfers: visits, rows, and the scripts they follow."""

from collections.abc import Generator
from contextlib import closing

from starlette.responses import Response, StreamingResponse

from tidegate.access.model import Role, person_ref
from tidegate.access.rules import check_has_role
from tidegate.api.connector import Nothing, Reason
from tidegate.api.kit import Call, Operation, attachment
from tidegate.commons.rows.service import Readable
from tidegate.connector.dataplane.model import HTTP_PULL, RowsProgress
from tidegate.connector.messages.model import MessageRecord
from tidegate.connector.transfer.model import Transfer, TransferScript
from tidegate.kernel.errors import ForbiddenError, NotFoundError
from tidegate.kernel.values import dataclass
from tidegate.policy.model import AgreementState

PIECE = 1024 * 1024


class RowsNotMovingError(NotFoundError):
    """No rows of this transfer have moved, or not all of them."""


class RowsClosedError(ForbiddenError):
    """The agreement under which the rows came does not allow reading them now."""


@dataclass(frozen=True, slots=True)
class AskForRows:
    """Ask for the rows of an agreement: fetched by us (pull) or sent by the provider (push)."""

    agreement_id: str
    format: str = HTTP_PULL


@dataclass(frozen=True, slots=True)
class AskForVisit:
    """Ask to compute under an agreement."""

    agreement_id: str


@dataclass(frozen=True, slots=True)
class TransferPage:
    """A transfer with every message of it, without its secrets."""

    transfer: Transfer
    messages: tuple[MessageRecord, ...]


@dataclass(frozen=True, slots=True)
class VisitPage:
    """Where a visit is and until when; the token stays in the node."""

    transfer: str
    endpoint: str
    expires_at: str


def list_transfers(call: Call[None]) -> tuple[Transfer, ...]:
    """Return transfers, newest first."""
    return call.house.transfer.list_transfers(
        agreement_id=call.query.get("agreement", ""), state=call.query.get("state", "")
    )


def show_transfer(call: Call[None]) -> TransferPage:
    """Return a transfer with its messages."""
    pid = call.path["pid"]
    return TransferPage(call.house.transfer.get(pid), call.house.transfer.list_messages(pid))


def terminate_transfer(call: Call[Reason]) -> Transfer:
    """End a transfer."""
    return call.house.transfer.terminate(call.path["pid"], call.body.reason, by=call.actor)


def suspend_transfer(call: Call[Reason]) -> Transfer:
    """Hold a transfer."""
    return call.house.transfer.suspend(call.path["pid"], call.body.reason, by=call.actor)


def resume_transfer(call: Call[Nothing]) -> Transfer:
    """Let a transfer this side holds go on."""
    return call.house.transfer.resume(call.path["pid"], by=call.actor)


def complete_transfer(call: Call[Nothing]) -> Transfer:
    """Say that a transfer has served its purpose."""
    return call.house.transfer.complete(call.path["pid"], by=call.actor)


def ask_for_rows(call: Call[AskForRows]) -> Transfer:
    """Ask the provider for the rows of an agreement; asking again returns what is open."""
    asked = call.body
    return call.house.transfer.request_rows(asked.agreement_id, asked.format, by=call.actor)


def show_rows_progress(call: Call[None]) -> RowsProgress:
    """Return how far the rows of a transfer are."""
    pid = call.path["pid"]
    found = call.house.dataplane.progress(pid)
    if found is None:
        raise RowsNotMovingError(
            "No row of this transfer has begun to move; look at its state.", code="rows_not_moving"
        )
    return found


def read_rows(call: Call[None]) -> Response:
    """Return the copy a transfer brought, decrypted as it leaves, with evidence of who read it."""
    check_has_role(call.actor, Role.RESEARCHER, Role.STEWARD)
    one = call.house.transfer.get_own(call.path["pid"], by=call.actor)
    agreement = call.house.policy.find_agreement(one.agreement_id)
    if agreement is None or agreement.state is not AgreementState.ACTIVE:
        raise RowsClosedError(
            "Rows are read while their agreement is in force; look at its page.",
            code="agreement_not_active",
        )
    found = call.house.dataplane.progress(one.pid)
    if found is None or not found.copy:
        raise RowsNotMovingError(
            "The rows have not arrived whole; look at the progress.", code="rows_not_whole"
        )
    derived, file = call.house.rows.open_copy(found.copy, by=call.actor)
    return StreamingResponse(
        _pieces(file),
        media_type="application/octet-stream",
        headers={
            "content-disposition": attachment(derived.name),
            "content-length": str(found.total),
            "cache-control": "no-store",
        },
    )


def _pieces(file: Readable) -> Generator[bytes]:
    with closing(file):
        while piece := file.read(PIECE):
            yield piece


def show_script(call: Call[None]) -> TransferScript:
    """Return the transfer script in force for an agreement or dataset."""
    return call.house.transfer.get_script(call.path["subject"])


def set_script(call: Call[TransferScript]) -> TransferScript:
    """Set what this node does, step by step, with transfers of an agreement or dataset."""
    return call.house.transfer.set_script(call.path["subject"], call.body, by=call.actor)


def open_visit(call: Call[AskForVisit]) -> VisitPage:
    """Ask for a visit and wait until the provider started or refused it."""
    agreement = call.body.agreement_id
    address = call.house.transfer.open_visit(agreement, by=call.actor)
    who = person_ref(call.house.participant.did, call.actor.person_id)
    one = call.house.transfer.find_visit(agreement, who)
    return VisitPage(one.pid if one else "", address.endpoint, address.expires_at)


OPERATIONS: tuple[Operation, ...] = (
    Operation(
        "GET",
        "/transfer-scripts/{subject}",
        show_script,
        gives=TransferScript,
        summary="Show the transfer script of an agreement or dataset",
    ),
    Operation(
        "PUT",
        "/transfer-scripts/{subject}",
        set_script,
        takes=TransferScript,
        gives=TransferScript,
        summary="Set the transfer script of an agreement or dataset",
    ),
    Operation(
        "GET",
        "/transfers",
        list_transfers,
        gives=tuple[Transfer, ...],
        summary="List transfers",
    ),
    Operation(
        "POST",
        "/transfers",
        ask_for_rows,
        takes=AskForRows,
        gives=Transfer,
        summary="Ask for the rows of an agreement",
        status=201,
    ),
    Operation(
        "GET",
        "/transfers/{pid}/progress",
        show_rows_progress,
        gives=RowsProgress,
        summary="Show how far the rows of a transfer are",
    ),
    Operation(
        "GET",
        "/transfers/{pid}/content",
        read_rows,
        gives=bytes,
        summary="Read the copy a transfer brought",
    ),
    Operation(
        "GET",
        "/transfers/{pid}",
        show_transfer,
        gives=TransferPage,
        summary="Show a transfer with its messages",
    ),
    Operation(
        "POST",
        "/transfers/{pid}/terminate",
        terminate_transfer,
        takes=Reason,
        gives=Transfer,
        summary="End a transfer",
    ),
    Operation(
        "POST",
        "/transfers/{pid}/suspend",
        suspend_transfer,
        takes=Reason,
        gives=Transfer,
        summary="Hold a transfer",
    ),
    Operation(
        "POST",
        "/transfers/{pid}/resume",
        resume_transfer,
        takes=Nothing,
        gives=Transfer,
        summary="Let a held transfer go on",
    ),
    Operation(
        "POST",
        "/transfers/{pid}/complete",
        complete_transfer,
        takes=Nothing,
        gives=Transfer,
        summary="Complete a transfer",
    ),
    Operation(
        "POST",
        "/visits",
        open_visit,
        takes=AskForVisit,
        gives=VisitPage,
        summary="Open a visit under an agreement",
        status=201,
    ),
)

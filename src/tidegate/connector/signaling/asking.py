"""The calls to a data plane elsewhere, one by one, and how its answers are read.

Source: Data Plane Signaling 1.0-RC3, data plane endpoint, as client.
"""

from tidegate.connector.dataplane.model import DataFlowState, Flow, PlaneAddress
from tidegate.connector.http.model import Answer
from tidegate.connector.messages.compose import Document
from tidegate.connector.signaling import store
from tidegate.connector.signaling.desk import Desk
from tidegate.connector.signaling.errors import PlaneAnswerError, PlaneRefusedError
from tidegate.connector.signaling.model import DataFlow, Plane, PlaneKind
from tidegate.connector.signaling.registry import Registry
from tidegate.connector.signaling.wire import (
    DataFlowStatusMessage,
    read_message,
    segment,
    spoken_address,
)
from tidegate.kernel.errors import TidegateError, UnavailableError

S = DataFlowState


class Asking:
    """Calls registered data planes."""

    def __init__(self, desk: Desk, registry: Registry) -> None:
        self._desk = desk
        self._registry = registry

    def plane_of(self, one: DataFlow) -> Plane:
        """Return the plane a flow was opened at; raise PlaneUnknownError."""
        name = one.plane.partition(":")[2]
        return self._desk.journal.read(store.get_plane, PlaneKind.DATA, name)

    def message(self, one: DataFlow, flow: Flow, address: PlaneAddress | None) -> Document:
        """Write the message that opens a flow."""
        said: Document = {
            "messageId": self._desk.ids.urn(),
            "participantId": flow.participant,
            "counterPartyId": flow.peer_did,
            "dataspaceContext": self._desk.context,
            "processId": one.process_id,
            "agreementId": flow.agreement_id,
            "datasetId": flow.dataset_id,
            "profile": one.profile,
            "claims": {"sub": flow.peer_did},
        }
        if address is not None:
            said["dataAddress"] = spoken_address(address, one.profile)
        return said

    def addressed(self, one: DataFlow, address: PlaneAddress | None) -> Document:
        """Write the message that has bytes move, from an address where there is a new one."""
        said: Document = {"messageId": self._desk.ids.urn()}
        if address is not None:
            said["dataAddress"] = spoken_address(address, one.profile)
        return said

    def ask(self, one: DataFlow, what: str, document: Document | None) -> Answer:
        """Call the plane of a flow once.

        Raises UnavailableError for what may pass, PlaneRefusedError for what will not.
        """
        plane = self.plane_of(one)
        place = "" if what in {"prepare", "start"} else f"/{segment(self._place(one))}"
        answer = self._desk.wire.call(
            "POST",
            f"{plane.endpoint}/dataflows{place}/{what}",
            document,
            authorization=self._registry.token_for(plane),
        )
        if answer.is_ok:
            return answer
        if answer.is_transient or answer.status == 401:
            raise UnavailableError(
                f"The data plane {plane.id} cannot {what} now (HTTP {answer.status}).",
                code="plane_unavailable",
            )
        told = f" It says: {answer.reason}" if answer.reason else ""
        raise PlaneRefusedError(
            f"The data plane {plane.id} refused to {what} (HTTP {answer.status}).{told}",
            code="plane_refused",
        )

    def _place(self, one: DataFlow) -> str:
        return one.remote_id or one.process_id

    def read(self, answer: Answer) -> DataFlowStatusMessage:
        """Read how a plane says a flow stands; raise PlaneAnswerError."""
        try:
            said = read_message(answer.body, DataFlowStatusMessage)
        except TidegateError as problem:
            raise PlaneAnswerError(
                f"The data plane's answer cannot be read: {problem.message}", code=problem.code
            ) from None
        if not self._desk.manners.forgives_omissions and not (
            said.message_id and said.data_flow_id
        ):
            raise PlaneAnswerError(
                "The data plane's answer lacks messageId or dataFlowId.", code="answer_incomplete"
            )
        return said

    def state_of(self, one: DataFlow) -> S | None:
        """Ask the plane how a flow stands; None where it does not say."""
        plane = self.plane_of(one)
        answer = self._desk.wire.call(
            "GET",
            f"{plane.endpoint}/dataflows/{segment(self._place(one))}/status",
            authorization=self._registry.token_for(plane),
        )
        said = answer.body.get("state") if isinstance(answer.body, dict) else None
        return S(said) if answer.is_ok and said in set(S) else None

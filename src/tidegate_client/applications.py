"""Applications, permits and the gate of a node."""

import msgspec

from tidegate_client.partners import Project
from tidegate_client.transport import Transport


class Application(msgspec.Struct, frozen=True):
    """The asking for access."""

    id: str
    project: Project
    dataset_id: str
    provider: str
    applicant: str
    people: tuple[str, ...]
    purposes: tuple[str, ...]
    variables: tuple[str, ...]
    months: int
    state: str
    decided_by: str = ""
    reason: str = ""


class Permit(msgspec.Struct, frozen=True):
    """The granting of access."""

    id: str
    application_id: str
    project_id: str
    people: tuple[str, ...]
    purposes: tuple[str, ...]
    variables: tuple[str, ...]
    dataset_id: str
    provider: str
    grantee: str
    valid_from: str
    valid_until: str
    state: str


class GateAnswer(msgspec.Struct, frozen=True):
    """Whether the gate would be open, else the first reason against."""

    is_open: bool
    code: str = ""
    message: str = ""


class Applications:
    """Applications and permits of one node, and its gate."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_applications(self) -> tuple[Application, ...]:
        """Return every application made or received."""
        return self._http.get("/applications", tuple[Application, ...])

    def get(self, application_id: str) -> Application:
        """Return one application."""
        return self._http.get(f"/applications/{application_id}", Application)

    def submit(
        self,
        project_id: str,
        dataset_id: str,
        provider: str,
        *,
        people: tuple[str, ...],
        purposes: tuple[str, ...],
        months: int,
        variables: tuple[str, ...] = (),
    ) -> Application:
        """Apply for access; raises WithheldError when a requirement is not met."""
        body = {
            "project_id": project_id,
            "dataset_id": dataset_id,
            "provider": provider,
            "people": people,
            "purposes": purposes,
            "months": months,
            "variables": variables,
        }
        return self._http.post("/applications", body, Application)

    def approve(self, application_id: str, reason: str, *, months: int | None = None) -> Permit:
        """Grant an application; the permit starts now."""
        body = {"reason": reason, "months": months}
        return self._http.post(f"/applications/{application_id}/approve", body, Permit)

    def refuse(self, application_id: str, reason: str) -> Application:
        """Refuse an application."""
        path = f"/applications/{application_id}/refuse"
        return self._http.post(path, {"reason": reason}, Application)

    def withdraw(self, application_id: str, reason: str) -> Application:
        """Withdraw an application; a permit it led to ends."""
        path = f"/applications/{application_id}/withdraw"
        return self._http.post(path, {"reason": reason}, Application)

    def list_permits(self) -> tuple[Permit, ...]:
        """Return every permit granted or received."""
        return self._http.get("/permits", tuple[Permit, ...])

    def end_permit(self, permit_id: str, reason: str) -> Permit:
        """End a permit before its term."""
        return self._http.post(f"/permits/{permit_id}/end", {"reason": reason}, Permit)

    def ask_gate(
        self,
        provider: str,
        recipient: str,
        dataset_id: str,
        purposes: tuple[str, ...],
        *,
        person_ref: str = "",
    ) -> GateAnswer:
        """Ask whether the gate would be open, and the first reason why not."""
        body = {
            "provider": provider,
            "recipient": recipient,
            "dataset_id": dataset_id,
            "purposes": purposes,
            "person_ref": person_ref,
        }
        return self._http.post("/gate", body, GateAnswer)

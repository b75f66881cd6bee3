"""Data planes and control planes elsewhere: register, approve, forget, and see their flows."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from tidegate_client.transport import Transport


class Plane(msgspec.Struct, frozen=True):
    """A registered plane; `token` is what it has to present, given only when it was made."""

    id: str
    kind: str
    endpoint: str
    authorization: str
    changed_at: str
    profiles: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    datasets: tuple[str, ...] = ()
    approved_by: str = ""
    approved_at: str = ""
    ground: str = ""
    token: str = ""

    @property
    def waits(self) -> bool:
        """Whether its datasets wait for a legal officer."""
        return bool(self.datasets) and not self.approved_by


class DataFlow(msgspec.Struct, frozen=True):
    """A data flow with a plane elsewhere."""

    id: str
    role: str
    plane: str
    process_id: str
    side: str
    format: str
    agreement_id: str
    dataset_id: str
    counterparty: str
    state: str
    changed_at: str
    error: str = ""


class Planes:
    """Planes that move data for this node, or have this node move data."""

    def __init__(self, http: Transport) -> None:
        self._http = http

    def list_all(self) -> tuple[Plane, ...]:
        """Return the registered planes."""
        return self._http.get("/planes", tuple[Plane, ...])

    def list_flows(self) -> tuple[DataFlow, ...]:
        """Return data flows with planes elsewhere, newest first."""
        return self._http.get("/dataflows", tuple[DataFlow, ...])

    def put_data_plane(
        self,
        plane_id: str,
        endpoint: str,
        profiles: Iterable[str],
        authorization: Mapping[str, Any],
        *,
        labels: Iterable[str] = (),
    ) -> Plane:
        """Register a data plane, or replace its registration."""
        body = {
            "dataplaneId": plane_id,
            "endpoint": endpoint,
            "profiles": list(profiles),
            "authorization": dict(authorization),
            "labels": list(labels),
        }
        return self._http.put("/dataplanes", body, Plane)

    def put_control_plane(
        self,
        plane_id: str,
        endpoint: str,
        authorization: Mapping[str, Any],
        *,
        datasets: Iterable[str] = (),
    ) -> Plane:
        """Register a control plane, or replace its registration."""
        body = {
            "controlplaneId": plane_id,
            "endpoint": endpoint,
            "authorization": dict(authorization),
            "datasets": list(datasets),
        }
        return self._http.put("/controlplanes", body, Plane)

    def approve(self, plane_id: str, ground: str, *, seen: str = "") -> Plane:
        """Open the datasets of a control plane, as a legal officer who did not register it.

        `seen` is the `changed_at` of the registration that was read; another one is not approved.
        """
        path = f"/controlplanes/{quote(plane_id, safe='')}/approval"
        return self._http.post(path, {"ground": ground, "seen": seen}, Plane)

    def remove_data_plane(self, plane_id: str) -> None:
        """Forget a data plane; its open flows end."""
        self._http.delete(f"/dataplanes/{quote(plane_id, safe='')}", type(None))

    def remove_control_plane(self, plane_id: str) -> None:
        """Forget a control plane; its open flows end."""
        self._http.delete(f"/controlplanes/{quote(plane_id, safe='')}", type(None))

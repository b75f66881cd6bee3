"""SQL of registered planes and of data flows."""

from dataclasses import replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, delete, insert, select, update

from tidegate.connector.dataplane.model import DataFlowState
from tidegate.connector.messages.model import Side
from tidegate.connector.signaling.errors import (
    DataFlowRacedError,
    DataFlowUnknownError,
    PlaneUnknownError,
)
from tidegate.connector.signaling.machine import FINAL
from tidegate.connector.signaling.model import (
    AuthType,
    DataFlow,
    FlowRole,
    Plane,
    PlaneKind,
    TokenPair,
)
from tidegate.db.tables.connector_signaling import connector_dataflow as flows
from tidegate.db.tables.connector_signaling import connector_plane as planes
from tidegate.db.tables.connector_signaling import connector_renewal as pairs

_LISTS = ("profiles", "labels", "datasets")
_TEXTS = (
    "id",
    "endpoint",
    "token_endpoint",
    "client_id",
    "jwks",
    "jwks_uri",
    "sealed",
    "digest",
    "approved_by",
    "approved_at",
    "ground",
    "created_by",
    "created_at",
    "changed_by",
    "changed_at",
)
_TYPED = frozenset({"role", "side", "state"})
_FLOW = tuple(column.name for column in flows.c if column.name not in _TYPED)


def put_plane(conn: Connection, one: Plane) -> None:
    """Keep a registration in place of an earlier one."""
    drop_plane(conn, one.key)
    conn.execute(
        insert(planes),
        {name: getattr(one, name) for name in _TEXTS}
        | {name: msgspec.json.encode(getattr(one, name)).decode() for name in _LISTS}
        | {"key": one.key, "kind": one.kind.value, "auth": one.auth.value},
    )


def drop_plane(conn: Connection, key: str) -> None:
    """Forget a registration."""
    conn.execute(delete(planes).where(planes.c.key == key))


def get_plane(conn: Connection, kind: PlaneKind, name: str) -> Plane:
    """Return a registered plane; raise PlaneUnknownError."""
    found = _one(conn, planes.c.key == f"{kind}:{name}")
    if found is None:
        raise PlaneUnknownError(
            f"No {kind} {name} is registered here; list them, then register it.",
            code="plane_unknown",
        )
    return found


def find_plane(conn: Connection, kind: PlaneKind, name: str) -> Plane | None:
    """Return a registered plane, or None."""
    return _one(conn, planes.c.key == f"{kind}:{name}")


def find_by_digest(conn: Connection, kind: PlaneKind, digest: str) -> Plane | None:
    """Return the plane that a token belongs to, or None."""
    return _one(conn, (planes.c.digest == digest) & (planes.c.kind == kind.value))


def find_holder(conn: Connection, digest: str) -> str:
    """Return the key of the plane, of either kind, that presents a token; or an empty string."""
    found = conn.execute(select(planes.c.key).where(planes.c.digest == digest)).scalar()
    return found or ""


def list_planes(conn: Connection, kind: PlaneKind | None = None) -> tuple[Plane, ...]:
    """Return the registered planes, oldest first."""
    query = select(planes).order_by(planes.c.created_at, planes.c.key)
    if kind is not None:
        query = query.where(planes.c.kind == kind.value)
    return tuple(_plane(row) for row in conn.execute(query))


def insert_flow(conn: Connection, one: DataFlow) -> None:
    """Keep a new data flow."""
    conn.execute(insert(flows), _values(one))


def save_flow(conn: Connection, one: DataFlow) -> DataFlow:
    """Replace the flow whose revision was read; raise DataFlowRacedError when it has moved on."""
    saved = replace(one, revision=one.revision + 1)
    done = conn.execute(
        update(flows)
        .where(flows.c.id == one.id, flows.c.revision == one.revision)
        .values(_values(saved))
    )
    if done.rowcount != 1:
        raise DataFlowRacedError("The data flow changed at the same moment; try again.")
    return saved


def get_flow(conn: Connection, flow_id: str, role: FlowRole) -> DataFlow:
    """Return a data flow; raise DataFlowUnknownError."""
    found = find_flow(conn, flow_id, role)
    if found is None:
        raise DataFlowUnknownError("There is no such data flow.", code="dataflow_unknown")
    return found


def find_flow(conn: Connection, flow_id: str, role: FlowRole) -> DataFlow | None:
    """Return a data flow by its id, or None."""
    return _flow_where(conn, (flows.c.id == flow_id) & (flows.c.role == role.value))


def find_by_process(conn: Connection, plane: str, process_id: str) -> DataFlow | None:
    """Return the flow that a control plane opened for a process of its own, or None."""
    return _flow_where(
        conn,
        (flows.c.plane == plane)
        & (flows.c.process_id == process_id)
        & (flows.c.role == FlowRole.HOSTED.value),
    )


def has_hosted(conn: Connection, plane: str, agreement_id: str) -> bool:
    """Tell whether a control plane ever opened a flow under an agreement here."""
    found = conn.execute(
        select(flows.c.id).where(
            flows.c.plane == plane,
            flows.c.agreement_id == agreement_id,
            flows.c.role == FlowRole.HOSTED.value,
        )
    )
    return found.first() is not None


def find_by_refresh(conn: Connection, digest: str) -> DataFlow | None:
    """Return the flow whose access token a refresh token renews, or None."""
    return _flow_where(conn, flows.c.refresh_digest == digest)


def add_pair(conn: Connection, pair: TokenPair) -> None:
    """Keep a pair of tokens that has just been followed by the next."""
    conn.execute(
        insert(pairs),
        {
            "refresh_digest": pair.refresh_digest,
            "flow": pair.flow,
            "access_digest": pair.access_digest,
            "void_at": pair.void_at,
        },
    )


def find_pair(conn: Connection, refresh_digest: str) -> TokenPair | None:
    """Return an earlier pair of tokens by the hash of its refresh token, or None."""
    return _pair_where(conn, pairs.c.refresh_digest == refresh_digest)


def find_open_pair(conn: Connection, flow: str) -> TokenPair | None:
    """Return the earlier pair of a flow that may still renew, or None."""
    return _pair_where(conn, (pairs.c.flow == flow) & (pairs.c.void_at == ""))


def void_pairs(conn: Connection, flow: str, at: str, *, given_before: str = "") -> None:
    """Let no earlier pair of a flow renew any more.

    With `given_before`: only while the flow's present access token has that hash.
    """
    change = update(pairs).where(pairs.c.flow == flow, pairs.c.void_at == "")
    if given_before:
        present = select(flows.c.id).where(
            flows.c.id == flow, flows.c.access_digest == given_before
        )
        change = change.where(pairs.c.flow.in_(present))
    conn.execute(change.values(void_at=at))


def drop_pairs(conn: Connection, flow: str) -> None:
    """Forget every earlier pair of a flow that is over."""
    conn.execute(delete(pairs).where(pairs.c.flow == flow))


def list_flows(
    conn: Connection,
    *,
    plane: str = "",
    role: FlowRole | None = None,
    is_open: bool = False,
    limit: int = 200,
) -> tuple[DataFlow, ...]:
    """Return data flows, newest first."""
    query = select(flows).order_by(flows.c.created_at.desc(), flows.c.id.desc())
    if role is not None:
        query = query.where(flows.c.role == role.value)
    if plane:
        query = query.where(flows.c.plane == plane)
    if is_open:
        query = query.where(flows.c.state.not_in([state.value for state in FINAL]))
    return tuple(_flow(row) for row in conn.execute(query.limit(limit)))


def _one(conn: Connection, where: Any) -> Plane | None:
    row = conn.execute(select(planes).where(where)).first()
    return _plane(row) if row else None


def _flow_where(conn: Connection, where: Any) -> DataFlow | None:
    row = conn.execute(select(flows).where(where)).first()
    return _flow(row) if row else None


def _pair_where(conn: Connection, where: Any) -> TokenPair | None:
    row = conn.execute(
        select(pairs.c.refresh_digest, pairs.c.flow, pairs.c.access_digest, pairs.c.void_at).where(
            where
        )
    ).first()
    if row is None:
        return None
    return TokenPair(row.refresh_digest, row.flow, row.access_digest, row.void_at)


def _plane(row: Row[Any]) -> Plane:
    return Plane(
        kind=PlaneKind(row.kind),
        auth=AuthType(row.auth),
        **{name: getattr(row, name) for name in _TEXTS},
        profiles=_listed(row.profiles),
        labels=_listed(row.labels),
        datasets=_listed(row.datasets),
    )


def _listed(text: str) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...])


def _values(one: DataFlow) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _FLOW} | {
        name: getattr(one, name).value for name in _TYPED
    }


def _flow(row: Row[Any]) -> DataFlow:
    return DataFlow(
        role=FlowRole(row.role),
        side=Side(row.side),
        state=DataFlowState(row.state),
        **{name: getattr(row, name) for name in _FLOW},
    )

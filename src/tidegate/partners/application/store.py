"""Applications and permits in SQL."""

from sqlalchemy import Connection

from tidegate.db.tables.partners import APPLICATION, PERMIT
from tidegate.partners import records
from tidegate.partners.errors import ApplicationNotFoundError, PermitNotFoundError
from tidegate.partners.model import Application, ApplicationState, Permit, PermitState


def find_application(conn: Connection, application_id: str) -> Application | None:
    """Return the application, or None."""
    return records.find(conn, APPLICATION, Application, application_id)


def get_application(conn: Connection, application_id: str) -> Application:
    """Return the application; raise ApplicationNotFoundError."""
    found = find_application(conn, application_id)
    if found is None:
        raise ApplicationNotFoundError("No application has that id.", application=application_id)
    return found


def list_applications(conn: Connection) -> tuple[Application, ...]:
    """Return every application, oldest first."""
    return records.listing(conn, APPLICATION, Application)


def add_application(conn: Connection, application: Application) -> None:
    """Insert an application."""
    records.add(
        conn,
        APPLICATION,
        application.id,
        application,
        state=application.state.value,
        dataset_id=application.dataset_id,
        grantee=application.grantee,
    )


def save_application(
    conn: Connection, application: Application, *, expect: ApplicationState
) -> None:
    """Replace an application still in the state `expect`."""
    state = application.state.value
    records.change(conn, APPLICATION, application.id, application, expect=expect.value, state=state)


def find_permit(conn: Connection, permit_id: str) -> Permit | None:
    """Return the permit, or None."""
    return records.find(conn, PERMIT, Permit, permit_id)


def get_permit(conn: Connection, permit_id: str) -> Permit:
    """Return the permit; raise PermitNotFoundError."""
    found = find_permit(conn, permit_id)
    if found is None:
        raise PermitNotFoundError("No permit has that id.", permit=permit_id)
    return found


def list_permits(conn: Connection) -> tuple[Permit, ...]:
    """Return every permit, oldest first."""
    return records.listing(conn, PERMIT, Permit)


def find_permit_of(conn: Connection, application_id: str) -> Permit | None:
    """Return the permit an application led to, or None."""
    found = records.listing(conn, PERMIT, Permit, PERMIT.c.application_id == application_id)
    return found[0] if found else None


def list_permits_for(
    conn: Connection, dataset_id: str, provider: str, grantee: str
) -> tuple[Permit, ...]:
    """Return the permits of an institution for a provider's dataset, oldest first.

    Ids are each provider's own: what one granted opens nothing of another's.
    """
    conditions = (PERMIT.c.dataset_id == dataset_id, PERMIT.c.grantee == grantee)
    found = records.listing(conn, PERMIT, Permit, *conditions)
    return tuple(one for one in found if one.provider == provider)


def add_permit(conn: Connection, permit: Permit) -> None:
    """Insert a permit."""
    records.add(
        conn,
        PERMIT,
        permit.id,
        permit,
        state=permit.state.value,
        application_id=permit.application_id,
        dataset_id=permit.dataset_id,
        grantee=permit.grantee,
    )


def save_permit(conn: Connection, permit: Permit, *, expect: PermitState) -> None:
    """Replace a permit still in the state `expect`."""
    state = permit.state.value
    records.change(conn, PERMIT, permit.id, permit, expect=expect.value, state=state)

"""Studies, their ethics approvals and their legal bases in SQL."""

from dataclasses import replace

from sqlalchemy import Connection

from tidegate.db.tables.partners import ETHICS, LEGAL_BASIS, PROJECT
from tidegate.partners import records
from tidegate.partners.errors import ProjectNotFoundError
from tidegate.partners.model import EthicsApproval, LegalBasis, Project


def find_project(conn: Connection, project_id: str) -> Project | None:
    """Return the study with its approvals and legal bases, or None."""
    project = records.find(conn, PROJECT, Project, project_id)
    return None if project is None else _with_papers(conn, project)


def get_project(conn: Connection, project_id: str) -> Project:
    """Return the study with its papers; raise ProjectNotFoundError."""
    project = find_project(conn, project_id)
    if project is None:
        raise ProjectNotFoundError("No study has that id.", project=project_id)
    return project


def list_projects(conn: Connection) -> tuple[Project, ...]:
    """Return every study with its papers, oldest first."""
    return tuple(_with_papers(conn, one) for one in records.listing(conn, PROJECT, Project))


def put_project(conn: Connection, project: Project) -> None:
    """Keep a study; its papers have tables of their own."""
    records.put(
        conn,
        PROJECT,
        project.id,
        replace(project, ethics=(), legal_basis=()),
        state=project.state.value,
        home=project.home,
        revision=project.revision,
    )


def list_ethics(conn: Connection, project_id: str) -> tuple[EthicsApproval, ...]:
    """Return the ethics approvals of a study, oldest first."""
    return records.listing(conn, ETHICS, EthicsApproval, ETHICS.c.project_id == project_id)


def find_ethics(conn: Connection, approval_id: str) -> EthicsApproval | None:
    """Return the ethics approval, or None."""
    return records.find(conn, ETHICS, EthicsApproval, approval_id)


def add_ethics(conn: Connection, approval: EthicsApproval) -> None:
    """Keep an ethics approval."""
    records.add(
        conn,
        ETHICS,
        approval.id,
        approval,
        project_id=approval.project_id,
        site=approval.site,
    )


def list_legal_bases(conn: Connection, project_id: str) -> tuple[LegalBasis, ...]:
    """Return the legal bases recorded for a study, oldest first."""
    condition = LEGAL_BASIS.c.project_id == project_id
    return records.listing(conn, LEGAL_BASIS, LegalBasis, condition)


def add_legal_basis(conn: Connection, basis: LegalBasis) -> None:
    """Keep a legal basis."""
    records.add(
        conn,
        LEGAL_BASIS,
        basis.id,
        basis,
        project_id=basis.project_id,
        dataset_id=basis.dataset_id,
    )


def _with_papers(conn: Connection, project: Project) -> Project:
    return replace(
        project,
        ethics=list_ethics(conn, project.id),
        legal_basis=list_legal_bases(conn, project.id),
    )

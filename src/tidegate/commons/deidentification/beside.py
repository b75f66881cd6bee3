"""The other versions of a dataset, which a new one is held against before it is kept."""

from sqlalchemy import Connection

from tidegate.commons import store
from tidegate.commons.errors import HoldingChangedError, NotReadyError
from tidegate.commons.model import Holding, Stage


def list_beside(conn: Connection, holding: Holding) -> tuple[Holding, ...]:
    """Return the dataset's other versions that were de-identified and are still there."""
    return tuple(
        other
        for other in store.list_holdings(conn)
        if other.dataset_id == holding.dataset_id
        and other.version_id != holding.version_id
        and other.stage is not Stage.DESTROYED
        and other.report is not None
    )


def check_same_names(beside: tuple[Holding, ...], project_id: str) -> None:
    """Raise unless the dataset's other versions name their people under the same project.

    Answers from two versions are compared person by person, so that nobody is singled out by
    their difference; under different names the same person could not be found again.
    """
    projects = (one.report.project_id for one in beside if one.report is not None)
    differing = next((name for name in projects if name != project_id), "")
    if differing:
        raise NotReadyError(
            f"Another version of this dataset was de-identified for the project {differing};"
            " use the same project, or answers from the two versions could not be compared"
            " person by person.",
            code="project_differs",
            project=differing,
        )


def check_none_since(now: tuple[Holding, ...], compared: tuple[Holding, ...]) -> None:
    """Raise HoldingChangedError where a version was de-identified that was not compared with."""
    known = {one.report.id for one in compared if one.report is not None}
    if any(one.report is not None and one.report.id not in known for one in now):
        raise HoldingChangedError(
            "Another version of this dataset was de-identified at the same moment; de-identify"
            " this one again, so that both are held against each other.",
            code="version_beside",
        )

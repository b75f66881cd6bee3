"""The life of a version: one table of moves for the code, the diagram and the exhaustive test.

`steward` prepares, `approver` is a second person, `committee` restricts, `system` is the node
itself (a fixity check that fails needs nobody's permission).
"""

from tidegate.commons.model import Holding, Stage
from tidegate.kernel.machine import Machine, Move

_S = Stage

LIFECYCLE: Machine[Stage] = Machine(
    name="version",
    start=_S.PLANNED,
    moves=(
        Move("generate", _S.PLANNED, _S.GENERATED, by="steward"),
        Move("acquire", _S.PLANNED, _S.ACQUIRED, by="steward"),
        Move("acquire", _S.GENERATED, _S.ACQUIRED, by="steward"),
        Move("classify", _S.ACQUIRED, _S.CLASSIFIED, by="approver"),
        Move("deidentify", _S.CLASSIFIED, _S.DEIDENTIFIED, by="steward"),
        Move("deidentify", _S.DEIDENTIFIED, _S.DEIDENTIFIED, by="steward"),
        Move("store", _S.DEIDENTIFIED, _S.STORED, by="steward"),
        Move("archive", _S.STORED, _S.ARCHIVED, by="steward"),
        Move("recall", _S.ARCHIVED, _S.STORED, by="steward"),
        Move("restrict", _S.STORED, _S.RESTRICTED, by="committee"),
        Move("restrict", _S.ARCHIVED, _S.RESTRICTED, by="committee"),
        Move("unrestrict", _S.RESTRICTED, _S.STORED, by="committee"),
        Move("unrestrict", _S.RESTRICTED, _S.ARCHIVED, by="committee"),
        Move("suspend", _S.STORED, _S.SUSPENDED, by="steward"),
        Move("resume", _S.SUSPENDED, _S.STORED, by="steward"),
        Move("quarantine", _S.STORED, _S.QUARANTINED, by="system"),
        Move("quarantine", _S.STORED, _S.QUARANTINED, by="steward"),
        Move("quarantine", _S.ARCHIVED, _S.QUARANTINED, by="system"),
        Move("quarantine", _S.ARCHIVED, _S.QUARANTINED, by="steward"),
        Move("release", _S.QUARANTINED, _S.STORED, by="approver"),
        Move("release", _S.QUARANTINED, _S.ARCHIVED, by="approver"),
        *(
            Move("destroy", stage, _S.DESTROYED, by="approver")
            for stage in (
                _S.ACQUIRED,
                _S.CLASSIFIED,
                _S.DEIDENTIFIED,
                _S.STORED,
                _S.ARCHIVED,
                _S.RESTRICTED,
                _S.SUSPENDED,
                _S.QUARANTINED,
            )
        ),
    ),
)

READABLE = frozenset({Stage.STORED})
"""The stages in which a visit may open the tables."""

ASIDE = frozenset({Stage.RESTRICTED, Stage.SUSPENDED, Stage.QUARANTINED})
"""The stages beside the way: what comes back from them stands where it stood before."""


def stage_before(holding: Holding) -> Stage | None:
    """Return the stage a holding that was put aside comes back to; None where it was not.

    Holdings put aside by versions of Tidegate that did not keep it come back archived if they
    ever were: what was recalled since is recalled once more, and nothing opens by mistake.
    """
    if holding.stage not in ASIDE:
        return None
    if holding.aside_from is not None:
        return holding.aside_from
    was_archived = holding.stage is not Stage.SUSPENDED and holding.manifest is not None
    return Stage.ARCHIVED if was_archived else Stage.STORED

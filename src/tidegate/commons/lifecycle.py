"""The life of a version: one table of moves for the code, the diagram and the exhaustive test.

`steward` prepares, `approver` is a second person, `committee` restricts, `system` is the node
itself (a fixity check that fails needs nobody's permission).
"""

from tidegate.commons.model import Stage
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
        Move("suspend", _S.STORED, _S.SUSPENDED, by="steward"),
        Move("resume", _S.SUSPENDED, _S.STORED, by="steward"),
        Move("quarantine", _S.STORED, _S.QUARANTINED, by="system"),
        Move("quarantine", _S.STORED, _S.QUARANTINED, by="steward"),
        Move("quarantine", _S.ARCHIVED, _S.QUARANTINED, by="system"),
        Move("quarantine", _S.ARCHIVED, _S.QUARANTINED, by="steward"),
        Move("release", _S.QUARANTINED, _S.STORED, by="approver"),
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

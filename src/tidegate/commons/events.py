"""What the commons put into evidence, with PREMIS 3 event types where one exists."""

from collections.abc import Mapping

EVENTS: Mapping[str, str | None] = {
    "dataset.acquired": "acc",  # accession
    "version.acquired": "ing",  # ingestion
    "version.acquisition_refused": None,
    "version.approval_refused": None,
    "version.proposal_refused": None,
    "version.classification_proposed": "app",  # appraisal
    "version.classified": "app",
    "version.deidentification_asked": None,
    "version.deidentification_refused": None,
    "version.deidentification_cancelled": None,
    "version.deidentified": "mod",  # modification
    "version.risk_signed": "val",  # validation
    "version.stored": "enc",  # encryption
    "version.intake_key_destroyed": "del",  # deletion
    "version.opened": "der",  # decryption
    "version.archived": "ipc",  # information package creation
    "version.recalled": "dea",  # deaccession from the archive
    "version.fixity_checked": "fix",  # fixity check
    "version.quarantined": "qua",  # quarantine
    "version.released_from_quarantine": "unq",
    "version.restricted": "poa",  # policy assignment
    "version.unrestricted": "poa",
    "version.suspended": None,
    "version.resumed": None,
    "version.destruction_requested": None,
    "version.destruction_approved": None,
    "version.destroyed": "del",
    "derived.kept": "cre",  # creation
    "derived.opened": "der",
    "derived.reported": None,
    "derived.destruction_ordered": None,
    "derived.destroyed": "del",
    "parcel.made": "ipc",
    "parcel.destroyed": "del",
    "certificate.received": None,
    "upload.received": "tra",  # transfer
}
"""Event code -> PREMIS eventType code (id.loc.gov/vocabulary/preservation/eventType), or None."""

STORED = "version.stored"
CLOSED = "version.closed"
DESTROYED = "version.destroyed"
"""Facts the commons announce, each with `version` and `dataset`."""

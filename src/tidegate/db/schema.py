"""Every table of the node, gathered: importing this module fills `METADATA`."""

import importlib

from tidegate.db.metadata import METADATA

ROOMS = (
    "audit",
    "work",
    "access",
    "partners",
    "policy",
    "catalogue",
    "deid",
    "commons",
    "connector",
    "connector_catalog",
    "connector_identity",
    "connector_signaling",
    "connector_approvals",
    "lab",
)

for _room in (*ROOMS, "partial"):
    importlib.import_module(f"tidegate.db.tables.{_room}")

__all__ = ["METADATA"]

"""Indexes over a part of a table, apart from the tables they belong to.

To name an option of one database loads SQLAlchemy's whole dialect for it, PostgreSQL's four
megabytes with it. So only who makes or compares the schema loads this module, not a serving node.
"""

from sqlalchemy import Index

from tidegate.db.tables.connector_signaling import connector_plane

_PRESENTS_A_TOKEN = connector_plane.c.digest != ""
Index(
    "ix_connector_plane_token",
    connector_plane.c.digest,
    unique=True,
    sqlite_where=_PRESENTS_A_TOKEN,
    postgresql_where=_PRESENTS_A_TOKEN,
)

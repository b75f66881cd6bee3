"""The one history of the schema; `db.migrate` runs it."""

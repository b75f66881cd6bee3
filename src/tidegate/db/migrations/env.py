"""Alembic's entry: it migrates over the connection that `db.migrate` hands it."""

from alembic import context

from tidegate.db.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()

"""say whose dataset a strategy or a script is for."""

from alembic import op

revision = '0017'
down_revision = '0016'
branch_labels = None
depends_on = None

# What was set for a dataset id held for every peer's dataset of that id: those known now keep it, each
# under its own name, and nobody else gets it. A subject has 200 characters.
_NAMED = """
INSERT INTO {table} (subject, body, set_by, set_at)
SELECT known.peer_did || '#' || known.dataset_id, was.body, was.set_by, was.set_at
FROM {table} AS was JOIN catalogue_harvested AS known ON known.dataset_id = was.subject
WHERE length(known.peer_did) + length(known.dataset_id) < 200
AND was.subject NOT IN (SELECT id FROM catalogue_offer)
"""
_BARE = """
DELETE FROM connector_strategy WHERE subject IN (SELECT dataset_id FROM catalogue_harvested)
AND subject NOT IN (SELECT id FROM catalogue_offer)
"""


def upgrade() -> None:
    op.execute(_NAMED.format(table="connector_strategy"))
    op.execute(_NAMED.format(table="connector_script"))
    op.execute(_BARE)

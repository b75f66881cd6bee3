"""The database: engine, tables, migrations, outbox. One schema and one history for the node."""

"""Write the next migration from the difference between the tables and the history."""

import sys
import tempfile
from pathlib import Path

from alembic import command

from tidegate.db.engine import Database
from tidegate.db.migrate import FOLDER, config, newest_revision


def main() -> None:
    """Write db/migrations/versions/NNNN_<words>.py; `make_migration.py "add a table of …"`."""
    words = sys.argv[1]
    files = list((FOLDER / "versions").glob("[0-9]*.py"))
    number = int(newest_revision()) + 1 if files else 1
    with tempfile.TemporaryDirectory() as place:
        database = Database(f"sqlite:///{Path(place) / 'now.db'}")
        with database.migrating() as connection:
            made = config(connection)
            if files:
                command.upgrade(made, "head")
            made.set_main_option("file_template", "%%(rev)s_%%(slug)s")
            command.revision(made, words, autogenerate=True, rev_id=f"{number:04d}")
        database.close()


main()

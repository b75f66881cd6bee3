"""Making and opening a node: its keys, its database, its rooms, its runner."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tidegate.audit.journal import Journal
from tidegate.db.engine import Database
from tidegate.db.migrate import check_current, upgrade
from tidegate.house import House
from tidegate.kernel.clock import Clock, SystemClock
from tidegate.kernel.ids import Ids, RandomIds
from tidegate.kernel.values import dataclass
from tidegate.keys.service import KeyRing, create_key_file, open_key_file
from tidegate.node.events import all_events
from tidegate.node.fittings import PLAIN, Fittings
from tidegate.node.ground import Ground
from tidegate.node.rooms import build_house
from tidegate.node.tasks import SUBSCRIPTIONS, handlers_of, periodics_of, receivers_of
from tidegate.policy.rulepack.service import load_shipped
from tidegate.settings import NodeSettings, read_passphrase, read_settings
from tidegate.work.runner import Runner


@dataclass(frozen=True, slots=True)
class Node:
    """An open node: its rooms and the runner of its tasks, which only a serving process starts."""

    settings: NodeSettings
    database: Database
    journal: Journal
    keys: KeyRing
    house: House
    runner: Runner
    fittings: Fittings

    def close(self) -> None:
        """Close the database; what is not committed did not happen."""
        self.database.close()


def create_node(settings: NodeSettings) -> None:
    """Make the keys and the database of a new node."""
    create_key_file(settings.keys_file, read_passphrase(settings.passphrase_file))
    database = open_database(settings)
    try:
        upgrade(database)
    finally:
        database.close()


@contextmanager
def open_node(home: Path, fittings: Fittings = PLAIN) -> Iterator[Node]:
    """Open the node in `home` for a command or for serving; close it at the end.

    Raises HomeMissingError, PassphraseWrongError or SchemaBehindError, each saying what to do.
    """
    settings = read_settings(home)
    passphrase = read_passphrase(settings.passphrase_file)
    with ThreadPoolExecutor(1) as aside:  # scrypt takes a tenth of a second and no interpreter lock
        opening = aside.submit(open_key_file, settings.keys_file, passphrase)
        load_shipped()  # and proves the rule packs meanwhile
        keys = opening.result()
    database = open_database(settings)
    try:
        check_current(database)
        node = assemble(settings, database, keys, SystemClock(), RandomIds(), fittings)
        yield node
    finally:
        database.close()


def assemble(
    settings: NodeSettings,
    database: Database,
    keys: KeyRing,
    clock: Clock,
    ids: Ids,
    fittings: Fittings = PLAIN,
) -> Node:
    """Build every room and join facts, messages and jobs to those who take them."""
    journal = Journal(
        database,
        clock,
        ids,
        log=settings.participant.did,
        events=all_events(),
        subscriptions=SUBSCRIPTIONS,
    )
    ground = Ground(settings, database, journal, clock, ids, keys)
    house = build_house(ground, receivers_of, fittings)
    runner = Runner(journal, clock, handlers_of(house), fittings.periodics(periodics_of(house)))
    journal.on_tasks = runner.wake
    return Node(settings, database, journal, keys, house, runner, fittings)


def open_database(settings: NodeSettings) -> Database:
    """Open the node's database."""
    return Database(settings.database_url)

"""A fresh node home for one run of a kit, made as `tidegate init` makes one."""

from pathlib import Path

from tidegate.access.model import Participant, Seat
from tidegate.kernel.clock import SystemClock
from tidegate.kernel.ids import secret_token
from tidegate.keys.service import open_key_file
from tidegate.node.build import assemble, create_node, open_database
from tidegate.settings import NodeSettings, read_passphrase, read_settings, write_settings
from tidegate_tck.model import Place, Profile

NAME = "Node under test"
SETTINGS_FILE = "kit.properties"


def make_home(home: Path, place: Place, profile: Profile) -> None:
    """Make the node in an empty directory, fill it, and write down what the kit is told."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    passphrase = home / "passphrase"
    passphrase.touch(mode=0o600, exist_ok=False)
    passphrase.write_text(secret_token(), encoding="utf-8")
    write_settings(
        NodeSettings(
            home=home,
            name=NAME,
            participant=Participant(place.node_did, NAME, Seat.HK),
            role=profile.role,
            host="127.0.0.1",
            port=place.node_port,
            base_url=place.node,
            database_url="sqlite:///node.db",
            passphrase_file=Path("passphrase"),
        )
    )
    settings = read_settings(home)
    create_node(settings)
    _fill(settings, profile)
    lines = [f"{name}={value}" for name, value in sorted(profile.settings.items())]
    (home / SETTINGS_FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _fill(settings: NodeSettings, profile: Profile) -> None:
    keys = open_key_file(settings.keys_file, read_passphrase(settings.passphrase_file))
    database = open_database(settings)
    try:
        node = assemble(settings, database, keys, SystemClock(), profile.ids, profile.fittings)
        node.house.access.make_first_operator("operator")
        profile.seed(node)
    finally:
        database.close()

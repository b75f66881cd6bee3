"""Makes a node for one profile in a fresh home and serves it: `python -m tidegate_tck`."""

import argparse
from pathlib import Path

from tidegate.node.server import serve_fitted
from tidegate_tck.home import make_home
from tidegate_tck.model import Place
from tidegate_tck.profiles import PROFILES


def main(arguments: list[str] | None = None) -> None:
    """Read the command line, make the home, and serve until SIGTERM."""
    reader = argparse.ArgumentParser(prog="python -m tidegate_tck", description=__doc__)
    reader.add_argument("profile", choices=sorted(PROFILES))
    reader.add_argument("--home", type=Path, required=True, help="an empty directory")
    reader.add_argument("--port", type=int, required=True, help="where the node listens")
    reader.add_argument("--kit", default="http://localhost:8083", help="where the kit listens")
    said = reader.parse_args(arguments)
    place = Place(f"http://localhost:{said.port}", said.kit.rstrip("/"))
    profile = PROFILES[said.profile](place)
    make_home(said.home, place, profile)
    serve_fitted(said.home, profile.fittings)

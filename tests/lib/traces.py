"""Looking for patients where none may be: texts of databases, logs and bundles."""

import base64
import csv
import re
import sqlite3
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tidegate_demo.people import PARTS
from tidegate_demo.source_system import GIVEN, SURNAMES

_IDENTITY = re.compile(r"(?<!\d)000000\d{11}[\dX]")
_PHONE = re.compile(r"(?<!\d)100\d{8}(?!\d)")
_NAME = re.compile(f"[{''.join(SURNAMES)}][{''.join(GIVEN)}]{{2}}")
_ADDRESS = re.compile(r"廣州市南沙區\w+\d+號")
_PRECISE = re.compile(r"(?<![\d.])\d+\.\d{5,}(?!\d)")
_JOSE = re.compile(r"[\w-]+\.([\w-]{20,})\.[\w-]+")


@dataclass(frozen=True)
class Patients:
    """What identifies the people of the source system, and values only they have."""

    identities: frozenset[str]
    phones: frozenset[str]
    addresses: frozenset[str]
    names: frozenset[str]
    precise: frozenset[str]
    rows: frozenset[str]

    def traces(self, text: str) -> set[str]:
        """Return the kinds of traces found in a text, each with its first example."""
        found = {
            "identity number": set(_IDENTITY.findall(text)) & self.identities,
            "phone": set(_PHONE.findall(text)) & self.phones,
            "address": set(_ADDRESS.findall(text)) & self.addresses,
            "name": set(_NAME.findall(text)) & self.names,
            "measured value": set(_PRECISE.findall(text)) & self.precise,
            "row": {row for row in text.splitlines() if row in self.rows},
        }
        return {f"{kind}: {sorted(values)[0]}" for kind, values in found.items() if values}


def read_patients(exported: Path) -> Patients:
    """Read the people from the file the source system exported."""
    staff = {name for part in PARTS for name in _NAME.findall(part.name)}
    lines = exported.read_text(encoding="utf-8").splitlines()
    people = list(csv.DictReader(lines))
    return Patients(
        identities=frozenset(each["identity_number"] for each in people),
        phones=frozenset(each["phone"] for each in people),
        addresses=frozenset(each["address"] for each in people),
        names=frozenset(each["name"] for each in people) - staff,
        precise=frozenset(v for each in people for v in _PRECISE.findall(each["bmi"])),
        rows=frozenset(lines[1:]),
    )


def texts_of_database(path: Path) -> Iterator[tuple[str, str]]:
    """Yield every text and every blob of every table, each with the name of its column."""
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    for (table,) in tables:
        columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
        for column in columns:
            rows = database.execute(f'SELECT "{column}" FROM "{table}"')
            for (value,) in rows:
                if isinstance(value, bytes):
                    value = value.decode("utf-8", errors="ignore")
                if isinstance(value, str) and value:
                    yield f"{table}.{column}", f"{value}\n{unwrapped(value)}"
    database.close()


def texts_of_bundle(path: Path) -> Iterator[tuple[str, str]]:
    """Yield every member of a bundle."""
    with zipfile.ZipFile(path) as bundle:
        for name in bundle.namelist():
            text = bundle.read(name).decode("utf-8", errors="ignore")
            yield name, f"{text}\n{unwrapped(text)}"


def unwrapped(text: str) -> str:
    """Return what the signed tokens in a text say."""
    said = []
    for payload in _JOSE.findall(text):
        try:
            content = base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))
        except ValueError:
            continue
        said.append(content.decode("utf-8", errors="ignore"))
    return "\n".join(said)

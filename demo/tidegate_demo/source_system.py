"""The hospital's source system: the NAFLD cohort with invented identifiers added to it.

Every identifier is made from the row's number alone, by a seeded generator: the same on every
machine, belonging to nobody. Identity numbers carry correct check digits (GB 11643-1999 for the
Mainland, the Immigration Department's scheme for Hong Kong), since that is what de-identification
must recognise; the Mainland ones use the county code 000000, which was never given out.
"""

import csv
import gzip
import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random

SURNAMES = tuple("陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴徐周葉蘇莊呂江何蕭羅高")
GIVEN = tuple("志明家美麗華偉文英國建淑芬玲俊傑雅婷雯怡君宏哲惠珍秀蘭玉梅信")
STREETS = ("港前大道", "金沙路", "進港大道", "環市大道", "豐澤東路", "海濱路")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, ISO 7064 MOD 11-2
CHECKS = "10X98765432"
COLUMNS = ("name", "identity_number", "phone", "address")

ROLES = {
    "nafld1": {
        "id": "person_key",
        "name": "direct_identifier:name",
        "identity_number": "direct_identifier:cn_id",
        "phone": "direct_identifier:phone",
        "address": "direct_identifier:address",
        "age": "quasi_identifier",
        "male": "quasi_identifier",
        "weight": "quasi_identifier",
        "height": "quasi_identifier",
        "bmi": "quasi_identifier",
        "case.id": "other",
        "futime": "measure",
        "status": "sensitive",
    },
    "nafld2": {"id": "person_key", "days": "measure", "test": "other", "value": "measure"},
    "nafld3": {"id": "person_key", "days": "measure", "event": "sensitive"},
}


def export(data: Path, target: Path) -> tuple[Path, Path, Path]:
    """Write the three files as the source system exports them; return their paths."""
    target.mkdir(parents=True, exist_ok=True)
    subjects, values, events = (
        target / "nafld1.csv",
        target / "nafld2.csv.gz",
        target / "nafld3.csv",
    )
    with (
        (data / "nafld1.csv").open(newline="", encoding="utf-8") as source,
        subjects.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        for row in _with_identifiers(csv.reader(source)):
            writer.writerow(row)
    values.write_bytes((data / "nafld2.csv.gz").read_bytes())
    events.write_bytes((data / "nafld3.csv").read_bytes())
    return subjects, values, events


def export_pilot(data: Path, target: Path, people: int = 400) -> Path:
    """Write a small extract of the laboratory values: the pilot that is destroyed at the end."""
    target.mkdir(parents=True, exist_ok=True)
    path = target / "pilot.csv"
    with (
        gzip.open(data / "nafld2.csv.gz", "rt", newline="", encoding="utf-8") as source,
        path.open("w", newline="", encoding="utf-8") as file,
    ):
        reader, writer = csv.reader(source), csv.writer(file)
        writer.writerow(next(reader))
        seen: set[str] = set()
        for row in reader:
            seen.add(row[0])
            if len(seen) > people:
                break
            writer.writerow(row)
    return path


def _with_identifiers(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    header = next(rows)
    yield [header[0], *COLUMNS, *header[1:]]
    age, male = header.index("age"), header.index("male")
    for number, row in enumerate(rows):
        yield [row[0], *_identifiers(number, float(row[age]), row[male]), *row[1:]]


def _identifiers(number: int, age: float, male: str) -> tuple[str, str, str, str]:
    chance = Random(f"tidegate-demo/{number}")  # noqa: S311 - invented people, not a secret
    name = chance.choice(SURNAMES) + chance.choice(GIVEN) + chance.choice(GIVEN)
    born = date(2024, 1, 1) - timedelta(days=int(age * 365.25) + chance.randrange(365))
    order = chance.randrange(0, 500) * 2 + int(male)
    phone = f"100{chance.randrange(10**8):08d}"  # a range no operator was given
    address = f"廣州市南沙區{chance.choice(STREETS)}{chance.randrange(1, 400)}號"
    return name, cn_identity_number(born, order), phone, address


def cn_identity_number(born: date, order: int) -> str:
    """Return an 18-character identity number with its check character (GB 11643-1999)."""
    first = f"000000{born:%Y%m%d}{order:03d}"
    total = sum(int(digit) * weight for digit, weight in zip(first, WEIGHTS, strict=True))
    return first + CHECKS[total % 11]


def descriptor() -> str:
    """Return the roles of the columns as the JSON that acquisition reads."""
    return json.dumps(ROLES)

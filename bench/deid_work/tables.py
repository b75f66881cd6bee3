"""The three families of tables: generated regional, wide and sparse, and the demo's cohort.

Each is written as `<family>_<rows>.csv` (values between semicolons, a line of names first) with
a hierarchy a quasi-identifier in `h/<family>_<column>.csv` (one line a leaf: the leaf, then its
labels upward), so that every peer reads the same files. The regional one has the shape of the
region's hospitals: eight quasi-identifiers, a lattice of 34,560 nodes, a diagnosis of 220 values.
"""

import csv
import datetime as dt
import functools
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).parents[2]
SEED = 7
_DRAWN = 500_000
REGIONAL = ("age", "sex", "district", "admission", "ethnicity", "occupation", "ward", "language")
COHORT = ("age", "male", "weight", "height", "status")
SENSITIVE = {"regional": "diagnosis", "cohort": "futime", "wide": "outcome"}
ORDERED = {"age", "admission", "weight", "height"}

HONG_KONG = {
    "Hong Kong Island": ("Central and Western", "Wan Chai", "Eastern", "Southern"),
    "Kowloon": (
        "Yau Tsim Mong", "Sham Shui Po", "Kowloon City", "Wong Tai Sin", "Kwun Tong",
    ),
    "New Territories": (
        "Kwai Tsing", "Tsuen Wan", "Tuen Mun", "Yuen Long", "North", "Tai Po", "Sha Tin",
        "Sai Kung", "Islands",
    ),
}  # fmt: skip
GUANGDONG = {
    "Shenzhen": "Futian Luohu Nanshan Baoan Longgang Longhua Yantian Pingshan Guangming",
    "Guangzhou": "Tianhe Yuexiu Haizhu Liwan Baiyun Huangpu Panyu Nansha Huadu Zengcheng Conghua",
    "Zhuhai": "Xiangzhou Doumen Jinwan",
    "Foshan": "Chancheng Nanhai Shunde",
    "Dongguan": "Dongguan",
    "Zhongshan": "Zhongshan",
    "Huizhou": "Huicheng Huiyang",
    "Jiangmen": "Pengjiang Xinhui",
    "Zhaoqing": "Duanzhou",
}
OCCUPATIONS = {
    "Professional": {
        "Health": "Nurse Doctor Therapist Carer",
        "Education": "Teacher Lecturer Student",
        "Office": "Clerk Manager Accountant Lawyer Programmer",
    },
    "Manual or service": {
        "Service": "Sales Waiter Chef Hairdresser Security",
        "Transport": "Driver Pilot Logistics Courier",
        "Construction": "Builder Electrician Plumber Engineer",
        "Factory": "Operator Tailor Mechanic",
        "Primary": "Farmer Fisher",
    },
    "Not employed": {
        "Home": "Homemaker Helper",
        "None": "Retired Unemployed Child Disabled",
    },
}
WARDS = (
    ("Medical", "Medicine", "Cardiology Respiratory Gastro Renal Endocrine Neurology Haem Rheum"),
    ("Surgical", "Surgery", "General Urology Vascular Neurosurgery Orthopaedic Cardiothoracic"),
    ("Women and children", "Medicine", "Obstetric Gynaecology Paediatric Neonatal"),
    ("Critical", "Acute", "Intensive Coronary Dependency Emergency"),
    ("Cancer", "Medicine", "Oncology Radiotherapy Palliative"),
    ("Mental", "Medicine", "Psychiatry Psychogeriatric"),
    ("Recovery", "Medicine", "Rehabilitation Geriatric"),
    ("Day care", "Surgery", "Day-surgery Endoscopy Dialysis"),
)
ETHNICITIES = {
    "Chinese": (("Chinese-HK", 0.62), ("Chinese-Mainland", 0.26), ("Chinese-Macao", 0.03)),
    "South-East Asian": (("Filipino", 0.025), ("Indonesian", 0.02), ("Thai", 0.003)),
    "South Asian": (("Indian", 0.008), ("Pakistani", 0.006), ("Nepalese", 0.007)),
    "Other": (("White", 0.009), ("Japanese", 0.003), ("Korean", 0.002), ("Mixed", 0.007)),
}
LANGUAGES = {
    "Chinese language": "Cantonese Putonghua Hakka Chiuchow Fujianese",
    "Foreign language": "English Tagalog Bahasa Urdu Nepali",
}
SPEAK = (
    (0.9, 0.03, 0.02, 0.02, 0.01, 0.02, 0, 0, 0, 0),
    (0.45, 0.48, 0.03, 0.02, 0.01, 0.01, 0, 0, 0, 0),
    (0.25, 0.03, 0.01, 0.01, 0.01, 0.4, 0.12, 0.09, 0.05, 0.03),
)
DAYS = tuple(dt.date(2022, 1, 1) + dt.timedelta(day) for day in range(1096))

Rows = list[list[str]]


def _places() -> Rows:
    rows = [[name, region, "Hong Kong", "*"] for region, own in HONG_KONG.items() for name in own]
    rows += [
        [f"{city}/{name}", city, "Guangdong", "*"]
        for city, names in GUANGDONG.items()
        for name in names.split()
    ]
    return rows + [[f"Macao/{name}", "Macao", "Macao SAR", "*"] for name in ("Peninsula", "Taipa")]


def _ages() -> Rows:
    bands = [[age, *(age // width * width for width in (5, 10, 20))] for age in range(100)]
    return [
        [str(age), f"{a}-{a + 4}", f"{b}-{b + 9}", f"{c}-{c + 19}", "*"] for age, a, b, c in bands
    ]


def _days() -> Rows:
    return [
        [
            day.isoformat(),
            f"{day:%Y-%m}-{'abc'[min((day.day - 1) // 10, 2)]}",
            f"{day:%Y-%m}",
            f"{day.year}Q{(day.month - 1) // 3 + 1}",
            str(day.year),
            "*",
        ]
        for day in DAYS
    ]


def regional_hierarchies() -> dict[str, Rows]:
    """Return the hierarchies of the regional table."""
    return {
        "age": _ages(),
        "sex": [["F", "*"], ["M", "*"]],
        "district": _places(),
        "admission": _days(),
        "ethnicity": [[n, g, "*"] for g, own in ETHNICITIES.items() for n, _ in own],
        "occupation": [
            [name, group, top, "*"]
            for top, groups in OCCUPATIONS.items()
            for group, names in groups.items()
            for name in names.split()
        ],
        "ward": [[n, group, top, "*"] for group, top, names in WARDS for n in names.split()],
        "language": [[n, group, "*"] for group, own in LANGUAGES.items() for n in own.split()],
    }


def _share(count: int, power: float) -> np.ndarray:
    shares = 1 / np.arange(1, count + 1) ** power
    return shares / shares.sum()


def regional_codes(rows: int, seed: int = SEED) -> dict[str, np.ndarray]:
    """Draw a regional table, as leaves of its hierarchies; people differ as the region's do."""
    rng = np.random.default_rng(seed)
    shapes = regional_hierarchies()
    young = rng.random(rows) < 0.12
    age = np.where(young, rng.gamma(1.2, 4, rows), rng.normal(58, 21, rows))
    age = np.clip(age, 0, 99).astype(np.int32)
    sex = (rng.random(rows) < 0.48).astype(np.int32)
    homes = 1 / (1 + np.arange(len(shapes["district"])) * 0.18)
    homes[:18] *= 3
    district = rng.choice(len(homes), rows, p=homes / homes.sum())
    origins = np.array([share for own in ETHNICITIES.values() for _, share in own])
    ethnicity = rng.choice(len(origins), rows, p=origins / origins.sum())
    mainland = np.array([row[2] == "Guangdong" for row in shapes["district"]])[district]
    ethnicity = np.where(mainland & (rng.random(rows) < 0.9), 1, ethnicity)
    spoken = [rng.choice(10, rows, p=shares) for shares in SPEAK]
    language = np.choose(np.minimum(ethnicity, 2), spoken)
    work = [row[0] for row in shapes["occupation"]]
    occupation = rng.choice(len(work), rows, p=_share(len(work), 0.4))
    is_retired = (age >= 65) & (rng.random(rows) < 0.85)
    occupation = np.where(is_retired, work.index("Retired"), occupation)
    occupation = np.where(age < 18, work.index("Student"), occupation)
    occupation = np.where(age < 6, work.index("Child"), occupation)
    wards = [row[0] for row in shapes["ward"]]
    ward = rng.choice(len(wards), rows, p=_share(len(wards), 0.5))
    ward = np.where((age < 15) & (rng.random(rows) < 0.8), wards.index("Paediatric"), ward)
    cannot = (ward == wards.index("Obstetric")) & ((sex == 1) | (age < 15) | (age > 50))
    ward = np.where(cannot, wards.index("Respiratory"), ward)
    admission = rng.integers(0, len(DAYS), rows)
    diagnosis = (rng.choice(220, rows, p=_share(220, 0.9)) + ward * 3) % 220
    drawn = (age, sex, district, admission, ethnicity, occupation, ward, language, diagnosis)
    return dict(zip((*REGIONAL, "diagnosis"), (one.astype(np.int32) for one in drawn), strict=True))


def wide_hierarchies() -> dict[str, Rows]:
    """Return those of the wide table: three demographic columns and sixteen rare conditions."""
    regional = regional_hierarchies()
    flags = {f"condition{at:02d}": [["no", "*"], ["yes", "*"]] for at in range(16)}
    return {name: regional[name] for name in ("age", "sex", "district")} | flags


def wide_codes(rows: int, seed: int = SEED) -> dict[str, np.ndarray]:
    """Draw a wide sparse table: conditions of 0.5 to 8 per cent that grow with age."""
    drawn = regional_codes(rows, seed)
    rng = np.random.default_rng(seed + 1)
    codes = {name: drawn[name] for name in ("age", "sex", "district")}
    for at in range(16):
        often = (0.005 + 0.005 * at) * (0.4 + drawn["age"] / 80)
        codes[f"condition{at:02d}"] = (rng.random(rows) < often).astype(np.int32)
    return codes | {"outcome": rng.choice(6, rows, p=_share(6, 1.2)).astype(np.int32)}


def _banded(values: list[str], widths: tuple[int, ...]) -> Rows:
    numbers = sorted({int(value) for value in values if value})
    lowest = numbers[0] // widths[-1] * widths[-1]
    rows = [
        [str(n), *(f"{(n - lowest) // w * w + lowest}+{w}" for w in widths), "*"]
        for n in range(lowest, numbers[-1] + 1)
    ]
    return [["", *("missing" for _ in widths), "*"], *rows] if "" in values else rows


def cohort() -> tuple[dict[str, Rows], dict[str, list[str]]]:
    """Read the demo's cohort: measures rounded to whole numbers, follow-up in years."""
    with (ROOT / "demo" / "data" / "nafld1.csv").open(encoding="utf-8") as file:
        read = list(csv.DictReader(file))

    def whole(name: str) -> list[str]:
        return ["" if row[name] == "" else str(round(float(row[name]))) for row in read]

    table = {name: whole(name) for name in ("age", "male", "weight", "height", "status")}
    table["futime"] = [f"{int(row['futime']) // 365:02d}" for row in read]
    shapes = {
        "age": _banded(table["age"], (5, 10, 20)),
        "male": [["0", "*"], ["1", "*"]],
        "weight": _banded(table["weight"], (5, 10, 20, 40)),
        "height": _banded(table["height"], (5, 10, 20)),
        "status": [["0", "*"], ["1", "*"]],
    }
    return shapes, table


@functools.cache
def write(folder: Path, family: str, rows: int) -> tuple[Path, tuple[str, ...]]:
    """Write a table and its hierarchies; return its path and its quasi-identifiers."""
    if family == "cohort":
        shapes, table = cohort()
    else:
        made = {"regional": regional_hierarchies, "wide": wide_hierarchies}[family]
        drawn = {"regional": regional_codes, "wide": wide_codes}[family](rows)
        shapes = made()
        table = {
            name: [shapes[name][code][0] for code in codes.tolist()]
            if name in shapes
            else [f"D{code:03d}" for code in codes.tolist()]
            for name, codes in drawn.items()
        }
    _write_hierarchies(folder, family, shapes)
    path = folder / f"{family}_{len(next(iter(table.values())))}.csv"
    with path.open("w", encoding="utf-8") as file:
        file.write(";".join(table) + "\n")
        file.writelines(";".join(row) + "\n" for row in zip(*table.values(), strict=True))
    return path, tuple(shapes)


def _write_hierarchies(folder: Path, family: str, shapes: dict[str, Rows]) -> None:
    (folder / "h").mkdir(parents=True, exist_ok=True)
    for name, lines in shapes.items():
        text = "".join(";".join(line) + "\n" for line in lines)
        (folder / "h" / f"{family}_{name}.csv").write_text(text, encoding="utf-8")


def write_large(folder: Path, rows: int) -> Path:
    """Write a regional table of many millions as Parquet, drawn and written batch by batch."""
    shapes = regional_hierarchies()
    _write_hierarchies(folder, "regional", shapes)
    path = folder / f"regional_{rows}.parquet"
    if path.exists():
        return path
    texts = {name: [line[0] for line in lines] for name, lines in shapes.items()}
    texts["diagnosis"] = [f"D{at:03d}" for at in range(220)]
    coded = pa.dictionary(pa.int32(), pa.string())
    schema = pa.schema([(name, coded) for name in texts])
    part = path.with_suffix(".part")
    with pq.ParquetWriter(part, schema) as file:
        for at in range(0, rows, _DRAWN):
            drawn = regional_codes(min(_DRAWN, rows - at), SEED + at)
            columns = [pa.DictionaryArray.from_arrays(drawn[n], texts[n]) for n in texts]
            file.write_table(pa.table(columns, schema=schema))
    part.rename(path)
    return path


def in_order(lines: Rows) -> Rows:
    """Put the leaves of a hierarchy in the order of the taxonomy: those of a label side by side.

    Labels of every level stand in the order in which they first appear.
    """
    seen: list[dict[str, int]] = [{} for _ in lines[0]]
    for line in lines:
        for numbers, label in zip(seen, line, strict=True):
            numbers.setdefault(label, len(numbers))
    ranks = list(reversed(seen))
    return sorted(
        lines, key=lambda line: [n[label] for n, label in zip(ranks, line[::-1], strict=True)]
    )

"""The hospital's source system: the NAFLD cohort with invented identifiers added to it.

Every identifier is made from the row's number alone, by a seeded generator: the same on every
machine, belonging to nobody. Identity numbers carry correct check digits (GB 11643-1999 for the
Mainland, the Immigration Department's scheme for Hong Kong), since that is what de-identification
must recognise; the Mainland ones use the county code 000000, which was never given out.
"""

import csv
import gzip
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

SURNAMES = tuple("陳林黃張李王吳劉蔡楊許鄭謝郭洪曾邱廖賴徐周葉蘇莊呂江何蕭羅高")
GIVEN = tuple("志明家美麗華偉文英國建淑芬玲俊傑雅婷雯怡君宏哲惠珍秀蘭玉梅信")
STREETS = ("港前大道", "金沙路", "進港大道", "環市大道", "豐澤東路", "海濱路")
WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)  # GB 11643-1999, ISO 7064 MOD 11-2
CHECKS = "10X98765432"
COLUMNS = ("name", "identity_number", "phone", "address")


def _words(en: str, zh_hant: str, zh_hans: str) -> dict[str, str]:
    return {"en": en, "zh-Hant": zh_hant, "zh-Hans": zh_hans}


DESCRIPTOR: dict[str, Any] = {
    "title": {
        "en": "Non-alcoholic fatty liver disease cohort",
        "zh-Hant": "非酒精性脂肪肝病隊列",
        "zh-Hans": "非酒精性脂肪肝病队列",
    },
    "description": {
        "en": "People with fatty liver disease and matched controls: demography, laboratory values"
        " and events over twenty years. A published cohort (Mayo Clinic) that plays the hospital's"
        " records in a demonstration; its identifiers are invented.",
        "zh-Hant": "脂肪肝病患者與配對對照：人口學資料、化驗結果及二十年間的臨床事件。"
        "此為已發表的隊列（梅奧診所），在示範中代替醫院的記錄；其識別資料均屬虛構。",
        "zh-Hans": "脂肪肝病患者与配对对照：人口学信息、化验结果及二十年间的临床事件。"
        "此为已发表的队列（梅奥诊所），在演示中代替医院的记录；其标识信息均属虚构。",
    },
    "keywords": [
        {"en": "liver", "zh-Hant": "肝臟", "zh-Hans": "肝脏"},
        {"en": "liver disease", "zh-Hant": "肝病", "zh-Hans": "肝病"},
        {"en": "survival", "zh-Hant": "存活分析", "zh-Hans": "生存分析"},
    ],
    "source_note": "Debian r-cran-survival 3.5-3, LGPL (>= 2), with invented identifiers",
    "columns": {
        "id": {"role": "person_key"},
        "name": {"role": "direct_identifier", "kind": "name"},
        "identity_number": {"role": "direct_identifier", "kind": "cn_id"},
        "phone": {"role": "direct_identifier", "kind": "phone"},
        "address": {"role": "direct_identifier", "kind": "address"},
        "age": {
            "role": "quasi_identifier",
            "unit": "years",
            "label": _words("Age", "年齡", "年龄"),
        },
        "male": {"role": "quasi_identifier", "label": _words("Male", "男性", "男性")},
        "weight": {
            "role": "quasi_identifier",
            "unit": "kg",
            "label": _words("Weight", "體重", "体重"),
        },
        "height": {
            "role": "quasi_identifier",
            "unit": "cm",
            "label": _words("Height", "身高", "身高"),
        },
        "bmi": {
            "role": "quasi_identifier",
            "unit": "kg/m2",
            "label": _words("BMI", "體重指數", "体重指数"),
        },
        "case.id": {"role": "direct_identifier", "kind": "mrn"},
        "futime": {"role": "measure", "unit": "days", "label": _words("Follow-up", "隨訪", "随访")},
        "status": {"role": "sensitive", "label": _words("Died", "死亡", "死亡")},
        "days": {"role": "measure", "unit": "days", "label": _words("Day", "日", "日")},
        "test": {"role": "other", "label": _words("Test", "化驗項目", "化验项目")},
        "value": {"role": "measure", "label": _words("Value", "結果", "结果")},
        "event": {"role": "sensitive", "label": _words("Event", "事件", "事件")},
    },
}  # fmt: skip

PILOT: dict[str, Any] = {
    "title": {
        "en": "Laboratory values, pilot extract",
        "zh-Hant": "化驗結果試點摘錄",
        "zh-Hans": "化验结果试点摘录",
    },
    "columns": {
        "id": {"role": "person_key"},
        "days": {"role": "measure", "unit": "days"},
        "test": {"role": "other"},
        "value": {"role": "measure"},
    },
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

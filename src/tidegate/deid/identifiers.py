r"""Recognise direct identifiers of the region, by check digit wherever one exists.

Hong Kong identity card: weights 9..2 over letters (A=10, space=36) and digits, sum + check ≡ 0
mod 11 (Immigration Department's scheme). Mainland resident identity number: GB 11643-1999, ISO 7064
MOD 11-2, with a real birth date inside. `\b` is useless beside Chinese characters, which are word
characters, so the patterns carry look-arounds of their own.
"""

import re
from collections.abc import Callable, Iterable
from datetime import date

from tidegate.kernel.values import dataclass

_FULL_WIDTH = {ord("（"): "(", ord("）"): ")", **{0xFF10 + n: str(n) for n in range(10)}}
_HK_ID = re.compile(
    r"(?<![A-Za-z0-9])([A-Za-z]{1,2})(\d{6})\s?(?:\(([0-9Aa])\)|([0-9Aa]))(?![A-Za-z0-9])"
)
_CN_ID = re.compile(r"(?<!\d)(\d{17}[0-9Xx])(?![0-9A-Za-z])")
_EMAIL = re.compile(r"(?<![\w.+-])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+")
_PHONE = re.compile(
    r"(?<![\d.])(?:(?:\+|00)?852[- ]?[235689]\d{3}[- ]?\d{4}|(?:\+|00)?853[- ]?[26]\d{3}[- ]?\d{4}"
    r"|(?:(?:\+|00)?86[- ]?)?1[3-9]\d[- ]?\d{4}[- ]?\d{4}|[235689]\d{3}[- ]\d{4})(?![\d.])"
)
_TIME = r"(?:[T ]\d{1,2}:\d{2}\S*)?"
_WRITTEN_DATE = re.compile(
    rf"(?:\d{{4}}([-/.])\d{{1,2}}\1\d{{1,2}}|\d{{1,2}}([-/.])\d{{1,2}}\2\d{{4}}){_TIME}"
    rf"|\d{{4}}年\d{{1,2}}月\d{{1,2}}日?{_TIME}"
)
_PLAIN_DATE = re.compile(r"(?:19|20)\d{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])")
_CN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_NAMES = (
    ("name", r"(?:^|_)(?:name|full_?name|surname|given_?name|patient_?name)(?:$|_)|姓名"),
    ("hk_id", r"hkid|hk_?id|身份證|身分證"),
    (
        "cn_id",
        r"cn_?id|id_?card|resident_?id|national_?id|身份证|(?:证件|證件|护照|護照|通行证|通行證)[号號]",
    ),
    ("phone", r"phone|mobile|(?:^|_)tel(?:$|_)|電話|电话|手機|手机"),
    ("email", r"e_?mail|電郵|邮箱"),
    ("address", r"address|addr(?:$|_)|地址|住址"),
    (
        "mrn",
        r"(?:^|_)mrn(?:$|_)|medical_record|hospital_no|"
        r"(?:病人|患者|病患|就诊|就診|门诊|門診|急诊|急診|住院|病案|病历|病歷|医保|醫保|社保)卡?"
        r"(?:编|編)?[号號]",
    ),
)
_PERSON_KEYS = {"id", "person_id", "patient_id", "subject_id", "person_key", "subject", "case_id"}
_PERSON_KEYS |= {"patientid", "personid", "subjectid"}
_QUASI = {"age", "sex", "gender", "male", "district", "postcode", "zip", "ethnicity", "occupation"}
_QUASI |= {
    "birth_date",
    "date_of_birth",
    "dob",
    "年龄",
    "年齡",
    "性别",
    "性別",
    "民族",
    "种族",
    "種族",
}
_QUASI |= {"出生日期", "出生年月", "职业", "職業", "居住地", "居住区", "居住區", "邮编", "郵編"}
_QUASI |= {"邮政编码", "郵政編碼"}
_ENOUGH = 8


@dataclass(frozen=True, slots=True)
class Finding:
    """What a column seems to hold, judged from its name and values."""

    role: str
    kind: str
    reason: str


def is_hk_id(letters: str, digits: str, check: str) -> bool:
    """Tell whether an identity card number's check digit holds."""
    head = letters.upper().rjust(2)
    values = [36 if c == " " else ord(c) - 55 for c in head] + [int(c) for c in digits]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + (10 if check.upper() == "A" else int(check))) % 11 == 0


def is_cn_id(number: str) -> bool:
    """Tell whether an 18-character resident identity number has a real date and check character."""
    try:
        date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return False
    total = sum(int(c) * w for c, w in zip(number[:17], _CN_WEIGHTS, strict=True))
    return "10X98765432"[total % 11] == number[17].upper()


def _hk(match: re.Match[str]) -> bool:
    return is_hk_id(match[1], match[2], match[3] or match[4])


def _cn(match: re.Match[str]) -> bool:
    return is_cn_id(match[1])


def _always(_match: re.Match[str]) -> bool:
    return True


_KINDS: tuple[tuple[str, re.Pattern[str], Callable[[re.Match[str]], bool]], ...] = (
    ("cn_id", _CN_ID, _cn),
    ("hk_id", _HK_ID, _hk),
    ("email", _EMAIL, _always),
    ("phone", _PHONE, _always),
)


def scrub(text: str) -> tuple[str, int]:
    """Strike identifiers out of free text; return the new text and how many were found.

    Full-width digits and brackets are read as their narrow forms; a text without identifiers
    comes back unchanged.
    """
    narrow, found = text.translate(_FULL_WIDTH), 0
    for kind, pattern, holds in _KINDS:
        narrow, struck = _strike(narrow, kind, pattern, holds)
        found += struck
    return (narrow, found) if found else (text, 0)


def _strike(
    text: str, kind: str, pattern: re.Pattern[str], holds: Callable[[re.Match[str]], bool]
) -> tuple[str, int]:
    pieces, last, found = [], 0, 0
    for match in pattern.finditer(text):
        if holds(match):
            pieces += [text[last : match.start()], f"[{kind}]"]
            last, found = match.end(), found + 1
    return "".join([*pieces, text[last:]]), found


def kind_of(value: str) -> str:
    """Return the kind of identifier a whole value is, or an empty string."""
    narrow = value.translate(_FULL_WIDTH).strip()
    for kind, pattern, holds in _KINDS:
        match = pattern.fullmatch(narrow)
        if match is not None and holds(match):
            return kind
    return ""


def suggest(name: str, values: Iterable[str]) -> Finding | None:
    """Suggest the role of a column from its name and a sample of its values, or None.

    Values speak before names: a column is taken for identity numbers when at least half of a
    sample of eight or more are valid ones. Dates in whatever form are told too: taken for
    plain text or numbers, they would be left as they are.
    """
    sample = list(values)
    kinds = [kind_of(value) for value in sample]
    for kind in ("cn_id", "hk_id", "email", "phone"):
        if len(kinds) >= _ENOUGH and kinds.count(kind) * 2 >= len(kinds):
            return Finding("direct_identifier", kind, "values")
    folded = re.sub(r"[^\w]+", "_", name.strip().lower())
    for kind, pattern in _NAMES:
        if re.search(pattern, folded):
            return Finding("direct_identifier", kind, "name")
    if folded in _PERSON_KEYS:
        return Finding("person_key", "", "name")
    if folded in _QUASI:
        return Finding("quasi_identifier", "", "name")
    return Finding("date", "", "values") if _are_dates(sample) else None


def _are_dates(sample: list[str]) -> bool:
    narrow = [value.translate(_FULL_WIDTH).strip() for value in sample]
    written = sum(bool(_WRITTEN_DATE.fullmatch(value)) for value in narrow)
    plain = sum(bool(_PLAIN_DATE.fullmatch(value)) for value in narrow)
    return bool(sample) and (
        written * 2 >= len(sample) or (len(sample) >= _ENOUGH and plain == len(sample))
    )

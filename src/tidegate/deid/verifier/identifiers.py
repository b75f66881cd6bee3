"""Look for direct identifiers in what is published: by column name, and by the look of a text.

Written apart from the patterns that strike identifiers out, so that a gap in those is seen here.
A number with a check digit counts only if the digit is right: Hong Kong identity card (mod 11),
mainland resident number (GB 11643-1999, ISO 7064 MOD 11-2).
"""

import re
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute

from tidegate.deid.verifier.model import Fault
from tidegate.deid.verifier.reading import Column, Table, iterate_texts

_SUSPECT = r"@|[A-Za-z][0-9]{6}|[0-9]{17}|[0-9]{3}[- ]?[0-9]{4}|[０-９]{4}"
_FOLD = {0xFF08: "(", 0xFF09: ")", 0xFF20: "@"} | {0xFF10 + n: chr(48 + n) for n in range(10)}
_CARD = re.compile(r"(?<![A-Za-z0-9])([A-Za-z]{1,2})([0-9]{6}) ?\(?([0-9Aa])\)?(?![A-Za-z0-9])")
_RESIDENT = re.compile(r"(?<![0-9])[0-9]{6}(?:18|19|20)[0-9]{9}[0-9Xx](?![0-9A-Za-z])")
_MAIL = re.compile(r"[^\s@,;<>]+@[^\s@,;<>]+\.[A-Za-z]{2,}")
_CALL = re.compile(
    r"(?<![0-9.])(?:(?:\+|00)[0-9]{2,3}[- ]?[0-9]{3,4}[- ]?[0-9]{4}(?:[0-9]{3})?"
    r"|1[3-9][0-9]-?[0-9]{4}-?[0-9]{4}|[235689][0-9]{3}[- ][0-9]{4})(?![0-9.])"
)
_INTERVAL = re.compile(r"[0-9.]+-[0-9.]+")
_NAMED = re.compile(
    r"(?:^|_)(?:(?:full|family|given|first|last|patient)_?)?(?:name|surname)$|hk_?id|id_?card"
    r"|passport|phone|mobile|e_?mail|(?:^|_)(?:tel|fax|mrn|addr|address|street)(?:$|_)"
    r"|姓名|身份[证證]|身分證|[电電][话話]|手[机機]|地址|住址|[邮電]箱|電郵|病[历歷][号號]|住院[号號]"
    r"|(?:病人|患者|病患|[就门門急][诊診]|病案|[医醫]保|社保)卡?[编編]?[号號]"
    r"|(?:[证證]件|[护護]照|通行[证證])[号號]"
)
_DECIMAL = re.compile(r"-?[0-9]+\.[0-9]+(?:[eE][+-]?[0-9]+)?|-?[0-9]{1,4}|")
_WHOLE = re.compile(r"-?[0-9]*(?:\.0+)?")
_SHORT = 4
_MANY = 100
_FEW = 20
_NEARLY, _OF = 9, 10
_DIGITS = "10X98765432"


def find_names_for_all(table: Table, known: tuple[str, ...]) -> Iterator[Fault]:
    """Name every column that gives nearly each record its own value, and is said to be nothing.

    Such a column is a number of the person or of the record, whatever it looks like: a few that
    are missing, or stand twice, leave the others named. `known` are the quasi-identifiers,
    sensitive attributes and pseudonyms; measurements with decimals differ by nature, and in few
    records anything may.
    """
    for name, column in zip(table.names, table.columns, strict=True):
        if name not in known and _names_nearly_all(column):
            yield Fault(
                "identifier_unique",
                f"The column {name} has another value in every record, or in nine of ten, as"
                " numbers of people or of records have, so it may name people. If it does, leave it"
                " out, empty it, or give it keyed names; if it is a measurement, say so: make it a"
                " sensitive column.",
            )


def _names_nearly_all(column: Column) -> bool:
    times = np.bincount(column.codes, minlength=len(column.texts))
    there = np.array([bool((text or "").strip()) for text in column.texts], bool)
    filled, alone = int(times[there].sum()), int((times[there] == 1).sum())
    if filled < _FEW or alone * _OF < filled * _NEARLY:
        return False
    return not _are_measured([text.strip() for text in iterate_texts(column)])


def _are_measured(texts: list[str]) -> bool:
    """Tell measurements from numbers of people, which programs like to write with `.0`."""
    if not all(_DECIMAL.fullmatch(text) for text in texts):
        return False
    whole = [text.split(".")[0] for text in texts if _WHOLE.fullmatch(text)]
    if len(whole) < len(texts):
        return True
    numbers = [int(text) for text in whole if text]
    is_series = len(numbers) >= _MANY and max(numbers) - min(numbers) < 2 * len(numbers)
    return not is_series and all(len(text) <= _SHORT for text in whole)


def find_identifiers(
    table: Table, quasi: tuple[str, ...], pseudonyms: tuple[str, ...]
) -> Iterator[Fault]:
    """Name every column that looks as if it told who a person is; no value is repeated.

    An interval that a quasi-identifier was generalised to, such as 2000-2999, is no telephone
    number; nor is a run of digits inside a pseudonym, which may hold any run.
    """
    for name, column in zip(table.names, table.columns, strict=True):
        if name not in pseudonyms and _NAMED.search(re.sub(r"\W+", "_", name.lower())):
            yield Fault(
                "identifier_name",
                f"The column {name} is named like a direct identifier; leave it out, or claim it "
                "as a pseudonym if it is one.",
            )
        texts = pa.array(list(iterate_texts(column)), pa.string())
        suspects = texts.filter(pa.compute.match_substring_regex(texts, _SUSPECT)).to_pylist()
        texts_left = (t for t in suspects if name not in quasi or not _INTERVAL.fullmatch(t))
        whole = name in pseudonyms and name not in quasi
        kinds = sorted({kind for text in texts_left if (kind := _kind(text, whole=whole))})
        if kinds:
            yield Fault(
                "identifier_left",
                f"The column {name} holds what looks like a direct identifier "
                f"({', '.join(kinds)}); strike it out and publish again.",
            )


def _kind(text: str, *, whole: bool) -> str:
    """Return what kind of identifier stands in a text, or is the whole of it."""
    plain = text.translate(_FOLD)
    if any(_is_resident(found[0]) for found in _look(_RESIDENT, plain, whole=whole)):
        return "resident number"
    if any(_is_card(*found.groups()) for found in _look(_CARD, plain, whole=whole)):
        return "identity card"
    if any(_look(_MAIL, plain, whole=whole)):
        return "e-mail address"
    return "telephone number" if any(_look(_CALL, plain, whole=whole)) else ""


def _look(pattern: re.Pattern[str], text: str, *, whole: bool) -> Iterator[re.Match[str]]:
    found = pattern.fullmatch(text.strip()) if whole else None
    if found is not None:
        yield found
    if not whole:
        yield from pattern.finditer(text)


def _is_card(letters: str, digits: str, check: str) -> bool:
    total = 0 if len(letters) == 2 else 9 * 36
    places = range(len(letters) + 7, 1, -1)
    for weight, mark in zip(places, letters.upper() + digits, strict=True):
        total += weight * int(mark, 36)
    return (total + int(check, 16)) % 11 == 0


def _is_resident(number: str) -> bool:
    left = 0
    for digit in number[:17]:
        left = (left + int(digit)) * 2 % 11
    return _DIGITS[left] == number[17].upper() and "01" <= number[10:12] <= "12"

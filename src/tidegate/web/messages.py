"""The words of the pages: one file for each language, the same keys in all of them."""

import re
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from tidegate.kernel.text import Language

_FILES = {Language.EN: "en", Language.ZH_HANT: "zh_Hant", Language.ZH_HANS: "zh_Hans"}
NAMES = {Language.EN: "English", Language.ZH_HANT: "繁體中文", Language.ZH_HANS: "简体中文"}
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")  # RFC 9110 section 12.4.2
_TRADITIONAL = ("hant", "hk", "mo", "tw")


@cache
def messages(language: Language) -> Mapping[str, str]:
    """Read the words of one language as a flat table such as `nav.home`."""
    path = files("tidegate.web").joinpath("locale", f"{_FILES[language]}.toml")
    return dict(_flatten("", tomllib.loads(path.read_text(encoding="utf-8"))))


def _flatten(prefix: str, table: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flatten(f"{prefix}{name}.", value)
        else:
            yield f"{prefix}{name}", str(value)


def find_words(language: Language, key: str) -> str | None:
    """Return the words of `key`, or None when no language file has it."""
    return messages(language).get(key)


def words(language: Language, key: str, **values: object) -> str:
    """Return the words of `key` with `{name}` places filled; KeyError if the key is unknown."""
    text = messages(language)[key]
    return text.format_map(values) if values else text


def choose_language(chosen: str, accepted: str) -> Language:
    """Choose by the cookie if it names a language, else by the Accept-Language header."""
    for language in Language:
        if language.value == chosen:
            return language
    for tag in _tags(accepted):
        if tag.startswith("zh"):
            is_traditional = any(part in tag.split("-")[1:] for part in _TRADITIONAL)
            return Language.ZH_HANT if is_traditional else Language.ZH_HANS
        if tag.startswith("en"):
            return Language.EN
    return Language.EN


def _tags(header: str) -> list[str]:
    weighed = []
    for place, item in enumerate(header.split(",")):
        tag, _, quality = item.strip().lower().partition(";q=")
        weight = float(quality) if _QUALITY.fullmatch(quality) else 1.0
        if tag and weight > 0:
            weighed.append((-weight, place, tag))
    return [tag for _, _, tag in sorted(weighed)]

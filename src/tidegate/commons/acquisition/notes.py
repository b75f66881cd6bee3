"""Read what people say about their data: the descriptor beside the files, and `--role` options.

A descriptor is JSON: `{"title": {"en": …, "zh-Hant": …, "zh-Hans": …}, "description": …,
"keywords": […], "columns": {"table/column": {"role": …, "kind": …, "unit": …, "label": …}},
"encoding": …,
"missing": […], "retain_years": …}`. A text may also be a plain string, taken as English. A column
without a table speaks of the column of that name in every table.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tidegate.catalogue.model import ColumnRole
from tidegate.commons.errors import DescriptorInvalidError
from tidegate.commons.model import NO_TEXT, ColumnNote, Descriptor
from tidegate.kernel.text import Multilingual

_KNOWN = {"title", "description", "keywords", "theme", "source_note", "columns", "encoding"}
_KNOWN |= {"missing", "retain_years"}
_LANGUAGES = {"en", "zh-Hant", "zh-Hans"}


def read_descriptor(document: Any, title: str = "") -> Descriptor:
    """Read a descriptor; `title` is used where it has none. Raise DescriptorInvalidError."""
    if not isinstance(document, Mapping) or set(document) - _KNOWN:
        raise DescriptorInvalidError(
            f"A descriptor is a JSON object with only: {', '.join(sorted(_KNOWN))}."
        )
    columns = document.get("columns", {})
    keywords = document.get("keywords", [])
    missing = document.get("missing", ["", "NA"])
    years = document.get("retain_years", 10)
    if not isinstance(columns, Mapping) or not isinstance(keywords, list):
        raise DescriptorInvalidError("`columns` is an object and `keywords` a list.")
    if not isinstance(missing, list) or not all(isinstance(m, str) for m in missing):
        raise DescriptorInvalidError("`missing` is a list of texts that stand for no value.")
    if not isinstance(years, int) or isinstance(years, bool):
        raise DescriptorInvalidError("`retain_years` is a whole number.")
    return Descriptor(
        title=_words(document.get("title", title), "title"),
        description=_words(document.get("description", ""), "description"),
        keywords=tuple(_words(word, "keywords") for word in keywords),
        theme=_plain(document.get("theme", "HEAL"), "theme"),
        source_note=_plain(document.get("source_note", ""), "source_note"),
        columns=tuple(_column(name, note) for name, note in columns.items()),
        encoding=_plain(document.get("encoding", ""), "encoding"),
        missing=tuple(missing),
        retain_years=years,
    )


def read_role(text: str) -> ColumnNote:
    """Read `column=role`, `column=role:kind` or `table/column=role`."""
    name, _, said = text.rpartition("=")
    role, _, kind = said.partition(":")
    if not name:
        raise DescriptorInvalidError(
            "A role is written column=role or column=role:kind, as in name=direct_identifier:name."
        )
    return _column(name, {"role": role, "kind": kind})


def with_roles(descriptor: Descriptor, roles: tuple[str, ...]) -> Descriptor:
    """Add roles given one by one; they win over the descriptor's."""
    columns = list(descriptor.columns)
    for said in map(read_role, roles):
        before = [n for n in columns if (n.table, n.column) == (said.table, said.column)]
        if before:
            columns.remove(before[0])
            columns.append(replace(before[0], role=said.role, kind=said.kind))
        else:
            columns.append(said)
    return replace(descriptor, columns=tuple(columns))


def check_columns(descriptor: Descriptor, tables: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a descriptor that speaks of columns no file has: a typo would leave a name in."""
    for note in descriptor.columns:
        places = tables.values() if not note.table else (tables.get(note.table, ()),)
        if not any(note.column in columns for columns in places):
            raise DescriptorInvalidError(
                f"No file has the column {note.table or '*'}/{note.column} that the description"
                " names; correct its name.",
                code="column_unknown",
            )


def _column(name: str, note: Any) -> ColumnNote:
    if not isinstance(note, Mapping) or set(note) - {"role", "kind", "unit", "label"}:
        raise DescriptorInvalidError("A column's note has only: role, kind, unit, label.")
    role = _plain(note.get("role", ""), "role")
    if role and role not in set(ColumnRole):
        roles = ", ".join(role.value for role in ColumnRole)
        raise DescriptorInvalidError(
            f"{role!r} is no role; roles are {roles}.", code="role_unknown"
        )
    table, slash, column = name.partition("/")
    return ColumnNote(
        table=table if slash else "",
        column=column if slash else name,
        role=role,
        kind=_plain(note.get("kind", ""), "kind"),
        unit=_plain(note.get("unit", ""), "unit"),
        label=_words(note["label"], "label") if "label" in note else NO_TEXT,
    )


def _plain(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise DescriptorInvalidError(f"`{name}` is a text.")
    return value


def _words(value: Any, name: str) -> Multilingual:
    if isinstance(value, str):
        return Multilingual(value)
    if not isinstance(value, Mapping) or set(value) - _LANGUAGES or "en" not in value:
        raise DescriptorInvalidError(
            f"`{name}` is a text, or an object with en and, if there is one, zh-Hant and zh-Hans."
        )
    texts = {language: _plain(text, name) for language, text in value.items()}
    return Multilingual(texts["en"], texts.get("zh-Hant", ""), texts.get("zh-Hans", ""))

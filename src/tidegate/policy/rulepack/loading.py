"""Read rule packs from data files: everything is parsed, typed and checked before it can judge.

A pack is a folder: `pack.toml` (the rules), `pack.sha256` (the hash of what they say, its name) and
`cases.json` (its golden cases). A pack whose text no longer has its hash is refused: packs are
immutable, a change is a new version.
"""

import json
import tomllib
from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from tidegate.kernel.canonical import canonical_json, sha256_hex
from tidegate.kernel.text import Multilingual
from tidegate.policy.errors import RulepackInvalidError
from tidegate.policy.model import Inputs, Outcome
from tidegate.policy.rulepack.engine import plain_inputs, weigh
from tidegate.policy.rulepack.expressions import Sets, parse
from tidegate.policy.rulepack.model import GoldenCase, LawRule, RulePack

MARKS = ("V", "S", "M")
JURISDICTIONS = ("CN", "HK", "MO", "GBA", "EU", "SPACE")
_RULE_KEYS = {
    *("id", "title", "when", "requires", "otherwise", "source", "mark", "jurisdiction"),
    *("valid_from", "valid_to", "review_by"),
}


def read_pack(document: Mapping[str, object]) -> RulePack:
    """Return the pack a parsed document describes; raise RulepackInvalidError where it is none."""
    try:
        sets = {str(name): tuple(members) for name, members in _table(document, "sets").items()}
        entries = document["rules"]
        if not isinstance(entries, list) or not entries:
            raise RulepackInvalidError("A rule pack needs rules.")
        rules = tuple(_read_rule(entry, sets) for entry in entries)
        body = canonical_json(document)
        ids = [rule.id for rule in rules]
        if len(set(ids)) != len(ids):
            raise RulepackInvalidError("Two rules of a pack have the same id.")
        return RulePack(
            name=str(document["name"]),
            version=str(document["version"]),
            title=_title(document["title"]),
            sets=sets,
            rules=rules,
            hash=sha256_hex(body),
            body=body,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise RulepackInvalidError(f"The rule pack is malformed: {error}.") from None


def read_cases(document: Mapping[str, object]) -> tuple[GoldenCase, ...]:
    """Return the golden cases of a pack; each states what differs from the base flow."""
    base = plain_inputs(dict(_table(document, "base")))
    entries = document["cases"]
    if not isinstance(entries, list) or not entries:
        raise RulepackInvalidError("A rule pack needs golden cases.")
    return tuple(_read_case(entry, base, str(document["day"])) for entry in entries)


def check_cases(pack: RulePack, cases: tuple[GoldenCase, ...]) -> None:
    """Raise RulepackInvalidError unless the pack answers every golden case as written down.

    Also every rule must be fired by at least one case, or nothing shows that it works.
    """
    fired: set[str] = set()
    for case in cases:
        outcome, findings = weigh(pack, case.inputs, on=case.day)
        found = tuple(sorted(finding.rule for finding in findings))
        fired |= set(found)
        if (outcome, found) != (case.outcome, case.findings):
            raise RulepackInvalidError(
                f"The rule pack fails its case '{case.name}': {outcome} {found}.",
                code="rulepack_case",
            )
    silent = sorted({rule.id for rule in pack.rules} - fired)
    if silent:
        raise RulepackInvalidError(
            f"No golden case fires {', '.join(silent)}.", code="rulepack_silent_rule"
        )


def load_pack(folder: Traversable) -> RulePack:
    """Return the pack in a folder after checking its hash and its golden cases."""
    pack = read_pack(tomllib.loads(folder.joinpath("pack.toml").read_text("utf-8")))
    named = folder.joinpath("pack.sha256").read_text("utf-8").split()[0]
    if pack.hash != named:
        raise RulepackInvalidError(
            f"The rule pack {pack.name} {pack.version} was changed; publish a new version instead.",
            code="rulepack_changed",
        )
    check_cases(pack, load_cases(folder))
    return pack


def load_cases(folder: Traversable) -> tuple[GoldenCase, ...]:
    """Return the golden cases in a pack's folder."""
    return read_cases(json.loads(folder.joinpath("cases.json").read_text("utf-8")))


def shipped_folders() -> tuple[Traversable, ...]:
    """Return the folders of all packs that come with this software, by name."""
    root = files("tidegate.policy") / "packs"
    found = (one for one in root.iterdir() if one.joinpath("pack.toml").is_file())
    return tuple(sorted(found, key=lambda one: one.name))


@cache
def load_shipped() -> tuple[RulePack, ...]:
    """Return every pack that comes with this software, checked; read once a process."""
    return tuple(load_pack(folder) for folder in shipped_folders())


def _table(document: Mapping[str, object], name: str) -> Mapping[str, list[str]]:
    table = document[name]
    if not isinstance(table, dict):
        raise RulepackInvalidError(f"'{name}' of a rule pack must be a table.")
    return table


def _title(value: object) -> Multilingual:
    if not isinstance(value, dict) or set(value) != {"en", "zh_hant", "zh_hans"}:
        raise RulepackInvalidError("A title needs exactly en, zh_hant and zh_hans.")
    return Multilingual(value["en"], value["zh_hant"], value["zh_hans"])


def _read_rule(entry: Mapping[str, object], sets: Sets) -> LawRule:
    strange = set(entry) - _RULE_KEYS
    if strange:
        raise RulepackInvalidError(f"A rule has an unknown key: {sorted(strange)[0]}.")
    mark, jurisdiction = str(entry["mark"]), str(entry["jurisdiction"])
    if mark not in MARKS or jurisdiction not in JURISDICTIONS:
        raise RulepackInvalidError(f"Rule {entry['id']} has an unknown mark or jurisdiction.")
    outcome = Outcome(str(entry["otherwise"]))
    if outcome in (Outcome.ALLOW, Outcome.DEFAULT_DENY):
        raise RulepackInvalidError(f"Rule {entry['id']} cannot answer {outcome}.")
    when, requires = str(entry["when"]), str(entry["requires"])
    return LawRule(
        id=str(entry["id"]),
        title=_title(entry["title"]),
        when=parse(when, sets),
        requires=parse(requires, sets),
        when_text=when,
        requires_text=requires,
        otherwise=outcome,
        source=str(entry["source"]),
        mark=mark,
        jurisdiction=jurisdiction,
        valid_from=date.fromisoformat(str(entry["valid_from"])),
        valid_to=date.fromisoformat(str(entry["valid_to"])) if entry.get("valid_to") else None,
        review_by=date.fromisoformat(str(entry["review_by"])),
    )


def _read_case(entry: Mapping[str, object], base: Inputs, day: str) -> GoldenCase:
    groups = {group: dict(values) for group, values in base.items()}
    for field, value in _table(entry, "given").items():
        group, _, name = field.partition(".")
        groups[group][name] = plain_inputs({group: {name: value}})[group][name]
    absent = entry.get("absent", [])
    if not isinstance(absent, list):
        raise RulepackInvalidError("'absent' of a case must be a list of fields.")
    for field in absent:
        group, _, name = str(field).partition(".")
        del groups[group][name]
    expected = entry["findings"]
    if not isinstance(expected, list):
        raise RulepackInvalidError("'findings' of a case must be a list of rules.")
    return GoldenCase(
        name=str(entry["name"]),
        inputs=groups,
        outcome=Outcome(str(entry["outcome"])),
        findings=tuple(sorted(expected)),
        day=date.fromisoformat(str(entry.get("day", day))),
    )

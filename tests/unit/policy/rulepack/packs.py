"""A pack of three rules, and services over it, for the tests of the engine."""

import copy
from datetime import date

from tidegate.policy.rulepack.loading import read_pack
from tidegate.policy.rulepack.service import RulePackService

DAY = date(2026, 3, 2)


def rule(**changes):
    fields = {
        "id": "A-01",
        "title": {"en": "A", "zh_hant": "甲", "zh_hans": "甲"},
        "when": "always",
        "requires": "x.ok",
        "otherwise": "deny",
        "source": "Act 1",
        "mark": "V",
        "jurisdiction": "CN",
        "valid_from": "2020-01-01",
        "review_by": "2027-01-01",
    }
    return fields | changes


def document(*rules, **changes):
    fields = {
        "name": "tiny",
        "version": "1",
        "title": {"en": "Tiny", "zh_hant": "小", "zh_hans": "小"},
        "sets": {"GOOD": ["a", "b"]},
        "rules": list(rules) or [rule()],
    }
    return copy.deepcopy(fields | changes)


def pack(*rules, **changes):
    return read_pack(document(*rules, **changes))


def service(ground, *packs, listed=None):
    named = [one.hash for one in packs] if listed is None else listed
    return RulePackService(
        ground.journal, ground.clock, ground.ids, listed=lambda: named, packs=tuple(packs)
    )

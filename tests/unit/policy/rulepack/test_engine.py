"""Every rule is asked; the strictest answer wins; nothing missing is guessed."""

from datetime import date
from decimal import Decimal
from itertools import combinations

import pytest

from tidegate.kernel.text import Language
from tidegate.policy.errors import FlowWithheldError, RulepackInvalidError
from tidegate.policy.model import Outcome
from tidegate.policy.rulepack.engine import STRICTEST_FIRST, decide, plain_inputs
from tidegate.policy.rulepack.words import check_allowed, gravest, in_words
from unit.policy.rulepack.packs import DAY, pack, rule

NO = {"x": {"ok": False}}


def outcome_rule(outcome):
    if outcome is Outcome.DEFAULT_DENY:
        return rule(id=outcome.value, requires="x.missing")
    return rule(id=outcome.value, otherwise=outcome.value)


@pytest.mark.parametrize("pair", list(combinations(STRICTEST_FIRST[:-1], 2)))
def test_the_stricter_of_two_findings_is_the_outcome_and_both_stay(pair):
    strict, mild = pair

    decision = decide(pack(outcome_rule(mild), outcome_rule(strict)), NO, on=DAY)

    assert decision.outcome is strict
    assert {one.outcome for one in decision.findings} == set(pair)
    assert gravest(decision)[0].outcome is strict


def test_rules_that_are_met_or_do_not_apply_allow():
    rules = (rule(), rule(id="A-02", when="x.never", requires="x.none"))

    decision = decide(pack(*rules), {"x": {"ok": True, "never": False}}, on=DAY)

    assert (decision.outcome, decision.findings) == (Outcome.ALLOW, ())
    assert decision.is_allowed
    check_allowed(decision)


@pytest.mark.parametrize("changes", [{"requires": "x.none"}, {"when": "x.none"}])
def test_a_missing_input_is_denied_by_default_and_named(changes):
    decision = decide(pack(rule(**changes)), {"x": {"ok": True}}, on=DAY)

    assert decision.outcome is Outcome.DEFAULT_DENY
    assert decision.findings[0].missing == "x.none"


@pytest.mark.parametrize(
    ("day", "fires"),
    [(date(2025, 1, 1), True), (date(2024, 12, 31), False), (date(2026, 1, 2), False)],
)
def test_a_rule_judges_only_while_it_is_law(day, fires):
    made = pack(rule(valid_from="2025-01-01", valid_to="2026-01-01"), rule(id="B", requires="x.b"))

    decision = decide(made, {"x": {"ok": False, "b": True}}, on=day)

    assert bool(decision.findings) is fires


def test_equal_inputs_have_equal_hashes_in_any_order():
    one = decide(pack(), {"x": {"ok": True, "a": 1}}, on=DAY)
    two = decide(pack(), {"x": {"a": 1, "ok": True}}, on=DAY)

    assert one == two


def test_inputs_become_plain_values():
    given = {"x": {"f": 0.04, "d": Decimal("1.50"), "s": {"b", "a"}, "l": ["c"], "n": None, "i": 3}}

    assert plain_inputs(given) == {
        "x": {"f": "0.04", "d": "1.50", "s": ("a", "b"), "l": ("c",), "n": None, "i": 3}
    }


@pytest.mark.parametrize("strange", [["x"], {"x": {"y": object()}}])
def test_strange_inputs_are_refused(strange):
    with pytest.raises(RulepackInvalidError):
        plain_inputs(strange)


def test_a_refusal_names_rule_source_and_missing_input_in_words():
    decision = decide(pack(rule(requires="x.none")), NO, on=DAY)

    with pytest.raises(FlowWithheldError, match=r"A-01 \(denied by default\): A \[Act 1\]") as told:
        check_allowed(decision)

    assert "x.none" in told.value.message
    assert in_words(decide(pack(), NO, on=DAY).findings[0]) == "A-01 (denied): A [Act 1]"
    assert told.value.code == "rules_default_deny"
    assert in_words(decision.findings[0], Language.ZH_HANT).startswith("A-01 (預設拒絕): 甲")


@pytest.mark.parametrize(
    ("requires", "level", "met"),
    [
        ("x.level = 4", 4, True),
        ("x.level = 4", "4", True),
        ("x.level = 4", "4.0", True),
        ("x.level != 4", "4", False),
        ("not x.level = 4", "4", False),
        ("x.level not in [4, 5]", "4", False),
        ("x.level in [4, 5]", "5", True),
        ("x.level in ['4', '5']", 5, True),
        ("x.level = 4", "four", None),
        ("x.level != 4", "four", None),
        ("x.level != 4", ("4",), None),
        ("x.level != 4", True, None),
        ("x.level not in [4, 5]", ("4",), None),
        ("x.level not in [1]", True, None),
        ("x.level not in [4, 5]", "four", True),
    ],
)
def test_a_number_written_as_text_passes_no_rule_by_being_text(requires, level, met):
    decision = decide(pack(rule(requires=requires)), {"x": {"level": level}}, on=DAY)

    outcome = {True: Outcome.ALLOW, False: Outcome.DENY, None: Outcome.DEFAULT_DENY}[met]
    assert outcome is decision.outcome
    if met is None:
        assert "x.level (of another kind)" == decision.findings[0].missing


@pytest.mark.parametrize("level", ["4", 4])
def test_a_rule_for_a_level_applies_however_the_level_is_written(level):
    made = pack(rule(when="x.level = 4", requires="x.ok"))

    assert decide(made, {"x": {"ok": False, "level": level}}, on=DAY).outcome is Outcome.DENY

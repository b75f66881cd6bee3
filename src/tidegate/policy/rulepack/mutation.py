"""Flip every input a pack reads: unless some golden case notices, the cases prove nothing of it."""

from collections.abc import Iterator, Mapping

from tidegate.policy.model import Value
from tidegate.policy.rulepack.engine import judge
from tidegate.policy.rulepack.expressions import Field
from tidegate.policy.rulepack.model import GoldenCase, LawRule, RulePack

_FAR = 10**9


def unnoticed(pack: RulePack, cases: tuple[GoldenCase, ...]) -> tuple[str, ...]:
    """Return the inputs whose change no golden case notices; none, in a pack fit to ship."""
    return tuple(str(one) for one in pack.inputs if not _is_noticed(pack, cases, one))


def _is_noticed(pack: RulePack, cases: tuple[GoldenCase, ...], field: Field) -> bool:
    rules = tuple(rule for rule in pack.rules if field in rule.inputs)
    return any(
        _outcomes(rules, case.inputs) != _outcomes(rules, changed)
        for case in cases
        for changed in _flipped(case, field)
    )


def _outcomes(
    rules: tuple[LawRule, ...], inputs: Mapping[str, Mapping[str, Value]]
) -> tuple[str, ...]:
    found = (judge(rule, inputs) for rule in rules)
    return tuple(one.rule for one in found if one is not None and one.missing is None)


def _flipped(case: GoldenCase, field: Field) -> Iterator[Mapping[str, Mapping[str, Value]]]:
    group = case.inputs.get(field.group, {})
    if field.name not in group:
        return
    for other in _others(group[field.name]):
        yield {**case.inputs, field.group: {**group, field.name: other}}


def _others(value: Value) -> tuple[Value, ...]:
    if isinstance(value, bool):
        return (not value,)
    if isinstance(value, int):
        return (-_FAR, _FAR)
    if isinstance(value, tuple):
        return ((),)
    return ("something else", str(_FAR))

"""Say of a condition and a flow: true, false, or unknown for want of an input, by name.

Strong three-valued logic (Kleene 1952): a missing input matters only where it could change the
answer, and then it is named, never guessed.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import ge, gt, le, lt

from tidegate.kernel.values import dataclass
from tidegate.policy.model import Inputs, Value
from tidegate.policy.rulepack.expressions import (
    All,
    Any,
    Compare,
    Expression,
    Field,
    Holds,
    Literal,
    Not,
    Within,
)

_DECIMAL = re.compile(r"-?\d{1,18}(\.\d{1,18})?")


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer: the inputs nobody gave, or that are of no use here."""

    missing: tuple[str, ...]


Truth = bool | Unknown


def evaluate(expression: Expression, inputs: Inputs) -> Truth:
    """Return whether the condition holds for `inputs`, or which inputs are missing."""
    return _ANSWERS[type(expression)](expression, inputs)


def _holds(expression: Holds, inputs: Inputs) -> Truth:
    value = _value(expression.operand, inputs)
    return value if isinstance(value, bool | Unknown) else _useless(expression.operand)


def _not(expression: Not, inputs: Inputs) -> Truth:
    answer = evaluate(expression.inner, inputs)
    return answer if isinstance(answer, Unknown) else not answer


def _joined(parts: tuple[Expression, ...], inputs: Inputs, *, decided: bool) -> Truth:
    """Return `decided` if any part's answer is, else unknown if any is, else the opposite."""
    missing: dict[str, None] = {}
    for part in parts:
        answer = evaluate(part, inputs)
        if answer is decided:
            return decided
        if isinstance(answer, Unknown):
            missing |= dict.fromkeys(answer.missing)
    return Unknown(tuple(missing)) if missing else not decided


def _value(operand: Field | Literal, inputs: Inputs) -> Value | tuple[str | int, ...] | Unknown:
    if isinstance(operand, Literal):
        return operand.value
    value = inputs.get(operand.group, {}).get(operand.name)
    return Unknown((str(operand),)) if value is None else value


def _useless(*operands: Field | Literal) -> Unknown:
    """Name the fields whose values are of another kind than the condition needs."""
    names = (f"{one} (of another kind)" for one in operands if isinstance(one, Field))
    return Unknown(tuple(names))


def _compare(expression: Compare, inputs: Inputs) -> Truth:
    left, right = _value(expression.left, inputs), _value(expression.right, inputs)
    if isinstance(left, Unknown) or isinstance(right, Unknown):
        missing = [
            name for one in (left, right) if isinstance(one, Unknown) for name in one.missing
        ]
        return Unknown(tuple(missing))
    if expression.operator in ("=", "!="):
        equal = _is_same(left, right)
        if equal is None:
            return _useless(expression.left, expression.right)
        return equal is (expression.operator == "=")
    low, high = _number(left), _number(right)
    if low is None or high is None:
        return _useless(expression.left, expression.right)
    return _ORDERS[expression.operator](low, high)


def _within(expression: Within, inputs: Inputs) -> Truth:
    item, members = _value(expression.item, inputs), _value(expression.members, inputs)
    if isinstance(item, Unknown) or isinstance(members, Unknown):
        missing = [
            name for one in (item, members) if isinstance(one, Unknown) for name in one.missing
        ]
        return Unknown(tuple(missing))
    if not isinstance(members, tuple):
        return _useless(expression.members)
    if isinstance(item, bool | tuple):
        return _useless(expression.item)
    return any(_is_same(item, one) for one in members)


def _is_same(left: object, right: object) -> bool | None:
    """Tell whether two values are equal; None where they are of kinds that cannot be.

    A whole number and a text are compared as numbers: decimal fractions are kept as text.
    """
    if isinstance(left, str) and isinstance(right, str):
        return left == right
    if any(isinstance(left, kind) is not isinstance(right, kind) for kind in (bool, tuple)):
        return None
    if isinstance(left, str) or isinstance(right, str):
        low, high = _number(left), _number(right)
        return None if low is None or high is None else low == high
    return left == right


def _number(value: object) -> Decimal | None:
    """Read a whole number, or a decimal fraction kept as text."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Decimal(value)
    if isinstance(value, str) and _DECIMAL.fullmatch(value):
        return Decimal(value)
    return None


_ORDERS: Mapping[str, Callable[[Decimal, Decimal], bool]] = {"<": lt, "<=": le, ">": gt, ">=": ge}
_ANSWERS: Mapping[type[Expression], Callable[..., Truth]] = {
    Holds: _holds,
    Compare: _compare,
    Within: _within,
    Not: _not,
    All: lambda expression, inputs: _joined(expression.parts, inputs, decided=False),
    Any: lambda expression, inputs: _joined(expression.parts, inputs, decided=True),
}
"""How each kind of condition is answered: every start asks ten thousand of them."""

"""The conditions of rules: a small closed language, parsed once into a typed tree.

    dataset.level >= 4 and flow.mode in ['enclave_query', 'destroy'] and not flow.cross_border

Fields are `group.name`; texts stand in single quotes; capitals name a set of the pack; `always`
holds. Nothing else exists: no calls, no arithmetic, no attribute of anything.
"""

import re
from collections.abc import Iterator, Mapping

from tidegate.kernel.values import dataclass
from tidegate.policy.errors import RulepackInvalidError

COMPARISONS = ("=", "!=", "<=", ">=", "<", ">")

_TOKEN = re.compile(
    r"\s*(?:(?P<text>'[^']*')|(?P<number>-?\d+(?:\.\d+)?)"
    r"|(?P<field>[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*)|(?P<set>[A-Z][A-Z0-9_]*)"
    r"|(?P<word>[a-z]+)|(?P<mark><=|>=|!=|[=<>()\[\],]))"
)


@dataclass(frozen=True, slots=True)
class Field:
    """An input of the flow."""

    group: str
    name: str

    def __str__(self) -> str:
        """Return the field as it is written."""
        return f"{self.group}.{self.name}"


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant: text (numbers with a fraction are kept as text), whole number, truth or set."""

    value: str | int | bool | tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Compare:
    """`left` compared with `right`; the operator is one of COMPARISONS."""

    left: Field | Literal
    operator: str
    right: Field | Literal


@dataclass(frozen=True, slots=True)
class Within:
    """`item` is one of `members`."""

    item: Field | Literal
    members: Field | Literal


@dataclass(frozen=True, slots=True)
class Holds:
    """A field of truth, or a constant truth, by itself."""

    operand: Field | Literal


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of `inner`."""

    inner: "Expression"


@dataclass(frozen=True, slots=True)
class All:
    """Every part holds."""

    parts: tuple["Expression", ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one part holds."""

    parts: tuple["Expression", ...]


Expression = Compare | Within | Holds | Not | All | Any
Sets = Mapping[str, tuple[str | int, ...]]


def parse(text: str, sets: Sets) -> Expression:
    """Return the tree of a condition; raise RulepackInvalidError where it is not one."""
    return _Parser(text, sets).whole()


def fields(expression: Expression) -> Iterator[Field]:
    """Yield every field a condition reads."""
    match expression:
        case Compare(left, _, right):
            yield from (one for one in (left, right) if isinstance(one, Field))
        case Within(item, members):
            yield from (one for one in (item, members) if isinstance(one, Field))
        case Holds(operand):
            yield from (one for one in (operand,) if isinstance(one, Field))
        case Not(inner):
            yield from fields(inner)
        case _:
            for part in expression.parts:
                yield from fields(part)


class _Parser:
    """Reads one condition by recursive descent: or, and, not, comparison."""

    def __init__(self, text: str, sets: Sets) -> None:
        self._text = text
        self._sets = sets
        self._tokens = tuple(_tokens(text))
        self._next = 0

    def whole(self) -> Expression:
        tree = self._either()
        if self._next < len(self._tokens):
            raise self._wrong()
        return tree

    def _either(self) -> Expression:
        parts = [self._both()]
        while self._take("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Any(tuple(parts))

    def _both(self) -> Expression:
        parts = [self._negated()]
        while self._take("and"):
            parts.append(self._negated())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _negated(self) -> Expression:
        if self._take("not"):
            return Not(self._negated())
        if self._take("("):
            inner = self._either()
            self._need(")")
            return inner
        return self._statement()

    def _statement(self) -> Expression:
        left = self._operand()
        for operator in COMPARISONS:
            if self._take(operator):
                return Compare(left, operator, self._operand())
        if self._take("in"):
            return Within(left, self._operand())
        if self._take("not"):
            self._need("in")
            return Not(Within(left, self._operand()))
        if isinstance(left, Literal) and not isinstance(left.value, bool):
            raise self._wrong()
        return Holds(left)

    def _operand(self) -> Field | Literal:
        kind, text = self._peek()
        self._next += 1
        if kind == "field":
            group, _, name = text.partition(".")
            return Field(group, name)
        if kind == "set" and text in self._sets:
            return Literal(self._sets[text])
        if text == "[":
            return Literal(self._list())
        self._next -= 1
        return Literal(self._constant())

    def _list(self) -> tuple[str | int, ...]:
        members = [self._constant()]
        while self._take(","):
            members.append(self._constant())
        self._need("]")
        return tuple(members)

    def _constant(self) -> str | int | bool:
        kind, text = self._peek()
        self._next += 1
        if kind == "text":
            return text[1:-1]
        if kind == "number":
            return text if "." in text else int(text)
        if text in ("true", "false", "always"):
            return text != "false"
        raise self._wrong()

    def _peek(self) -> tuple[str, str]:
        return self._tokens[self._next] if self._next < len(self._tokens) else ("end", "")

    def _take(self, text: str) -> bool:
        kind, found = self._peek()
        if found == text and kind in ("word", "mark"):
            self._next += 1
            return True
        return False

    def _need(self, text: str) -> None:
        if not self._take(text):
            raise self._wrong()

    def _wrong(self) -> RulepackInvalidError:
        return RulepackInvalidError(
            f"A condition cannot be read near word {self._next + 1}: {self._text}",
            code="condition_unreadable",
        )


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    position = 0
    rest = text.rstrip()
    while position < len(rest):
        found = _TOKEN.match(rest, position)
        if found is None or found.lastgroup is None:
            raise RulepackInvalidError(
                f"A condition cannot be read at character {position + 1}: {text}",
                code="condition_unreadable",
            )
        yield found.lastgroup, found.group(found.lastgroup)
        position = found.end()

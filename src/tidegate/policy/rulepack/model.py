"""A rule pack: immutable law of a jurisdiction, with its own cases."""

from collections.abc import Mapping
from datetime import date

from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.errors import RulepackInvalidError
from tidegate.policy.model import Decision, Outcome, Value
from tidegate.policy.rulepack.expressions import Expression, Field, Sets, fields


@dataclass(frozen=True, slots=True)
class LawRule:
    """One rule: when it applies, what it requires, and what follows when that does not hold."""

    id: str
    title: Multilingual
    when: Expression
    requires: Expression
    when_text: str
    requires_text: str
    otherwise: Outcome
    source: str
    mark: str  # V text read, S digest of a third party read, M from memory: counsel must check
    jurisdiction: str
    valid_from: date
    valid_to: date | None
    review_by: date

    @property
    def inputs(self) -> tuple[Field, ...]:
        """Return every input the rule reads, sorted."""
        read = {*fields(self.when), *fields(self.requires)}
        return tuple(sorted(read, key=str))

    def is_valid_on(self, day: date) -> bool:
        """Return whether the rule is law on `day`."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True)
class RulePack:
    """The rules of one publication, named by the hash of what they say."""

    name: str
    version: str
    title: Multilingual
    sets: Sets
    rules: tuple[LawRule, ...]
    hash: str
    body: bytes  # the canonical JSON the hash is of, as evidence bundles carry it

    @property
    def inputs(self) -> tuple[Field, ...]:
        """Return every input any rule reads, sorted."""
        return tuple(sorted({one for rule in self.rules for one in rule.inputs}, key=str))

    def get_rule(self, rule_id: str) -> LawRule:
        """Return the rule of that id; raise RulepackInvalidError if there is none."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise RulepackInvalidError(f"The pack {self.name} {self.version} has no rule '{rule_id}'.")


@dataclass(frozen=True, slots=True)
class GoldenCase:
    """A flow whose answer is known: its inputs, the outcome, and rules that must be among it."""

    name: str
    inputs: Mapping[str, Mapping[str, Value]]
    outcome: Outcome
    findings: tuple[str, ...]
    day: date


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decision with everything needed to make it again."""

    id: str
    subject: str
    decided_by: str
    decided_at: str
    inputs: Mapping[str, Mapping[str, Value]]
    decision: Decision
    sha256: str = ""

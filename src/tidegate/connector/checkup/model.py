"""What a checkup of a peer finds: one finding a step, each with a sentence and what to do."""

from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum

from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass


class Step(StrEnum):
    """What is looked at, in the order in which a person would mend things."""

    DID = "did"
    SPACE = "space"
    NAME = "name"
    CONNECTION = "connection"
    DOCUMENT = "document"
    SERVICES = "services"
    CLOCK = "clock"
    VERSION = "version"
    MEMBER = "member"
    CREDENTIAL = "credential"
    SEAT = "seat"
    CERTIFICATION = "certification"
    OWN = "own"
    CALL = "call"
    REFUSALS = "refusals"
    MESSAGES = "messages"


class Result(StrEnum):
    """How a step ended."""

    OK = "ok"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one step found; `advice` of a failed one says what to do."""

    step: Step
    result: Result
    code: str
    name: Multilingual
    said: Multilingual
    advice: Multilingual


@dataclass(frozen=True, slots=True)
class Checkup:
    """Every step of the examination of one peer."""

    did: str
    at: str
    findings: tuple[Finding, ...]

    @property
    def is_well(self) -> bool:
        """Whether no step failed."""
        return all(one.result is not Result.FAILED for one in self.findings)


@dataclass(frozen=True, slots=True)
class Said:
    """How a step ended before it is put into words."""

    result: Result
    code: str
    values: Mapping[str, str] = field(default_factory=dict)

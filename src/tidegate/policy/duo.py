"""Purposes of use as codes of the Data Use Ontology (GA4GH DUO, release 2021-02-23).

Only the codes that say *what for* are purposes; DUO's modifiers (IRB, GS, TS, US, …) are other
terms of a policy. A broader purpose covers the narrower ones below it.
"""

from tidegate.kernel.text import Multilingual
from tidegate.kernel.values import dataclass
from tidegate.policy.errors import PolicyInvalidError

IRI_PREFIX = "http://purl.obolibrary.org/obo/DUO_"
CURIE_PREFIX = "DUO:"


@dataclass(frozen=True, slots=True)
class Purpose:
    """One DUO code: its number, its shorthand, the broader code it falls under, and its name."""

    number: str
    shorthand: str
    broader: str
    name: Multilingual

    @property
    def iri(self) -> str:
        """Return the full IRI, the form on the wire."""
        return IRI_PREFIX + self.number

    @property
    def code(self) -> str:
        """Return the short code, the form of screens and records."""
        return CURIE_PREFIX + self.number


PURPOSES: tuple[Purpose, ...] = (
    Purpose("0000004", "NRES", "", Multilingual("any use", "任何用途", "任何用途")),
    Purpose(
        "0000042",
        "GRU",
        "NRES",
        Multilingual("general research", "一般研究", "一般研究"),
    ),
    Purpose(
        "0000006",
        "HMB",
        "GRU",
        Multilingual(
            "health, medical or biomedical research",
            "健康、醫學或生物醫學研究",
            "健康、医学或生物医学研究",
        ),
    ),
    Purpose(
        "0000007",
        "DS",
        "HMB",
        Multilingual("research on the stated disease", "指定疾病研究", "指定疾病研究"),
    ),
    Purpose(
        "0000011",
        "POA",
        "GRU",
        Multilingual(
            "population origins or ancestry research", "族群起源或祖源研究", "人群起源或祖源研究"
        ),
    ),
    Purpose("0000043", "CC", "NRES", Multilingual("clinical care", "臨床護理", "临床诊疗")),
)

_BY_SHORTHAND = {one.shorthand: one for one in PURPOSES}
_BY_FORM = {
    form: one
    for one in PURPOSES
    for form in (one.shorthand, one.code, one.iri, f"DUO_{one.number}")
}
RESEARCH = frozenset({"NRES", "GRU", "HMB", "DS", "POA"})


def find_purpose(text: str) -> Purpose | None:
    """Return the purpose that `text` names as shorthand, code or IRI, or None."""
    return _BY_FORM.get(text)


def get_purpose(text: str) -> Purpose:
    """Return the purpose that `text` names; raise PolicyInvalidError where there is none."""
    found = find_purpose(text)
    if found is None:
        known = ", ".join(_BY_SHORTHAND)
        raise PolicyInvalidError(
            f"'{text[:80]}' is no DUO purpose; use one of {known}.", code="purpose_unknown"
        )
    return found


def covers(granted: Purpose, asked: Purpose) -> bool:
    """Return whether a grant for `granted` lets one use data for `asked`."""
    step: Purpose | None = asked
    while step is not None:
        if step == granted:
            return True
        step = _BY_SHORTHAND.get(step.broader)
    return False


def covered_by(granted: tuple[str, ...]) -> tuple[str, ...]:
    """Return the codes of every purpose the grants cover, broad and narrow, sorted."""
    grants = tuple(get_purpose(one) for one in granted)
    return tuple(sorted(p.code for p in PURPOSES if any(covers(one, p) for one in grants)))


def is_research(purpose: str) -> bool:
    """Return whether `purpose` names research (and so needs an ethics approval)."""
    found = find_purpose(purpose)
    return found is not None and found.shorthand in RESEARCH

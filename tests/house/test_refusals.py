"""Every refusal that a page can meet has words, whichever room makes it."""

import ast
import re
from pathlib import Path

import pytest

import tidegate
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.text import Language
from tidegate.web.messages import find_words
from tidegate.web.sayings import say_fact

SOURCE = Path(tidegate.__file__).parent
MET_ON_PAGES = (
    "access",
    "audit/authority",
    "catalogue",
    "commons",
    "connector",
    "deid",
    "lab",
    "partners",
    "policy",
    "web",
    "work",
)
"""Rooms whose refusals pages tell: at once, or as the reason of a process or a parked task."""
NEVER_ON_PAGES = (
    "access/acting.py",  # of the command line alone
    "commons/acquisition",  # of the command line and the API: no page takes files in
    "deid/attacks",  # these of the command line: files, and reports about files
    "deid/files",
    "deid/releases/folder.py",
    "deid/reports",
    "connector/checkup",  # says itself what it finds, in three languages
)
OF_PYTHON = {
    "ImportError",
    "TypeError",
    "ValueError",
    "RuntimeError",
    "AssertionError",
    "ConnectionError",
}
REFUSING = {"_refuse", "_refused", "_refusal", "_bad", "_invalid"}
SIDE_MOVES = (
    "recall",
    "restrict",
    "unrestrict",
    "suspend",
    "resume",
    "quarantine",
    "release",
)
A_CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


def refusals_of(path):
    """Return the codes of the refusals that a module makes."""
    tree = ast.parse(path.read_text())
    named = {
        one.targets[0].id: one.value.value
        for one in tree.body
        if isinstance(one, ast.Assign)
        and isinstance(one.targets[0], ast.Name)
        and isinstance(one.value, ast.Constant)
    }
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return {code for call in calls for code in codes_of(call, named) if A_CODE.fullmatch(code)}


def codes_of(call, named):
    called = getattr(call.func, "attr", getattr(call.func, "id", ""))
    given = [one.value for one in call.keywords if one.arg in {"code", "reason_code"}]
    if called in REFUSING:
        given += call.args[:2]
    if called == "Refusal":  # of a gate: code, words; of a policy: term, code, words
        given += call.args[1:2] if len(call.args) > 2 else call.args[:1]
    for value in given:
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            yield value.value
        elif isinstance(value, ast.Name):
            yield str(named.get(value.id, ""))
    if not given and re.fullmatch(r"[A-Z]\w+Error", called) and called not in OF_PYTHON:
        yield type(called, (TidegateError,), {})("").code


@pytest.mark.parametrize("room", MET_ON_PAGES)
def test_every_refusal_a_page_can_meet_has_words(room):
    met = {
        code
        for path in (SOURCE / room).rglob("*.py")
        if not str(path.relative_to(SOURCE)).startswith(NEVER_ON_PAGES)
        for code in refusals_of(path)
    }

    unsaid = {
        code
        for code in met
        if not (
            find_words(Language.EN, f"problem.{code}") or find_words(Language.EN, f"reason.{code}")
        )
    }
    assert set() == unsaid


ASKING = {"check_role", "check_person", "require_second_person", "_opened"}


def acts_of(path):
    """Return the acts that the refusals of a module name, as in `sign a risk report`."""
    tree = ast.parse(path.read_text())
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if getattr(call.func, "attr", getattr(call.func, "id", "")) in ASKING:
            last = call.args[-1]
            if isinstance(last, ast.Constant) and isinstance(last.value, str):
                yield last.value


def test_every_act_that_a_refusal_names_has_words_in_every_language():
    named = {act for path in (SOURCE / "commons").rglob("*.py") for act in acts_of(path)}
    named |= {f"{act} a version" for act in SIDE_MOVES}

    assert len(named) > 15
    unsaid = {
        (act, language)
        for act in named
        for language in (Language.ZH_HANT, Language.ZH_HANS)
        if say_fact("act", act, language) == act
    }
    assert set() == unsaid


def test_refusals_are_found_in_every_way_of_writing_them(tmp_path):
    (tmp_path / "one.py").write_text(
        'KEPT = "by_name"\n'
        'raise TooLateError("Late.", code="late")\n'
        'raise GoneAwayError("Gone.")\n'
        'raise _refuse("No.", "by_place")\n'
        'Refusal("term", "second", "No.")\n'
        "change(one, reason_code=KEPT)\n"
        'TypeError("a mistake of ours")\n'
    )

    found = refusals_of(tmp_path / "one.py")

    assert {"late", "gone_away", "by_place", "second", "by_name"} == found

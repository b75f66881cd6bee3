"""The words of the pages: complete in every language, chosen by the reader."""

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

import tidegate.web
from tidegate.kernel.errors import TidegateError
from tidegate.kernel.text import Language
from tidegate.node.events import all_events
from tidegate.web.messages import choose_language, find_words, messages, words
from tidegate.web.sayings import say_fact, say_reason

SOURCE = Path(tidegate.web.__file__).parents[1]
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
TEMPLATES = Path(tidegate.web.__file__).parent / "templates"


OF_PYTHON = {
    "ImportError",
    "TypeError",
    "ValueError",
    "RuntimeError",
    "AssertionError",
    "ConnectionError",
}
REFUSING = {"_refuse", "_refused", "_refusal", "_bad", "_invalid"}
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


def places(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("language", [Language.ZH_HANT, Language.ZH_HANS])
def test_every_language_has_the_same_keys(language):
    assert set(messages(Language.EN)) == set(messages(language))


@pytest.mark.parametrize("language", [Language.ZH_HANT, Language.ZH_HANS])
def test_every_translation_fills_the_same_places(language):
    differing = [
        key
        for key, text in messages(language).items()
        if places(text) != places(messages(Language.EN)[key])
    ]

    assert [] == differing


def test_no_translation_is_empty():
    assert all(text.strip() for language in Language for text in messages(language).values())


def test_simplified_words_hold_no_traditional_characters():
    from tidegate.catalogue.words import fold

    text = "".join(messages(Language.ZH_HANS).values())
    han = "".join(re.findall("[\u4e00-\u9fff]", text))

    assert fold(han) == han


def test_templates_ask_only_for_words_that_exist():
    known = messages(Language.EN)
    asked = {
        key
        for path in TEMPLATES.glob("*.html")
        for key in re.findall(r'\bt\("([\w.]+)"[,)]', path.read_text())
    }

    assert set() == asked - set(known)


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


def test_every_event_a_room_declares_has_words():
    missing = [
        event
        for event in all_events()
        if find_words(Language.EN, f"event.{event.replace('.', '_')}") is None
    ]

    assert [] == missing


@pytest.mark.parametrize(
    ("cookie", "header", "language"),
    [
        ("", "", Language.EN),
        ("zh-Hans", "en", Language.ZH_HANS),
        ("nonsense", "zh-HK,zh;q=0.9,en;q=0.8", Language.ZH_HANT),
        ("", "zh-CN", Language.ZH_HANS),
        ("", "zh", Language.ZH_HANS),
        ("", "zh-Hant-MO", Language.ZH_HANT),
        ("", "fr, zh-TW;q=0.5", Language.ZH_HANT),
        ("", "zh;q=0.1, en-GB;q=0.9", Language.EN),
        ("", "zh;q=0, en;q=0.1", Language.EN),
        ("", "fr", Language.EN),
    ],
)
def test_the_cookie_chooses_first_then_the_browser(cookie, header, language):
    assert language == choose_language(cookie, header)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("outcome", "allow", "允許"),
        ("roles", "auditor, operator", "審計員、管理員"),
        ("state", "STARTED", "進行中"),
        ("state", "awaiting_checker", "待人手審核"),
        ("seat", "HK", "香港"),
        ("reason", "agreement_not_active", "合約未生效或已終止，不得再據此使用。"),
        ("reason", "The study is complete.", "The study is complete."),
        ("reason", "nobody_knows_this", "nobody_knows_this"),
        ("query", "allow", "allow"),
        ("outcome", "", ""),
    ],
)
def test_the_codes_of_a_leaf_are_said_in_the_readers_words(name, text, said):
    assert said == say_fact(name, text, Language.ZH_HANT)


REFUSED = "The node at https://peer.example/dsp refuses (HTTP 403). It names 'moonPhase'."


@pytest.mark.parametrize(
    ("text", "code", "language", "said"),
    [
        (REFUSED, "peer_declined", Language.EN, REFUSED),
        (
            REFUSED, "peer_declined", Language.ZH_HANT,
            "對方節點拒絕。（https://peer.example/dsp、HTTP 403、moonPhase）",
        ),
        ("", "peer_declined", Language.ZH_HANS, "对方节点拒绝。"),
        ("It is over.", "terminated_by_peer", Language.ZH_HANT, "由對方終止。「It is over.」"),
        ("Unsere Studie ist zu Ende.", "ihr_code", Language.ZH_HANT, "Unsere Studie ist zu Ende."),
        ("", "their_code", Language.ZH_HANT, "their code"),
    ],
)  # fmt: skip
def test_a_reason_is_said_by_its_code_with_the_facts_of_its_words(text, code, language, said):
    assert said == say_reason(text, code, language)


def test_an_unknown_key_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        words(Language.EN, "no.such.key")

"""The words of the pages: complete in every language, chosen by the reader."""

import re
from pathlib import Path
from string import Formatter

import pytest

import tidegate.web
from tidegate.kernel.text import Language
from tidegate.node.events import all_events
from tidegate.web.messages import choose_language, find_words, messages, words
from tidegate.web.sayings import say_fact, say_reason

TEMPLATES = Path(tidegate.web.__file__).parent / "templates"


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
        ("sensitive", "true", "是"),
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
        (
            "XB-05 (denied): A title [Art. 1]; nobody said 'filed_on'; have it put on record.",
            "default_deny", Language.ZH_HANT, "因缺少資料，規則不允許。（XB-05、filed_on）",
        ),
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

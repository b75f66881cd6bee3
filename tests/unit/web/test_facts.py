"""Refusals keep their numbers, dates and names in every language."""

import pytest

from tidegate.kernel.text import Language
from tidegate.web.facts import places, tell
from tidegate.web.messages import messages
from tidegate.web.sayings import say_reason

TOLD = {
    key.removeprefix("told."): text
    for key, text in messages(Language.EN).items()
    if key.startswith("told.")
}


@pytest.mark.parametrize("key", sorted(TOLD))
@pytest.mark.parametrize("language", list(Language))
def test_a_sentence_is_told_with_every_fact_in_it(key, language):
    given = {name: f"7{place}" for place, name in enumerate(places(TOLD[key]))}
    text = TOLD[key].format_map(given)

    said = tell(text, key.partition("-")[0], language)

    assert said == messages(language)[f"told.{key}"].format_map(given)


@pytest.mark.parametrize(
    ("text", "code", "language", "said"),
    [
        (
            "All 1200 uses the policy allows are spent.", "uses_spent", Language.ZH_HANT,
            "策略允許的 1,200 次使用已全部用完。",
        ),
        (
            "The time the policy allows ended at 2026-12-31T16:00:00Z.", "expired",
            Language.ZH_HANS, "策略允许的期限已于 2027年1月1日 00:00 届满。",
        ),
        (
            "The time the policy allows begins at 2027-03-01T00:00:00Z.", "too_early",
            Language.ZH_HANT, "策略允許的期限由 2027年3月1日 08:00 起方才開始。",
        ),
        (
            "The policy does not admit a recipient seated in CN-GBA9.", "seat_refused",
            Language.ZH_HANS, "策略不接受法定所在地为内地（大湾区九市）的接收方。",
        ),
        (
            "The policy allows use for HMB, CC only; ask for that purpose.", "purpose_refused",
            Language.ZH_HANT,
            "策略只允許用於：健康、醫學或生物醫學研究、臨床護理；請以該用途查詢。",
        ),
        (
            "The rules answer 'denied by default'. XB-05 (denied by default): A title [Art. 1];"
            " nobody said 'filed_on'; have it put on record. PR-02 (denied): Another [Art. 2]",
            "rules_default_deny", Language.ZH_HANT,
            "因缺少資料，規則不允許（XB-05、PR-02；缺少 filed_on）。",
        ),
        (
            "The agreement is ended (The study is over.); nothing is used under it.",
            "agreement_not_active", Language.ZH_HANT,
            "合約的狀態為「已終止」（原因：The study is over），不得據此使用。",
        ),
        (
            "Something else.", "uses_spent", Language.ZH_HANT, "策略允許的次數已用完。",
        ),
    ],
)  # fmt: skip
def test_a_reason_tells_its_facts_as_the_reader_writes_them(text, code, language, said):
    assert said == say_reason(text, code, language)


def test_english_readers_read_what_was_written():
    text = "All 3 uses the policy allows are spent."

    assert text == say_reason(text, "uses_spent", Language.EN)


def test_a_sentence_without_the_facts_is_not_told():
    assert tell("Uses are spent.", "uses_spent", Language.ZH_HANT) is None
    assert tell("All 3 uses the policy allows are spent.", "expired", Language.ZH_HANT) is None

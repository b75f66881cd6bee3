"""Direct identifiers are found by their check digits, inside text too, and nothing else is."""

import pytest

from tidegate.catalogue.model import Codebook, Column, ColumnRole, Table
from tidegate.deid.identifiers import kind_of, scrub, suggest
from tidegate.deid.recipe.model import Action
from tidegate.deid.recipes import default_recipe

VALID_HK = ("A123456(3)", "AB987654(3)", "a1234563", "A123456（3）")
VALID_CN = ("11010519491231002X", "440524188001010014")


@pytest.mark.parametrize("card", VALID_HK)
def test_a_hong_kong_identity_card_is_known_by_its_check_digit(card):
    assert "hk_id" == kind_of(card)


@pytest.mark.parametrize("card", ["A123456(4)", "A12345(3)", "ABC123456(3)", "123456(3)"])
def test_a_wrong_identity_card_number_is_none(card):
    assert "" == kind_of(card)


@pytest.mark.parametrize("number", VALID_CN)
def test_a_mainland_identity_number_is_known_by_its_check_character(number):
    assert "cn_id" == kind_of(number)


@pytest.mark.parametrize(
    "number", ["110105194912310021", "11010519491331002X", "44052418800101001"]
)
def test_a_wrong_mainland_number_is_none(number):
    assert "cn_id" != kind_of(number)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("病人A123456(3)覆診", "病人[hk_id]覆診"),
        ("身份證號碼：Ａ", "身份證號碼：Ａ"),
        ("HKID A123456（3） seen", "HKID [hk_id] seen"),
        ("号码11010519491231002X住院", "号码[cn_id]住院"),
        ("call +852 9123 4567 or 13812345678", "call [phone] or [phone]"),
        ("mail chan@example.org.hk now", "mail [email] now"),
        ("ALT 40, AST 35, seen 2020-01-02", "ALT 40, AST 35, seen 2020-01-02"),
        ("dose 0.12345678 mg", "dose 0.12345678 mg"),
    ],
)
def test_identifiers_are_struck_out_of_text_beside_chinese_characters_too(text, clean):
    assert clean == scrub(text)[0]


@pytest.mark.parametrize(
    ("name", "role", "kind"),
    [
        ("Patient Name", "direct_identifier", "name"),
        ("姓名", "direct_identifier", "name"),
        ("HKID", "direct_identifier", "hk_id"),
        ("mobile_phone", "direct_identifier", "phone"),
        ("home_address", "direct_identifier", "address"),
        ("case.id", "person_key", ""),
        ("Age", "quasi_identifier", ""),
    ],
)
def test_a_column_is_judged_by_its_name(name, role, kind):
    found = suggest(name, [])

    assert (role, kind) == (found.role, found.kind)


@pytest.mark.parametrize(
    "name",
    [
        "病人編號",
        "患者编号",
        "就诊号",
        "門診號",
        "醫保卡號",
        "社保号",
        "護照號碼",
        "通行證號",
        "证件号码",
    ],
)
def test_numbers_of_people_are_known_by_their_chinese_names(name):
    assert "direct_identifier" == suggest(name, ["x"]).role


@pytest.mark.parametrize("name", ["诊断编码", "藥物編號", "科室编号", "入院日期", "就诊次数"])
def test_other_numbers_are_not(name):
    found = suggest(name, ["x"])

    assert found is None or found.role != "direct_identifier"


@pytest.mark.parametrize("name", ["民族", "職業", "出生日期", "居住地", "邮编"])
def test_what_somebody_could_know_is_known_by_its_chinese_name(name):
    assert "quasi_identifier" == suggest(name, ["x"]).role


def test_values_speak_before_names():
    assert "cn_id" == suggest("age", [VALID_CN[0]] * 10).kind
    assert "name" == suggest("age", [VALID_CN[0]] * 10 + ["5"] * 11).reason
    assert suggest("alt", ["40", "41"]) is None


@pytest.mark.parametrize(
    "day",
    [
        "2019/03/05",
        "5/3/2019",
        "05.03.2019",
        "2019-03-05T10:20:00Z",
        "2019-03-05 10:20:00",
        "20190305",
        "2019年3月5日",
        "２０１９/３/５",
    ],
)
def test_dates_in_other_forms_are_taken_for_dates_and_not_left_as_they_are(day):
    column = Column("seen_on", "string", ColumnRole(suggest("seen_on", [day] * 8).role))
    codebook = Codebook((Table("visits", 8, (column,), "id"),))

    ((plan,),) = (one.columns for one in default_recipe(codebook).tables)

    assert Action.REMOVE is plan.action


def test_numbers_that_could_be_dates_only_by_chance_stay_numbers():
    assert suggest("platelets", ["20190305", "20191399", "250000"] * 3) is None

"""Which texts the verifier takes for a direct identifier, and which not."""

import pytest

from tidegate.deid.verifier.identifiers import find_identifiers, find_names_for_all
from tidegate.deid.verifier.reading import read_table
from unit.deid.verifier.tables import batches_of


def codes_of(name, text, quasi=(), pseudonyms=()):
    table = read_table(batches_of((name,), [(text,), ("plain",)]))
    return [fault.code for fault in find_identifiers(table, quasi, pseudonyms)]


@pytest.mark.parametrize(
    "text",
    [
        "A123456(3)",
        "hkid A1234563 of the patient",
        "Ａ１２３４５６（３）".replace("Ａ", "A"),
        "11010519491231002X",
        "编号11010519491231002X。",
        "chan.tai-man@hospital.example.hk",
        "+852 9123 4567",
        "0086 138 0013 8000".replace(" ", ""),
        "13800138000",
        "tel 2345 6789",
    ],
)
def test_an_identifier_in_a_text_is_found(text):
    assert ["identifier_left"] == codes_of("note", text)


@pytest.mark.parametrize(
    "text",
    ["A123456(4)", "110105194912310021", "K74.600", "2022-01-01", "60-64", "1234567", "3.14159265",
     "ICD123", "Futian/Shenzhen", "0.13800138000"],
)  # fmt: skip
def test_a_text_that_only_looks_alike_is_not(text):
    assert [] == codes_of("note", text)


def test_an_interval_of_a_quasi_identifier_is_no_telephone_number():
    assert [] == codes_of("income", "2000-2999", quasi=("income",))
    assert ["identifier_left"] == codes_of("note", "2000-2999")


@pytest.mark.parametrize(
    "name",
    [
        *("name", "Patient Name", "surname", "HKID", "e-mail", "mobile_no", "姓名", "身份证号"),
        *("病人編號", "患者编号", "就诊号", "醫保卡號", "護照號碼", "通行证号", "證件號"),
    ],
)
def test_a_column_named_like_an_identifier_is_found_unless_it_is_a_claimed_pseudonym(name):
    assert ["identifier_name"] == codes_of(name, "x")
    assert [] == codes_of(name, "x", pseudonyms=(name,))


@pytest.mark.parametrize(
    "name", ["drug_name_code", "telomere", "age", "diagnosis", "诊断编码", "科室号"]
)
def test_other_names_are_let_be(name):
    assert [] == codes_of(name, "x")


def test_digits_inside_a_pseudonym_are_let_be_and_a_number_for_a_pseudonym_is_not():
    assert [] == codes_of("person_key", "c0ffee13800138000feed", pseudonyms=("person_key",))
    assert ["identifier_left"] == codes_of("person_key", "c0ffee13800138000feed")
    assert ["identifier_left"] == codes_of("person_key", "13800138000", pseudonyms=("person_key",))


def names_for_all(texts, known=()):
    table = read_table(batches_of(("number",), [(text,) for text in texts]))
    return [fault.code for fault in find_names_for_all(table, known)]


def test_a_column_with_another_value_in_every_record_may_name_people():
    numbers = [f"{n * 7919:07}" for n in range(40)]

    assert ["identifier_unique"] == names_for_all(numbers)
    assert [] == names_for_all(numbers, known=("number",))
    assert [] == names_for_all(numbers[:9])


@pytest.mark.parametrize(
    "texts",
    [
        [f"{n * 7919:07}" for n in (0, 0, *range(40))],
        [*("" for _ in range(60)), *(f"陳大文{n}" for n in range(40))],
        [None, *(f"陳大文{n}" for n in range(40))],
        [f"{100000 + n * 7919}.0" for n in range(40)],
        [str(n) for n in range(1, 130)],
    ],
)
def test_some_that_are_missing_or_stand_twice_leave_the_others_named(texts):
    assert ["identifier_unique"] == names_for_all(texts)


def test_values_that_many_share_name_nobody():
    assert [] == names_for_all([f"{n % 30 * 7919:07}" for n in range(40)])


def test_measurements_that_all_differ_are_let_be():
    assert [] == names_for_all([f"{n}.{n:03}" for n in range(40)])
    assert [] == names_for_all([str(100 + n) for n in range(40)])

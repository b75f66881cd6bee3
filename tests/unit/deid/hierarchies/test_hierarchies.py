"""Hierarchies are monotone with one root, know the lists, and betray no rare value."""

import re
from collections import Counter

import pytest

from tidegate.deid.errors import HierarchyError
from tidegate.deid.hierarchies.given import read_rows
from tidegate.deid.hierarchies.model import OTHER, HierarchyChoice, Kind, Unknown
from tidegate.deid.hierarchies.rules import check
from tidegate.deid.hierarchies.service import build, guess
from tidegate.deid.tables.model import ANY, Hierarchy

LENIENT = Unknown.OTHER


def path(values, value, kind, **choice):
    grown = build("column", values, HierarchyChoice(kind, **choice))
    leaf = grown.leaf_of[value]
    return [level[leaf] for level in grown.hierarchy.labels]


def test_an_icd10_code_climbs_to_its_category_block_and_chapter():
    values = ["I21.9", "I21.0", "I25", "I63.0", "I64", "C50", "C509"]

    assert ["I21.9", "I21.-", "I20-I25", "I00-I99", ANY] == path(values, "I21.9", Kind.ICD10)
    assert ["C509", "C50.-", "C50-C50", "C00-D48", ANY] == path(
        [*values, "C51"], "C509", Kind.ICD10
    )


@pytest.mark.parametrize(
    ("code", "block", "chapter"),
    [
        ("A00", "A00-A09", "A00-B99"),
        ("B99", "B99-B99", "A00-B99"),
        ("D48.9", "D37-D48", "C00-D48"),
        ("D50", "D50-D53", "D50-D89"),
        ("H59", "H55-H59", "H00-H59"),
        ("H60", "H60-H62", "H60-H95"),
        ("T98.3", "T90-T98", "S00-T98"),
        ("Y09", "X85-Y09", "V01-Y98"),
        ("Z99", "Z80-Z99", "Z00-Z99"),
    ],
)
def test_the_ends_of_icd10_ranges_belong_to_them(code, block, chapter):
    from tidegate.deid.hierarchies.codes import grow_icd10

    assert (block, chapter) == grow_icd10(code).labels[1:]


def test_every_icd10_block_lies_in_its_chapter_and_none_overlap():
    from tidegate.deid.hierarchies.codes import _chapters

    ends = []
    for low, high, blocks in _chapters():
        assert all(low <= first <= last <= high for first, last in blocks)
        ends += [end for block in blocks for end in block]

    in_order = [end for low, high, blocks in sorted(_chapters()) for b in blocks for end in b]
    assert sorted(in_order) == in_order
    assert 22 == len(_chapters())


def test_an_atc_code_climbs_its_five_levels():
    values = ["C10AA05", "C10AA01", "C10AB02", "C10BA01", "C09AA01", "A10BA02"]

    climbed = path(values, "C10AA05", Kind.ATC)

    assert ["C10AA05", "C10AA-", "C10A-", "C10-", "C-", ANY] == climbed


@pytest.mark.parametrize(
    ("value", "above"),
    [
        ("Sha Tin", ["New Territories", "Hong Kong"]),
        ("沙田區", ["New Territories", "Hong Kong"]),
        ("沙田区", ["New Territories", "Hong Kong"]),
        ("Central & Western", ["Hong Kong Island", "Hong Kong"]),
        ("Guangzhou/Nansha", ["Guangzhou", "Guangdong"]),
        ("广东省广州市天河区", ["Guangzhou", "Guangdong"]),
        ("東莞市", ["Dongguan", "Guangdong"]),
        ("Dongguan", ["Dongguan", "Guangdong"]),
        ("Macau/Taipa", ["Taipa and Coloane", "Macao"]),
    ],
)
def test_a_place_is_known_in_any_spelling(value, above):
    from tidegate.deid.hierarchies.people import grow_places

    english = Counter({"Wan Chai": 9, value: 1})

    assert above == list(grow_places(english)(value).labels)


def test_all_districts_are_there():
    from tidegate.deid.hierarchies.people import _places

    index, _ = _places()
    places = {entry.identity: entry.key for entry in index.values()}
    districts = [key for key in places.values() if key[2] >= 0]

    counted = Counter(province for province, _, _ in districts)
    assert (18, 8) == (counted[0], counted[1])
    assert 9 == len({city for province, city, _ in places.values() if province == 2 and city >= 0})


def test_labels_of_places_are_written_as_the_column_is():
    hant = ["沙田區", "灣仔區", "廣州市天河區", "廣州市越秀區"]
    hans = ["沙田区", "湾仔区", "广州市天河区", "广州市越秀区"]

    assert "廣東" in build("p", hant, HierarchyChoice(Kind.PLACE)).hierarchy.labels[-2]
    assert "广东" in build("p", hans, HierarchyChoice(Kind.PLACE)).hierarchy.labels[-2]


def test_two_spellings_of_a_value_are_one_leaf_with_the_usual_spelling():
    values = Counter({"Sha Tin": 5, "沙田區": 2, "Tai Po": 1})

    grown = build("district", values, HierarchyChoice(Kind.PLACE))

    assert grown.leaf_of["Sha Tin"] == grown.leaf_of["沙田區"]
    assert {"Sha Tin", "Tai Po"} == set(grown.hierarchy.leaves)


def test_a_date_climbs_the_calendar():
    values = ["2024-02-29", "2024-02-21", "2024-02-01", "2024-01-01", "2024-07-01", "2023-01-01",
              "2019-05-05", "2012-01-01"]  # fmt: skip

    climbed = path(values, "2024-02-29", Kind.DATE)

    assert "2024-02-29 2024-02-21/2024-02-29 2024-02 2024-Q1 2024 2020/2024 2020/2029 *" == (
        " ".join(climbed)
    )


@pytest.mark.parametrize("other", ["2024/2/29", "20240229", "2024年2月29日", "2024.02.29"])
def test_a_date_is_the_same_however_it_is_written(other):
    grown = build("d", ["2024-02-29", other, "2023-01-01"], HierarchyChoice(Kind.DATE))

    assert grown.leaf_of[other] == grown.leaf_of["2024-02-29"]


def test_a_date_without_a_day_makes_the_column_start_at_months():
    values = ["2024-02-29", "2024-02", "2023-01-05"]

    assert ["2024-02", "2024-02 (all)"] == path(values, "2024-02", Kind.DATE)[:2]


@pytest.mark.parametrize("value", ["2023-02-29", "2024-13-01", "29/02/2024", "soon", "2024-00-01"])
def test_what_is_no_date_is_refused_with_counts_and_without_the_value(value):
    with pytest.raises(HierarchyError) as refused:
        build("admitted", ["2024-02-29", value, value], HierarchyChoice(Kind.DATE))

    assert ("values_unknown", "1", "2") == (
        refused.value.code, refused.value.details["values"], refused.value.details["records"],
    )  # fmt: skip
    assert value not in refused.value.message


def test_unknown_values_get_a_branch_of_their_own_by_choice():
    grown = build("d", ["2024-02-29", "soon", "", "*"], HierarchyChoice(Kind.DATE, LENIENT))

    leaf = grown.leaf_of["soon"]
    assert (OTHER, 2) == (grown.hierarchy.labels[1][leaf], grown.unknown)
    assert ANY not in grown.hierarchy.leaves


def test_ages_climb_in_bands_and_the_oldest_are_pooled_at_every_level():
    ages = [str(age) for age in range(111)]

    assert ["57", "55-59", "50-59", "40-59", ANY] == path(ages, "57", Kind.AGE)
    assert ["90+", "80+", ANY] == list(dict.fromkeys(path(ages, "104", Kind.AGE, top=89)))


@pytest.mark.parametrize("value", ["-1", "151", "old", "NaN", "1e999999999"])
def test_what_is_no_age_is_unknown(value):
    with pytest.raises(HierarchyError):
        build("age", ["50", value], HierarchyChoice(Kind.AGE))


@pytest.mark.parametrize(
    ("kind", "value", "above"),
    [
        (Kind.ETHNICITY, "汉", ["Han", "Chinese"]),
        (Kind.ETHNICITY, "回族", ["Other peoples of China", "Chinese"]),
        (Kind.ETHNICITY, "Filipino", ["Southeast Asian", "Not Chinese"]),
        (Kind.OCCUPATION, "Nurse", ["Professionals", "skill level 4"]),
        (Kind.OCCUPATION, "2221", ["222x", "22xx", "Professionals", "skill level 4"]),
        (Kind.OCCUPATION, "退休", ["Not working"]),
    ],
)
def test_peoples_and_occupations_are_known(kind, value, above):
    others = {
        Kind.ETHNICITY: ["Hui", "Zhuang", "Thai", "Indian", "Nepali", "Chinese-HK"],
        Kind.OCCUPATION: ["Doctor", "2211", "2222", "2310", "Clerk", "4110", "Student", "Driver"],
    }
    usual = Counter(dict.fromkeys(others[kind], 9))

    climbed = path(usual | Counter({value: 1}), value, kind)

    assert above == list(dict.fromkeys(one.removesuffix(" (all)") for one in climbed[1:-1]))


def test_the_peoples_of_the_mainland_are_56():
    from tidegate.deid.hierarchies.words import load

    parts = load("peoples")["group"][0]["part"]

    assert 55 == len(parts[1]["members"])


def test_learned_bands_are_narrow_where_records_are_many_and_name_no_outlier():
    values = [str(10 + n % 20) for n in range(2000)] + ["977.25", "-4031"]

    grown = build("lab", values, HierarchyChoice(Kind.NUMBER))

    upper = {label for level in grown.hierarchy.labels[1:] for label in level}
    assert not any("977" in label or "403" in label for label in upper)
    assert not any("977" in leaf or "403" in leaf for leaf in grown.hierarchy.leaves)
    assert max(len(set(level)) for level in grown.hierarchy.labels[1:]) > 8


def test_rare_numbers_are_rounded_and_the_outermost_share_a_leaf():
    values = [f"{20 + n * 0.0137:.10f}" for n in range(2000)]

    grown = build("bmi", values, HierarchyChoice(Kind.NUMBER))

    leaves = grown.hierarchy.leaves
    assert (leaves[0][:2], leaves[-1][-1]) == ("<=", "+")
    assert all(len(leaf.strip("<=+")) <= 5 for leaf in leaves)
    records = Counter(grown.leaf_of[value] for value in values)
    assert min(records[0], records[len(leaves) - 1]) >= 11


def test_frequent_numbers_are_left_as_they_are():
    values = [str(n % 40) for n in range(2000)]

    leaves = build("score", values, HierarchyChoice(Kind.NUMBER)).hierarchy.leaves

    assert [str(n) for n in range(40)] == list(leaves)


def test_numbers_are_the_same_however_they_are_written():
    grown = build("n", ["57", "57.0", " 57", "58"], HierarchyChoice(Kind.NUMBER))

    assert {"57", "58"} == set(grown.hierarchy.leaves)


def test_a_pool_has_at_least_two_values():
    grown = build("c", {"a": 500, "b": 400, "rare": 1}, HierarchyChoice(Kind.CATEGORY))

    leaf = grown.leaf_of["rare"]
    assert all(
        sum(each == level[leaf] for each in level) > 1 or level[leaf] == "rare"
        for level in grown.hierarchy.labels
    )


def test_the_same_values_in_another_order_make_the_same_hierarchy():
    values = ["q", "b", "b", "z", "", "q", "q", "x"]

    kinds = [Kind.CATEGORY, Kind.FLAT]

    for kind in kinds:
        choice = HierarchyChoice(kind)
        assert build("c", values, choice) == build("c", values[::-1], choice)


def test_a_given_table_is_read_as_arx_reads_one():
    rows = read_rows("ICU;critical;*\nCCU;critical;*\nGI;medical;*\n", "ward")

    choice = HierarchyChoice(Kind.GIVEN, rows=rows)

    assert ["CCU", "critical", ANY] == path(["ICU", "CCU", "GI"], "CCU", Kind.GIVEN, rows=rows)
    assert ("critical", "medical") == tuple(
        dict.fromkeys(build("ward", ["ICU", "CCU", "GI"], choice).hierarchy.labels[1])
    )


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("a;x;*\nb;*\n", "hierarchy_levels_ragged", "Line 2"),
        ("a;x;*\na;y;*\n", "hierarchy_leaves_repeated", "Line 2"),
        ("", "hierarchy_empty", "empty"),
    ],
)
def test_a_broken_given_table_is_refused_with_its_line(text, code, line):
    with pytest.raises(HierarchyError) as refused:
        read_rows(text, "ward")

    assert code == refused.value.code
    assert line in refused.value.message


def test_a_given_table_that_is_not_monotone_is_refused():
    rows = (("a", "x", "p", "*"), ("b", "x", "q", "*"), ("c", "y", "q", "*"))

    with pytest.raises(HierarchyError, match="another label of level 2"):
        build("g", ["a", "b", "c"], HierarchyChoice(Kind.GIVEN, rows=rows))


@pytest.mark.parametrize(
    ("labels", "code"),
    [
        ((), "hierarchy_levels_ragged"),
        ((("a", "b"), ("*",)), "hierarchy_levels_ragged"),
        ((("a", "b"), ("x", "y")), "hierarchy_no_root"),
        ((("a", "a"), ("*", "*")), "hierarchy_leaves_repeated"),
        ((("a", "*"), ("*", "*")), "hierarchy_leaf_is_root"),
        ((("a", "b", "c"), ("x", "y", "x"), ("*", "*", "*")), "hierarchy_not_in_order"),
    ],
)
def test_what_is_no_hierarchy_is_refused(labels, code):
    with pytest.raises(HierarchyError) as refused:
        check(Hierarchy("h", labels))

    assert code == refused.value.code


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("age", [str(n) for n in range(90)], Kind.AGE),
        ("weight_kg", [f"{50 + n / 10}" for n in range(90)], Kind.NUMBER),
        ("ward_code", [f"0{n}" for n in range(50)], Kind.CATEGORY),
        ("smoker", ["0", "1", "1"], Kind.FLAT),
        ("admitted", ["2024-01-05", "2024-03-01", "2023-12-12"], Kind.DATE),
        ("性别", ["男", "女"], Kind.SEX),
        ("居住區", ["沙田區", "灣仔區", "北區"], Kind.PLACE),
        ("dx", ["I21.9", "E11.9", "C50.1"], Kind.ICD10),
        ("drug", ["C10AA05", "A10BA02", "N02BE01"], Kind.ATC),
        ("民族", ["汉族", "回族", "壮族"], Kind.ETHNICITY),
        ("occupation", ["Nurse", "Driver", "Retired"], Kind.OCCUPATION),
        ("ward", ["ICU", "CCU", "GI", "Resp"], Kind.CATEGORY),
        ("empty", ["", ""], Kind.FLAT),
    ],
)
def test_a_hierarchy_is_guessed_from_name_and_values(name, values, kind):
    guessed = guess(name, values)

    assert kind is guessed.kind
    assert build(name, values, guessed).hierarchy.labels[-1][0] == ANY


def test_level_labels_of_the_shipped_lists_are_words_and_not_values_of_people():
    grown = build("dx", ["I21.9", "C50.1"], HierarchyChoice(Kind.ICD10))

    upper = {label for level in grown.hierarchy.labels[1:-1] for label in level}
    assert all(re.fullmatch(r"[A-Z]\d\d(\.-|-[A-Z]\d\d)", label) for label in upper)


@pytest.mark.parametrize("kind", [each for each in Kind if each is not Kind.GIVEN])
@pytest.mark.parametrize("digits", ["３０", "٣٠", "३०", "③", "I２1", "C１0AA", "２０２４-01-05"])
def test_digits_of_every_script_have_a_place(kind, digits):
    values = {digits: 20, "30": 20}

    grown = build("occupation age", values, HierarchyChoice(kind, Unknown.OTHER))

    assert {digits, "30"} == set(grown.leaf_of)
    assert guess("age", values).kind in Kind

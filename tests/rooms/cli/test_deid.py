"""`tidegate deid`: a table is anonymised and verified with no node; exit codes say how it went."""

import csv
import json
import os
import resource
from collections import Counter
from hashlib import sha256
from pathlib import Path

import pytest

from tidegate.cli.app import main


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["deid", *map(str, arguments)])
    return ended.value.code


def rows(count=200):
    return [
        {"name": f"Chan {n}", "age": str(20 + n * 7 % 60), "district": ("沙田區", "灣仔區")[n % 2],
         "dx": f"I2{n % 5}.{n % 3}", "weight": f"{50 + n % 40}"}
        for n in range(count)
    ]  # fmt: skip


@pytest.fixture
def table(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with (tmp_path / "in.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows(1)[0]))
        writer.writeheader()
        writer.writerows(rows())
    return tmp_path / "in.csv"


def publish(*more):
    named = ("--qi", "age,district", "--sensitive", "dx", "--method", "preview")
    return run("table", "in.csv", *named, "--out", "out.csv", "--report", "r.json", *more)


def read(path="out.csv"):
    with Path(path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_is_published_verified_and_reported(table, capsys):
    assert 0 == publish("--k", "7", "--l", "2")

    told = capsys.readouterr()
    published = read()
    assert list(rows(1)[0]) == list(published[0])
    assert min(Counter((row["age"], row["district"]) for row in published).values()) >= 7
    assert ("200 of 200 records" in told.out, "100% done" in told.err) == (True, True)
    assert 0 == run("verify", "out.csv", "--report", "r.json")
    assert "Everything holds." in capsys.readouterr().out


def test_eleven_is_asked_if_nothing_is(table):
    assert 0 == publish()
    assert min(Counter((row["age"], row["district"]) for row in read()).values()) >= 11


def test_a_column_that_looks_like_a_direct_identifier_is_emptied_and_named(table, capsys):
    publish()

    told = capsys.readouterr().err
    assert {""} == {row["name"] for row in read()}
    assert "name looks like a direct identifier" in told
    assert "Published as they are: weight." in told


def test_the_answer_is_one_line_of_json_if_asked(table, capsys):
    publish("--json")

    told = json.loads(capsys.readouterr().out)
    assert {"out", "criteria", "classes", "risks", "suppression", "output"} == set(told)


def test_a_changed_table_does_not_hold(table, tmp_path, capsys):
    publish()
    text = (tmp_path / "out.csv").read_text(encoding="utf-8")
    (tmp_path / "out.csv").write_text(text.replace("I20.0", "I21.1", 1), encoding="utf-8")

    assert 1 == run("verify", "out.csv", "--report", "r.json")
    assert "does not hold" in capsys.readouterr().out


def test_what_is_no_report_cannot_be_verified(table):
    publish()

    assert 2 == run("verify", "out.csv", "--report", "in.csv")


def test_files_that_are_there_are_replaced_only_if_asked(table):
    publish()

    assert 6 == publish()
    assert 6 == publish("--out", "new.csv", "--report", "new.json", "--html", "r.json")
    assert 0 == publish("--force")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--qi", "age,nobody"), "has no column nobody"),
        (("--qi", "age,dx"), "named twice"),
        (("--keep", "age"), "named twice"),
        (("--hierarchy", "age"), "NAME=VALUE"),
        (("--hierarchy", "age=years"), "neither a file nor one of"),
        (("--hierarchy", "weight=number"), "neither in --qi nor in --sensitive"),
        (("--hierarchy", "age=sex:9"), "Only age takes a top"),
        (("--weight", "dx=2"), "not in --qi"),
        (("--suppression", "2"), "suppression"),
        (("--t", "x"), "must be from 0 to 1"),
        (("--sensitive", "", "--l", "2"), "name it with --sensitive"),
        (("--risk", "prosecutor"), "NAME=VALUE"),
        (("--regression", "age"), "y~a+b"),
        (("--survival", "age"), "time,status=event"),
        (("--regression", "weight~age"), "weight"),
        (("--delta", "0,0.5"), "--population"),
        (("--pseudonymise", "name"), "--key-file"),
        (("--delimiter", "ab"), "one ASCII character"),
        (("--delimiter", '"'), "one ASCII character"),
        (("--delimiter", "x"), "one ASCII character"),
        (("--delta", "0,1", "--population", "few.csv"), "few.csv has 2 people"),
        (("--delta", "0,1", "--population", "none.csv"), "none.csv has 0 people"),
    ],
)
def test_what_is_said_wrongly_is_a_usage_error_in_words(table, tmp_path, capsys, options, told):
    (tmp_path / "few.csv").write_text("age,district\n30,沙田區\n31,灣仔區\n", encoding="utf-8")
    (tmp_path / "none.csv").write_text("age,district\n", encoding="utf-8")

    assert 2 == publish(*options)

    assert told in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_hierarchies_weights_and_every_criterion_can_be_named(table, tmp_path):
    (tmp_path / "h.csv").write_text("沙田區;NT;*\n灣仔區;HK Island;*\n", encoding="utf-8")

    code = publish(
        "--hierarchy", "age=age:75", "--hierarchy", "district=h.csv", "--weight", "age=2",
        "--entropy-l", "1.5", "--recursive-l", "4,2", "--t", "0.9", "--distance", "ordered",
        "--risk", "marketer=0.2", "--suppression", "0.05", "--keep-order", "--empty", "weight",
    )  # fmt: skip

    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    asked = {one["criterion"] for one in told["criteria"]}
    assert {"k_anonymity", "entropy_l", "recursive_l", "t_closeness", "risk"} == asked
    assert (0, "2") == (code, told["recipe"]["document"]["columns"][1]["weight"])


def test_a_regression_and_a_curve_are_fitted_before_and_after(table, tmp_path):
    models = ("--regression", "weight~age", "--survival", "weight,dx=I20.0,district")

    assert 0 == publish("--sensitive", "dx,weight", *models, "--targets", "0")

    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    fitted = [*told["utility"]["regressions"], *told["utility"]["survivals"]]
    assert ["", ""] == [one["trouble"] for one in fitted]
    assert all(float(one["greatest_move"]) >= 0 for one in fitted)
    assert "attacks" not in told


def test_a_proposal_is_a_recipe_that_runs(table, tmp_path, capsys):
    assert 0 == run("propose", "in.csv", "--out", "recipe.json", "--k", "9")
    assert "age: quasi_identifier" in capsys.readouterr().err

    files = ("--recipe", "recipe.json", "--out", "out.csv", "--report", "r.json")
    assert 0 == run("table", "in.csv", *files)

    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert told["classes"]["smallest"] >= 9
    assert 2 == run("table", "in.csv", *files, "--k", "5")


def test_a_proposal_goes_to_standard_output_if_no_file_is_named(table, capsys):
    assert 0 == run("propose", "in.csv")

    assert "tidegate-deid-recipe/1" == json.loads(capsys.readouterr().out)["format"]


def test_two_recipes_are_compared(table, capsys):
    run("propose", "in.csv", "--out", "a.json")
    run("propose", "in.csv", "--out", "b.json", "--k", "20")
    capsys.readouterr()

    assert 0 == run("compare", "a.json", "b.json")
    assert 'criteria.k_anonymity: {"k":11} → {"k":20}\n' == capsys.readouterr().out


def test_a_report_becomes_a_page_and_a_pdf(table, tmp_path):
    publish("--html", "r.html")

    assert 0 == run("report", "r.json", "--pdf", "r.pdf", "--language", "en")
    assert "GB/T 42460" in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert (tmp_path / "r.pdf").read_bytes().startswith(b"%PDF-")
    assert 2 == run("report", "r.json")
    assert 6 == run("report", "r.json", "--pdf", "r.pdf")
    assert 0 == run("report", "r.json", "--pdf", "r.pdf", "--force")


def test_a_malformed_table_names_its_line(table, capsys):
    with table.open("a", encoding="utf-8") as file:
        file.write("SECRET,1\n")

    assert 2 == publish()
    told = capsys.readouterr().err
    assert ("line 202" in told, "SECRET" in told) == (True, False)


def test_a_progress_line_is_shown_where_somebody_watches(table, monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)

    publish()

    assert "\r" in capsys.readouterr().err


def test_a_proposal_without_a_quasi_identifier_says_so(tmp_path, capsys):
    (tmp_path / "t.csv").write_text("smoker\nyes\nno\n")

    assert 0 == run("propose", tmp_path / "t.csv")
    assert "No column looks like a quasi-identifier" in capsys.readouterr().err


@pytest.fixture
def about_people(table, tmp_path):
    """A table that was published with a population of twice its people."""
    names, *people = table.read_text(encoding="utf-8").splitlines()
    (tmp_path / "people.csv").write_text("\n".join([names, *people * 2]), encoding="utf-8")
    risks = ("--delta", "0,0.9", "--risk", "journalist=0.2", "--population", "people.csv")
    assert 0 == publish(*risks, "--covers", "covers.json")
    return tmp_path


PEOPLE, COVERS = ("--population", "people.csv"), ("--covers", "covers.json")


def verify(*more):
    return run("verify", "out.csv", "--report", "r.json", *more)


def test_what_takes_a_population_is_open_until_it_is_named(about_people, capsys):
    assert 2 == verify()

    told = capsys.readouterr().out
    sums = [sha256((about_people / name).read_bytes()) for name in ("people.csv", "covers.json")]
    assert "delta_presence, risk, risks: about a population" in told
    assert all(one.hexdigest() in told for one in sums)


def test_what_takes_a_population_is_verified_with_it(about_people, capsys):
    capsys.readouterr()

    assert 0 == verify(*PEOPLE, *COVERS)

    told = capsys.readouterr().out
    assert ("delta_presence: asked 0 to 0.9" in told, "Everything holds." in told) == (True, True)


def test_another_population_than_the_one_it_was_published_with_is_refused(about_people, capsys):
    (about_people / "people.csv").write_bytes((about_people / "in.csv").read_bytes())

    assert 2 == verify(*PEOPLE, *COVERS)
    assert "name the one with SHA-256" in capsys.readouterr().err


@pytest.mark.parametrize(("options", "lacking"), [(PEOPLE, "--covers"), (COVERS, "--population")])
def test_half_a_population_is_refused(about_people, capsys, options, lacking):
    assert 2 == verify(*options)
    assert f"name {lacking} too" in capsys.readouterr().err


def test_a_report_that_overstates_a_criterion_about_people_does_not_hold(about_people, capsys):
    told = json.loads((about_people / "r.json").read_text(encoding="utf-8"))
    told["claim"]["criteria"][0]["most"] = "0.1"
    (about_people / "r.json").write_text(json.dumps(told), encoding="utf-8")

    assert 1 == verify(*PEOPLE, *COVERS)
    assert "delta_presence was to be 0 to 0.1" in capsys.readouterr().out


def test_a_population_is_not_named_where_there_was_none(table, tmp_path, capsys):
    publish()
    (tmp_path / "covers.json").write_text("{}", encoding="utf-8")

    assert 2 == verify("--population", "in.csv", *COVERS)
    assert "without a population" in capsys.readouterr().err


def test_the_verdict_is_one_line_of_json_if_asked(table, capsys):
    publish()
    capsys.readouterr()

    assert 0 == run("verify", "out.csv", "--report", "r.json", "--json")
    assert "Everything holds." == json.loads(capsys.readouterr().out)["verdict"]


@pytest.mark.parametrize("option", ["--recipe", "--hierarchy"])
def test_what_is_not_text_is_refused(table, tmp_path, option):
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    files = ("--out", "out.csv", "--report", "r.json")

    if option == "--recipe":
        assert 2 == run("table", "in.csv", "--recipe", "x", *files)
    else:
        assert 2 == publish("--hierarchy", "age=x")


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_a_font_is_looked_for_before_anything_is_published(
    table, tmp_path, monkeypatch, capsys, language
):
    monkeypatch.setattr("tidegate.deid.reports.pdf._PLACES", ())
    if language == "en":  # whose own words need no font, but this name does
        text = table.read_text(encoding="utf-8")
        table.write_text(text.replace("weight", "體重", 1), encoding="utf-8")

    assert 7 == publish("--pdf", "r.pdf", "--language", language)

    told = capsys.readouterr().err
    assert ("fonts-noto-cjk" in told, "--font" in told) == (True, True)
    assert ["in.csv"] == [path.name for path in tmp_path.iterdir()]


def test_a_font_without_the_characters_is_refused(table, tmp_path, monkeypatch, capsys):
    font = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
    if not Path(font).is_file():
        pytest.skip("this machine has no DejaVu")

    assert 7 == publish("--pdf", "r.pdf", "--language", "zh-Hant", "--font", font)
    assert "has no characters for 報告" in capsys.readouterr().err
    assert not (tmp_path / "out.csv").exists()


def test_what_cannot_be_printed_keeps_the_table_back(table, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tidegate.deid.reports.service.html_of", fail)

    assert 7 == publish("--html", "r.html")
    assert ["in.csv"] == [path.name for path in tmp_path.iterdir()]


@pytest.mark.parametrize(
    "more",
    [
        ("--html", "in.csv", "--force"),
        ("--html", "out.csv"),
        ("--pdf", "r.json"),
        ("--html", "x", "--pdf", "x"),
        ("--recipe", "recipe.json", "--html", "./recipe.json", "--force"),
        ("--covers", "out.csv"),
    ],
)
def test_nothing_is_written_over_what_is_read_or_written_besides(table, tmp_path, more):
    (tmp_path / "recipe.json").write_text("{}")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    assert 2 == publish(*more)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--k", "201"), "has 200 records, so no class can have 201: ask for k = 200 at most"),
        (("--l", "99"), "dx has 15 different values, so no class can have 99: ask for l = 15"),
        (("--entropy-l", "15.1"), "dx are spread over the whole table as 1"),
        (("--recursive-l", "0.01,2"), "ask for a greater c or a smaller l"),
        (("--recursive-l", "1,16"), "dx has 15 different values"),
        (("--risk", "prosecutor=0.001"), "ask for 1/200 or more"),
        (("--delta", "0,0.5", "--population", "in.csv"), "let 1 lie between the bounds"),
    ],
)
def test_what_is_out_of_reach_is_told_with_what_could_be_asked(table, capsys, asked, told):
    assert 5 == publish(*asked)

    words = capsys.readouterr().err
    assert ("this cannot be reached" in words, told in words) == (True, True)


def test_a_column_of_long_numbers_is_emptied_unless_it_is_said_to_measure(table, tmp_path, capsys):
    lines = table.read_text(encoding="utf-8").splitlines()
    numbers = ["fee", *(str(10007 + n * 13) for n in range(200))]
    told = "\n".join(f"{line},{n}" for line, n in zip(lines, numbers, strict=True))
    table.write_text(told, encoding="utf-8")

    assert 0 == publish()
    assert "if it is a measurement, name it in --sensitive" in capsys.readouterr().err
    assert {""} == {row["fee"] for row in read()}
    assert 1 == publish("--force", "--keep", "fee")
    assert "make it a sensitive column" in capsys.readouterr().err
    assert 0 == publish("--force", "--sensitive", "dx,fee")
    assert 200 == len({row["fee"] for row in read()})


def test_a_missing_sensitive_value_is_a_value_of_its_own(table, tmp_path):
    """Half of one place have no diagnosis: their class is half as far from the table as it can."""
    lines = ["age,district,dx"]
    lines += [f"30,沙田區,{'' if n % 2 else 'I20.0'}" for n in range(20)]
    lines += ["30,灣仔區,I20.0"] * 20
    table.write_text("\n".join(lines), encoding="utf-8")

    assert 0 == publish("--k", "20", "--t", "0.25")

    told = json.loads((tmp_path / "r.json").read_text(encoding="utf-8"))
    assert ["20", "1/4"] == [one["achieved"] for one in told["criteria"]]
    assert 0 == verify()
    assert 0 == publish("--k", "20", "--t", "0.24", "--force")
    assert 1 == len({row["district"] for row in read()})


@pytest.mark.parametrize("distance", ["equal", "ordered", "hierarchical"])
def test_missing_sensitive_values_have_a_place_in_every_distance(table, tmp_path, distance):
    text = table.read_text(encoding="utf-8")
    table.write_text(text.replace("I20.0", "").replace("I21.1", ""), encoding="utf-8")

    assert 0 == publish("--t", "0.5", "--distance", distance, "--l", "2")
    assert 0 == verify()


def test_a_pipe_is_not_read(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("in.csv")

    assert 2 == publish()
    assert "no plain file" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing(table, tmp_path, monkeypatch, capsys):
    """A limit on the size of files stands for the disk: writing fails in the middle."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        code = publish()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert 7 == code
    assert "the space left" in capsys.readouterr().err
    assert ["in.csv"] == [path.name for path in tmp_path.iterdir()]

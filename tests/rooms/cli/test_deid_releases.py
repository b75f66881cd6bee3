"""`tidegate deid table --releases`: a growing table is checked with what was published before."""

import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from tidegate.cli.app import main
from tidegate.kernel.failpoint import arm, disarm

PLACES = ("沙田區", "灣仔區")


def run(*arguments):
    with pytest.raises(SystemExit) as ended:
        main(["deid", *map(str, arguments)])
    return ended.value.code


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_bytes(b"k" * 32)
    return tmp_path


def write(people, name="in.csv"):
    """Write people, each by number: age and place follow from it."""
    with Path(name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["pid", "age", "district", "dx"])
        writer.writerows(
            [f"P{n}", str(20 + n // 2 % 40), PLACES[n % 2], f"I2{n % 3}.0"] for n in people
        )


def release(number, *more, hierarchy="flat", k=5):
    return run(
        "table", "in.csv", "--qi", "age,district", "--sensitive", "dx", "--remove", "pid",
        "--hierarchy", f"age={hierarchy}", "--k", k, "--method", "preview", "--targets", "20",
        "--releases", "kept", "--person", "pid", "--key-file", "key",
        "--out", f"out{number}.csv", "--report", f"r{number}.json", *more,
    )  # fmt: skip


def verify(number, *more):
    return run("verify", f"out{number}.csv", "--report", f"r{number}.json", *more)


def told(number):
    with Path(f"r{number}.json").open(encoding="utf-8") as file:
        return json.load(file)


WITH_KEY = ("--releases", "kept", "--key-file", "key")


def test_a_second_release_with_enough_new_people_goes_out_and_is_verified(here, capsys):
    write(range(400))
    assert 0 == release(1, "--first-release")
    write(range(800))
    assert 0 == release(2)

    section = told(2)["releases"]
    assert (2, "0001", 5, 0) == tuple(
        section[key] for key in ("number", "versions", "k", "held_back")
    )
    assert (section["smallest"] >= 5, section["people"]) == (True, 800)
    assert ["0001.release", "0002.release"] == sorted(
        path.name for path in (here / "kept").iterdir()
    )
    assert [0, 0] == [verify(number, *WITH_KEY) for number in (1, 2)]
    assert 2 == verify(2)
    assert "name it with --releases" in capsys.readouterr().out


def test_one_person_more_is_refused_with_the_reason_and_what_would_mend_it(here, capsys):
    write(range(200))
    release(1, "--first-release")
    write(range(201))

    assert 5 == release(2)

    told_now = capsys.readouterr().err
    assert "groups of fewer than 5" in told_now
    assert "To hold back are the records 201 of in.csv" in told_now
    assert not (here / "out2.csv").exists()
    assert ["0001.release"] == [path.name for path in (here / "kept").iterdir()]


def test_what_is_held_back_is_left_out_and_counted(here):
    write(range(200))
    release(1, "--first-release")
    write(range(201))

    assert 5 == release(2, "--mend", "hold-back")  # nothing may be left out
    assert 0 == release(2, "--mend", "hold-back", "--suppression", "0.01")

    assert (1, 1) == (told(2)["releases"]["held_back"], told(2)["suppression"]["records"])
    assert 0 == verify(2, *WITH_KEY)


def test_people_who_left_one_by_one_are_refused(here):
    write(range(200))
    release(1, "--first-release")
    write(range(1, 200))

    assert 5 == release(2)


def test_finer_classes_that_cross_the_earlier_ones_are_refused(here):
    write(range(400))
    assert 0 == release(1, "--first-release", hierarchy="age")
    write(range(5, 400))

    assert 5 == release(2, hierarchy="number")


def test_classes_are_published_as_one_where_that_is_asked(here, capsys):
    write(range(200))
    release(1, "--first-release")
    write(range(400))

    assert 5 == release(2)
    assert "--mend merge" in capsys.readouterr().err
    assert 5 == release(2, "--method", "full_domain", "--suppression", "0.5", "--mend", "merge")
    assert 0 == release(2, "--mend", "merge")

    assert told(2)["releases"]["merged"] > 0
    assert 0 == verify(2, *WITH_KEY)


def test_the_same_table_once_more_is_no_new_release(here):
    write(range(200))
    release(1, "--first-release")
    first = (here / "r1.json").read_bytes()

    assert 0 == release(1, "--force")

    assert first == (here / "r1.json").read_bytes()
    assert 1 == len([*(here / "kept").iterdir()])


def test_a_run_that_is_stopped_before_the_table_has_its_name_can_be_run_again(here):
    write(range(200))

    def stop():
        raise KeyboardInterrupt

    arm("deid.report_named", stop)
    try:
        assert 130 == release(1, "--first-release")
    finally:
        disarm()
    assert not (here / "out1.csv").exists()

    assert 0 == release(1, "--force")
    assert 0 == verify(1, *WITH_KEY)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ((), "no folder kept"),
        (("--first-release", "--person", ""), "name the column"),
        (("--first-release", "--person", "age"), "direct identifier"),
        (("--first-release", "--person", "nobody"), "direct identifier"),
        (("--first-release", "--key-file", "short"), "at least 32 bytes"),
    ],
)
def test_what_is_said_wrongly_is_refused_before_anything_is_done(here, capsys, more, words):
    (here / "short").write_bytes(b"short")
    write(range(200))

    assert 2 == release(1, *more)
    assert words in capsys.readouterr().err
    assert not (here / "kept").exists()


def test_a_first_release_is_said_once(here, capsys):
    write(range(200))
    release(1, "--first-release")

    assert 2 == release(2, "--first-release")
    assert "keeps 1 releases already" in capsys.readouterr().err


def test_an_empty_folder_is_not_taken_for_no_past(here, capsys):
    write(range(200))
    (here / "kept").mkdir()

    assert 2 == release(1)
    assert "say --first-release" in capsys.readouterr().err


def test_persons_alone_say_nothing(here, capsys):
    write(range(200))

    assert 2 == run(
        "table", "in.csv", "--qi", "age", "--person", "pid", "--out", "o", "--report", "r"
    )
    assert "--releases" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code"), [("P0,30,沙田區,I20.0\n", 2), (" ,30,沙田區,I20.0\n", 2)]
)
def test_a_person_twice_or_nobody_is_refused(here, line, code):
    write(range(200))
    with Path("in.csv").open("a", encoding="utf-8") as file:
        file.write(line)

    assert code == release(1, "--first-release")
    assert not (here / "out1.csv").exists()


def test_another_key_or_a_changed_past_stops_the_release(here):
    write(range(200))
    release(1, "--first-release")
    (here / "other").write_bytes(b"o" * 32)

    assert 2 == release(2, "--key-file", "other")
    kept = here / "kept" / "0001.release"
    kept.write_bytes(kept.read_bytes()[:-1] + b"\x07")
    assert 1 == release(2)
    assert 1 == verify(1, *WITH_KEY)


def test_a_table_that_is_not_the_kept_one_does_not_hold(here, capsys):
    write(range(400))
    release(1, "--first-release")
    write(range(800))
    release(2)
    report = told(2)
    report["claim"]["releases"]["number"] = 1
    (here / "r2.json").write_text(json.dumps(report), encoding="utf-8")

    assert 1 == verify(2, *WITH_KEY)
    assert "does not keep this table as release 1" in capsys.readouterr().out


def test_classes_after_holding_back_are_as_large_as_asked(here):
    write(range(200))
    release(1, "--first-release")
    write([*range(203)])

    assert 0 == release(2, "--mend", "hold-back", "--suppression", "0.2")

    with Path("out2.csv").open(encoding="utf-8", newline="") as file:
        sizes = Counter((row["age"], row["district"]) for row in csv.DictReader(file))
    assert min(sizes.values()) >= 5

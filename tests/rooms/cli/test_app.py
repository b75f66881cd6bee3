"""The command: every kind of error has its exit code, and a refusal is one sentence."""

import gc
import os
import re
import socket
import subprocess
import sys

import pytest

from tidegate.access.model import Seat
from tidegate.cli.app import COMMANDS, EXIT_CODE, cli, exit_code_of, main
from tidegate.kernel.errors import NotFoundError, TidegateError, UnavailableError
from tidegate.settings import read_settings


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return ended.value.code


def test_every_kind_has_a_code_of_its_own():
    kinds = {
        kind
        for kind in TidegateError.__subclasses__()
        if kind.__module__ == "tidegate.kernel.errors"
    }

    assert kinds == set(EXIT_CODE)
    assert len(EXIT_CODE) == len(set(EXIT_CODE.values()))
    assert 0 not in EXIT_CODE.values()


@pytest.mark.parametrize(("kind", "code"), EXIT_CODE.items(), ids=lambda each: str(each))
def test_a_kind_and_what_is_derived_from_it_share_the_code(kind, code):
    derived = type("SpecialError", (kind,), {})

    assert (code, code) == (exit_code_of(kind("x")), exit_code_of(derived("x")))


def test_an_error_of_no_kind_is_1():
    assert 1 == exit_code_of(TidegateError("x"))


def test_a_refusal_is_one_sentence_with_its_code_and_no_traceback(tmp_path, capsys):
    code = run("person", "list", "--home", str(tmp_path))

    told = capsys.readouterr().err
    assert exit_code_of(NotFoundError("x")) == code
    assert ("tidegate init" in told, "Traceback" in told, 1) == (True, False, told.count("\n"))


def test_an_unknown_command_is_a_usage_error(capsys):
    assert 2 == run("frobnicate")
    assert "No such command" in capsys.readouterr().err


def test_a_missing_option_is_a_usage_error(capsys):
    assert 2 == run("serve")
    assert "--home" in capsys.readouterr().err


def test_a_second_init_in_the_same_directory_is_refused_and_changes_nothing(tmp_path, capsys):
    home = tmp_path / "家 node"
    command = ("init", str(home), "--name", "Node", "--seat", "HK", "--port", "7001")
    assert 0 == run(*command)
    before = {each: each.read_bytes() for each in home.iterdir() if each.is_file()}
    assert f"serve --home '{home}'" in capsys.readouterr().out

    assert 6 == run(*command)

    assert "holds a node already" in capsys.readouterr().err
    assert before == {each: each.read_bytes() for each in home.iterdir() if each.is_file()}


@pytest.mark.parametrize(
    ("database", "code", "words"),
    [
        ("mysql://root@localhost/x", 2, "--database"),
        ("sqlite:////proc/none/node.db", 7, "The database does not answer"),
        ("postgresql+psycopg://nobody@127.0.0.1:1/x", 7, "The database does not answer"),
    ],
)
def test_an_init_that_fails_leaves_nothing_behind(tmp_path, capsys, database, code, words):
    home = tmp_path / "node"

    ended = run("init", str(home), "--name", "N", "--seat", "HK", "--database", database)

    assert (code, False) == (ended, home.exists())
    told = capsys.readouterr().err
    assert (True, 1) == (words in told, told.count("\n"))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--name", "  "), "Give the institution's name"),
        (("--name", "N\udce5"), "in characters that can be seen"),
        (("--host", "0.0.0.0"), "TLS is needed"),
        (("--base-url", "http://two words"), "A node's address is"),
        (("--tls-certificate", __file__), "--tls-key together"),
    ],
)
def test_what_could_never_be_served_is_not_made(tmp_path, capsys, options, words):
    home = tmp_path / "node"

    ended = run("init", str(home), "--seat", "HK", *("--name", "N"), *options)

    told = capsys.readouterr().err
    assert (2, False, True) == (ended, home.exists(), words in told)


def test_an_empty_passphrase_file_makes_no_node(tmp_path, capsys):
    home, secret = tmp_path / "node", tmp_path / "secret"
    secret.touch(mode=0o600)

    ended = run("init", str(home), "--seat", "HK", "--name", "N", "--passphrase-file", str(secret))

    assert (2, False) == (ended, home.exists())
    assert f"{secret} is empty" in capsys.readouterr().err


def test_the_mainland_alone_is_a_seat(tmp_path):
    home = tmp_path / "node"

    assert 0 == run("init", str(home), "--name", "N", "--seat", "CN")

    assert Seat.CN_OTHER is read_settings(home).participant.seat


def test_a_terminal_without_chinese_still_shows_the_list(tmp_path):
    home = tmp_path / "node"
    run("init", str(home), "--name", "N", "--seat", "HK", "--operator", "陳美玲")

    shown = subprocess.run(
        [sys.executable, "-m", "tidegate", "person", "list", "--home", str(home)],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        check=True,
    )

    assert rb"\u9673" in shown.stdout


def test_a_place_that_cannot_be_written_is_a_sentence(capsys):
    assert 7 == run("init", "/dev/null/node", "--name", "N", "--seat", "HK")
    told = capsys.readouterr().err
    assert "/dev/null/node: Not a directory. Check the path" in told
    assert 1 == told.count("\n")


def test_a_taken_port_is_a_sentence(tmp_path, capsys):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        home = str(tmp_path / "node")
        run("init", home, "--name", "N", "--seat", "HK", "--port", port)

        ended = run("serve", "--home", home)
    gc.enable()  # a start turns the collector off until it serves

    assert 7 == ended
    assert f"cannot listen on 127.0.0.1 port {port}" in capsys.readouterr().err


def test_what_a_version_holds_is_told_a_line_each_and_never_as_python(tmp_path, capsys):
    home, rows = str(tmp_path / "node"), tmp_path / "rows.csv"
    rows.write_text("id,alt\n1,30\n", encoding="utf-8")
    run("init", home, "--name", "N", "--seat", "HK")
    run("dataset", "acquire", str(rows), "--home", home, "--title", "T", "--role", "id=person_key")
    version = re.search("ver_[0-9a-z]+", capsys.readouterr().out)[0]

    assert 0 == run("dataset", "show", version, "--home", home)

    told = capsys.readouterr().out
    assert not re.search(r"[{}()]|True|False", told)
    assert re.search(r"(?m)^ +name: id$", told)


def test_a_secret_that_is_no_text_is_refused(tmp_path, capsys):
    home, secret = tmp_path / "node", tmp_path / "secret"
    secret.write_bytes(b"\xfc\xff")
    run("init", str(home), "--name", "N", "--seat", "HK")
    plane = ("plane", "add", "dataplane", "p1", "http://localhost:9", "--home", str(home))

    assert 2 == run(*plane, "--secret-file", str(secret))
    assert "is not text in UTF-8" in capsys.readouterr().err


def test_the_doctor_fails_where_there_is_no_node(tmp_path, capsys):
    assert 1 == run("doctor", "--home", str(tmp_path))
    assert "FAIL  settings" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert 0 == run(name, "--help")
    assert "Usage: tidegate" in capsys.readouterr().out


def test_the_help_lists_every_command_as_it_explains_itself(capsys):
    run("--help")

    told = capsys.readouterr().out
    found = {name: cli.get_command(None, name).get_short_help_str(80) for name in COMMANDS}
    assert [] == [
        name for name in COMMANDS if not re.search(rf"  {name} +{re.escape(found[name])}", told)
    ]
    assert {name: words for name, (_, words) in COMMANDS.items()} == found


@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_no_summary_in_a_help_is_cut(name, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    run(*filter(None, [name]), "--help")

    told = capsys.readouterr().out.partition("Commands:")[2]
    assert [] == [line for line in told.splitlines() if line.endswith("...")]


def test_the_version_is_told(capsys):
    assert 0 == run("--version")
    assert "tidegate" in capsys.readouterr().out


def test_an_unreachable_node_is_told_apart_from_a_refusal():
    assert exit_code_of(UnavailableError("x")) != exit_code_of(TidegateError("x"))


def test_what_a_node_writes_nobody_else_on_the_machine_reads(tmp_path):
    home = tmp_path / "node"
    home.mkdir(mode=0o755)
    before = os.umask(0o022)
    try:
        run("init", str(home), "--name", "Node", "--seat", "HK", "--port", "7001", "--json")
    finally:
        os.umask(before)

    opened = [path.name for path in home.rglob("*") if path.stat().st_mode & 0o077]
    assert [] == opened

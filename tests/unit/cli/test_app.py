"""The command: every kind of error has its exit code, and a refusal is one sentence."""

import os

import pytest

from tidegate.cli.app import COMMANDS, EXIT_CODE, cli, exit_code_of, main
from tidegate.kernel.errors import NotFoundError, TidegateError, UnavailableError


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


def test_the_doctor_fails_where_there_is_no_node(tmp_path, capsys):
    assert 1 == run("doctor", "--home", str(tmp_path))
    assert "FAIL  settings" in capsys.readouterr().out


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself(name, capsys):
    assert 0 == run(name, "--help")
    assert "Usage: tidegate" in capsys.readouterr().out


def test_the_help_lists_every_command(capsys):
    run("--help")

    told = capsys.readouterr().out
    assert [] == [name for name in cli.list_commands(None) if f"  {name}" not in told]


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

"""`tidegate evidence show`: the chain of a subject, and words where there is none."""

import pytest

from lib.nodes import make_home
from tidegate.access.model import Actor, Role
from tidegate.cli.app import main
from tidegate.node.build import open_node

BY = Actor("person:per_operator", "Operator", frozenset({Role.OPERATOR}))


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    home = make_home(tmp_path_factory.mktemp("evidence") / "node")
    with open_node(home) as node:
        node.house.access.add_person("Li", "li@hospital.example", frozenset({Role.STEWARD}), by=BY)
    return home


def show(home, capsys, *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(["evidence", "show", "--home", str(home), *arguments])
    told = capsys.readouterr()
    return ended.value.code, told.out, told.err


def test_the_chain_of_a_subject_is_shown(home, capsys):
    code, newest, _ = show(home, capsys)
    subject = next(word for word in newest.split() if word.startswith("person:"))

    assert (0, 0) == (code, show(home, capsys, subject)[0])
    assert f"person.added  {subject} #" in show(home, capsys, subject)[1]


@pytest.mark.parametrize("options", [(), ("--json",)])
@pytest.mark.parametrize("subject", ["version:ver_none", "person:per_'--", "%", "\x1b[2J", " "])
def test_a_subject_nothing_is_about_is_said_to_be_unknown(home, capsys, subject, options):
    code, out, err = show(home, capsys, subject, *options)

    assert (3, "", 1) == (code, out, err.count("\n"))
    assert "Nothing in this node's log is about" in err
    assert "`tidegate evidence show` without a subject lists the newest leaves" in err
    assert err.endswith("[subject_unknown]\n")
    assert err[:-1].isprintable()


def test_a_subject_named_without_its_kind_is_told_its_whole_name(home, capsys):
    _, newest, _ = show(home, capsys)
    subject = next(word for word in newest.split() if word.startswith("person:"))

    code, out, err = show(home, capsys, subject.removeprefix("person:"))

    assert (3, "") == (code, out)
    assert f"Did you mean {subject}?" in err

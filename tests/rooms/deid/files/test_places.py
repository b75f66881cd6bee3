"""A file gets its name whole or not at all; leftovers of one's own are taken over, others not."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tidegate.deid.errors import RecipeInvalidError
from tidegate.deid.files.errors import FileBusyError, FileExistsAlreadyError
from tidegate.deid.files.places import beside, check_apart, check_free, put


def names(folder):
    return [path.name for path in folder.iterdir()]


def test_what_is_not_renamed_is_gone_and_what_is_stays(tmp_path):
    with beside(tmp_path / "a") as own:
        own.write_text("half")
    assert [] == [*tmp_path.iterdir()]

    put(tmp_path / "a", b"whole")

    assert [("a", b"whole")] == [(path.name, path.read_bytes()) for path in tmp_path.iterdir()]
    assert 0o600 == (tmp_path / "a").stat().st_mode & 0o777


def test_a_leftover_of_a_killed_run_is_taken_over_empty_and_removed(tmp_path):
    killed = (
        "import os, signal, sys; from pathlib import Path\n"
        "from tidegate.deid.files.places import beside\n"
        "with beside(Path(sys.argv[1])) as own:\n"
        "    own.write_text('half a table')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    done = subprocess.run([sys.executable, "-c", killed, tmp_path / "out.csv"], check=False)
    assert (-9, [".out.csv.tidegate"]) == (done.returncode, names(tmp_path))

    with beside(tmp_path / "out.csv") as own:
        assert b"" == own.read_bytes()

    assert [] == names(tmp_path)


def test_two_runs_do_not_write_one_file(tmp_path):
    with beside(tmp_path / "out.csv") as own:
        with pytest.raises(FileBusyError) as refused, beside(tmp_path / "out.csv"):
            pass
        assert own.exists()

    assert "file_busy" == refused.value.code


@pytest.mark.parametrize("kind", ["link", "hard link", "folder", "pipe"])
def test_what_somebody_put_in_the_way_is_refused_and_not_written_to(tmp_path, kind):
    own, other = tmp_path / ".out.csv.tidegate", tmp_path / "precious"
    other.write_text("mine")
    make = {
        "link": lambda: own.symlink_to(other),
        "hard link": lambda: own.hardlink_to(other),
        "folder": own.mkdir,
        "pipe": lambda: os.mkfifo(own),
    }
    make[kind]()

    with pytest.raises(FileBusyError) as refused, beside(tmp_path / "out.csv"):
        pass

    assert ("file_beside_strange", "mine") == (refused.value.code, other.read_text())


def test_files_are_apart_whatever_they_are_called(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    read = tmp_path / "in.csv"
    read.write_text("x")
    (tmp_path / "hard").hardlink_to(read)
    (tmp_path / "soft").symlink_to(read)

    for written in (["in.csv"], ["./in.csv"], ["hard"], ["soft"], ["a", "b", "a"]):
        with pytest.raises(RecipeInvalidError, match="named for two things"):
            check_apart([read], [Path(name) for name in written])
    check_apart([read], [tmp_path / "a", tmp_path / "b"])


def _bind(name):
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(name)


@pytest.mark.parametrize("kind", ["dangling link", "link", "pipe", "folder", "socket"])
def test_what_is_no_plain_file_is_never_replaced(tmp_path, monkeypatch, kind):
    """A device too: as root, `--out /dev/null --force` would take it from everybody."""
    monkeypatch.chdir(tmp_path)
    out, other = tmp_path / "out.csv", tmp_path / "other"
    other.write_text("mine")
    make = {
        "dangling link": lambda: out.symlink_to("nowhere"),
        "link": lambda: out.symlink_to(other),
        "pipe": lambda: os.mkfifo(out),
        "folder": out.mkdir,
        "socket": lambda: _bind("out.csv"),
    }
    make[kind]()

    for may_replace in (False, True):
        with pytest.raises(FileExistsAlreadyError) as refused:
            check_free([out], may_replace=may_replace)
        assert "file_not_plain" == refused.value.code
    assert "mine" == other.read_text()


def test_devices_are_refused_by_name_alone():
    with pytest.raises(FileExistsAlreadyError):
        check_free([Path(os.devnull)], may_replace=True)


def test_a_plain_file_is_replaced_if_that_is_said(tmp_path):
    (tmp_path / "a").write_text("old")

    check_free([tmp_path / "a", tmp_path / "b"], may_replace=True)
    with pytest.raises(FileExistsAlreadyError) as refused:
        check_free([tmp_path / "a"], may_replace=False)
    assert "file_exists" == refused.value.code

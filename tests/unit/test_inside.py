"""A unit test stays inside."""

import socket
import sqlite3
import subprocess
import sys
import threading
import time

import pytest


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda: sqlite3.connect(":memory:"), "opened a database"),
        (socket.socket, "opened a socket"),
        (lambda: subprocess.Popen([sys.executable, "--version"]), "started a process"),
        (lambda: threading.Thread(target=print).start(), "started a thread"),
        (lambda: time.sleep(0), "waited"),
    ],
)
def test_what_is_no_unit_is_refused_and_told(watch, act, told):
    with pytest.raises(RuntimeError, match=f"A unit test {told}; .* tests/rooms"):
        act()

    assert told == watch.seen.pop()


def test_what_another_thread_does_meanwhile_is_not_the_tests(watch):
    go, slept = threading.Event(), []
    watch.is_on = False
    served = threading.Thread(target=lambda: go.wait(60) and slept.append(time.sleep(0)))
    served.start()
    watch.is_on = True

    go.set()
    served.join(60)

    assert ([None], []) == (slept, watch.seen)

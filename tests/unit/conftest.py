"""What a unit test never does: open a database or a socket, start a process or a thread, wait.

Such tests stand in `tests/rooms`.
"""

import sys
import threading
import time
from functools import wraps

import pytest

OUTSIDE = {
    "sqlite3.connect": "opened a database",
    "socket.__new__": "opened a socket",
    "subprocess.Popen": "started a process",
    "os.fork": "started a process",
    "os.posix_spawn": "started a process",
}
"""Acts that Python itself tells of (PEP 578), so that no way leads around them."""


class Watch:
    """Refuses and remembers what goes on outside of a unit test while one runs.

    It judges the thread that runs the test, which can start no other: nodes that earlier tests of
    this process serve go on meanwhile.
    """

    def __init__(self) -> None:
        self.is_on = False
        self.thread = threading.get_ident()
        self.seen: list[str] = []

    def judge(self, what: str | None) -> None:
        if self.is_on and what is not None and self.thread == threading.get_ident():
            self.seen.append(what)
            raise RuntimeError(f"A unit test {what}; such a test belongs in tests/rooms.")

    def told(self, act: str, _arguments: tuple) -> None:
        self.judge(OUTSIDE.get(act))

    def judging(self, function, what: str):
        """Return a function of Python's that tells us nothing, judged first."""

        @wraps(function)
        def judged(*positional, **named):
            self.judge(what)
            return function(*positional, **named)

        return judged


@pytest.fixture(scope="session")
def watch():
    """Watch from the first unit test on; other tests of the same process notice nothing."""
    watch = Watch()
    sys.addaudithook(watch.told)
    with pytest.MonkeyPatch.context() as patch:
        start = watch.judging(threading.Thread.start, "started a thread")
        patch.setattr(threading.Thread, "start", start)
        patch.setattr(time, "sleep", watch.judging(time.sleep, "waited"))
        yield watch


@pytest.fixture(autouse=True)
def inside(watch):
    """Fail a test that went outside, though the code it tests swallowed the refusal."""
    watch.seen.clear()
    watch.is_on = True
    yield
    watch.is_on = False

    assert [] == watch.seen

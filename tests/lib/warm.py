"""Starting `tidegate` a hundred times without importing it a hundred times.

One process loads the code once and forks a real process for every start that it is asked for; that
process gets the arguments, the environment, the directory and the open files of the one who asks,
does what the command does, may be killed, and ends as the command ends. For tests of what nodes do
and survive. What a start itself loads and costs is tested with starts from nothing.
"""

import array
import atexit
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NoReturn

LOADED = (
    "tidegate.node.server", "tidegate.node.build", "tidegate.node.doctor", "tidegate.node.rotation",
    "tidegate.db.schema", "tidegate_client.space", "tidegate_client.peers",
    "anyio._backends._asyncio", "httpx", "jinja2", "sqlalchemy.dialects.sqlite.pysqlite",
    "uvicorn.loops.asyncio", "uvicorn.lifespan.off", "uvicorn.protocols.http.httptools_impl",
)  # fmt: skip
"""What a node or a command has loaded soon after its start, and nothing that starts a thread."""

TESTS = Path(__file__).parents[1]
TIDEGATE = "tidegate.cli.app:main"


# --- whoever wants processes


class Forked:
    """A process of the warm one's, with what `subprocess.Popen` has."""

    def __init__(self, connection: socket.socket) -> None:
        self._told = connection.makefile("r", encoding="utf-8")
        self._connection = connection
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended; None while it runs."""
        return self._look(0.0)

    def wait(self, timeout: float | None = None) -> int:
        """Return how it ended; raise subprocess.TimeoutExpired where it does not in time."""
        ended = self._look(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired("tidegate", timeout or 0.0)
        return ended

    def _look(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._connection, selectors.EVENT_READ)
                if not selector.select(timeout):
                    return None
            self.returncode = int(self._told.readline())
            self._told.close()
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill -9: nothing is tidied up."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to stop."""
        self.send_signal(signal.SIGTERM)


class Warm:
    """The warm process, as whoever started it sees it."""

    def __init__(self, address: str) -> None:
        self.address = address

    def start(
        self, arguments: list[str], *, files: tuple[int, int, int], environment: Mapping[str, str]
    ) -> Forked:
        """Start the program with these arguments and open files, in a session of its own."""
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self.address)
        asked = {
            "arguments": arguments, "environment": dict(environment), "directory": str(Path.cwd()),
        }  # fmt: skip
        body = json.dumps(asked).encode() + b"\n"
        rights = (socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))
        sent = connection.sendmsg([body], [rights])
        connection.sendall(body[sent:])
        return Forked(connection)

    def command(self, path: Path) -> Path:
        """Write a program that is `tidegate` for scripts, run by the warm process; return it."""
        path.write_text(
            f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {str(TESTS)!r})\n"
            f"from lib.warm import stand_for\nstand_for({self.address!r})\n",
            encoding="utf-8",
        )
        path.chmod(0o755)
        return path


def stand_for(address: str) -> NoReturn:
    """Be `tidegate` for whoever started this: pass signals on, and end as it ends."""
    forked: list[Forked] = []

    def pass_on(number: int, _frame: object) -> None:
        for each in forked:
            os.kill(each.pid, number)  # not yet waited for, so it is still that process

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, pass_on)
    forked.append(Warm(address).start(sys.argv[1:], files=(0, 1, 2), environment=os.environ))
    ended = forked[0].wait()
    if ended < 0:
        signal.signal(-ended, signal.SIG_DFL)
        os.kill(os.getpid(), -ended)
    sys.exit(ended)


@cache
def warmed(program: str = TIDEGATE) -> Warm:
    """Return this test process's warm process for a program, which ends with it."""
    kept = warm(program)
    atexit.register(kept.__exit__, None, None, None)
    return kept.__enter__()


@contextmanager
def warm(program: str = TIDEGATE) -> Iterator[Warm]:
    """Keep a warm process for the length of a block; `program` is MODULE:FUNCTION."""
    path = os.pathsep.join([str(TESTS), str(TESTS.parent / "src")])
    with tempfile.TemporaryDirectory(prefix="tidegate-warm-") as folder:
        address = f"{folder}/door"
        process = subprocess.Popen(
            [sys.executable, "-m", "lib.warm", address, program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": path},
            start_new_session=True,
        )
        assert process.stdout is not None
        assert process.stdout.readline() == b"warm\n"
        try:
            yield Warm(address)
        finally:
            process.communicate()  # it ends when nobody can ask it any more


# --- the warm process


def main(address: str, program: str) -> None:
    """Fork at every call until nobody keeps the standard input open; in a child, be the program."""
    from tidegate.cli.app import COMMANDS
    from tidegate.policy.rulepack.service import load_shipped

    for name in (*LOADED, *(where.partition(":")[0] for where, _ in COMMANDS.values())):
        importlib.import_module(name)
    module, _, name = program.partition(":")
    act = getattr(importlib.import_module(module), name)
    load_shipped()
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as door:
        door.bind(address)
        door.listen(64)
        print("warm", flush=True)
        is_child = _serve(door)
    if is_child:
        _end(act)


def _serve(door: socket.socket) -> bool:
    """Answer calls; return False at the end, and True in a child."""
    born: dict[int, socket.socket] = {}
    woken, wakes = socket.socketpair()
    wakes.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    with selectors.DefaultSelector() as selector:
        for each in (woken, door, sys.stdin):
            selector.register(each, selectors.EVENT_READ)
        while True:
            ready = {key.fileobj for key, _ in selector.select()}
            if woken in ready:
                woken.recv(4096)
                _tell_the_ends(born)
            if door in ready and _answer(door.accept()[0], born):
                return True
            if sys.stdin in ready:
                return False


def _tell_the_ends(born: dict[int, socket.socket]) -> None:
    for pid in list(born):
        ended, how = os.waitpid(pid, os.WNOHANG)
        if ended:
            with born.pop(pid) as call:
                try:
                    call.sendall(f"{os.waitstatus_to_exitcode(how)}\n".encode())
                except BrokenPipeError:
                    continue  # who asked is gone


def _answer(call: socket.socket, born: dict[int, socket.socket]) -> bool:
    """Fork; return True in the child and False in the warm process."""
    body, files, _, _ = socket.recv_fds(call, 65536, 3)
    while not body.endswith(b"\n") and (more := call.recv(65536)):
        body += more
    asked = json.loads(body)  # whoever hangs up in the middle ends this process, and is told so
    pid = os.fork()
    if pid == 0:
        for each in (call, *born.values()):
            each.close()
        _become(asked, files)
        return True
    for each in files:
        os.close(each)
    born[pid] = call
    call.sendall(f"{pid}\n".encode())
    return False


def _become(asked: dict[str, Any], files: list[int]) -> None:
    """Take on what the asked process is to have."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    sys.stdin = os.fdopen(0, encoding="utf-8")
    sys.stdout = os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1)
    os.chdir(asked["directory"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv[1:] = asked["arguments"]
    for each in list(weakref.finalize._registry):  # type: ignore[attr-defined]
        each.detach()  # what the warm process made, it takes away itself


def _end(act: Callable[[], object]) -> None:
    """Act, and end as Python does, but leave it to the system to give the memory back."""
    code = 1
    try:
        act()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:  # noqa: BLE001 - as Python says what nobody caught
        traceback.print_exc()
    finally:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])

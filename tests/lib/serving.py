"""An application behind a real server, on a thread of this process."""

import fcntl
import itertools
import os
import socket
import tempfile
import threading
from pathlib import Path

import uvicorn

_BELOW_EPHEMERAL = range(12_000, 32_000)
"""Where no outgoing call is given a port by chance (Linux hands out 32768 and above)."""
_turns = itertools.count(os.getpid() * 7919)


_LOCKS = Path(tempfile.gettempdir()) / f"tidegate-ports-{os.getuid()}"


def _is_ours(port: int) -> bool:
    """Take a port for as long as this process lives, unless another process of tests has it.

    Whoever is named a port binds it some time later, and again after a restart: that nobody
    listens there now proves nothing.
    """
    _LOCKS.mkdir(mode=0o700, exist_ok=True)
    lock = os.open(_LOCKS / str(port), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        return False
    return True


def free_port() -> int:
    """Return a port nobody listens on now, and that no process of tests names again soon."""
    for turn in itertools.islice(_turns, len(_BELOW_EPHEMERAL)):
        port = _BELOW_EPHEMERAL[turn % len(_BELOW_EPHEMERAL)]
        if not _is_ours(port):
            continue
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port
    raise AssertionError("every port from 12000 to 31999 is taken")


class Served:
    """Listens on a port of the loopback address from `start` to `stop`.

    uvicorn's own log settings stay out: they change loggers of the whole process, for every test
    that comes after.
    """

    def __init__(self, app, port: int = 0, **more) -> None:
        # With the protocol named, asyncio sets TCP_NODELAY, as it does for sockets of its own.
        self._socket = socket.socket(proto=socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        self.port = self._socket.getsockname()[1]
        said = {"log_config": None, "access_log": False, "lifespan": "off", "ws": "none"}
        self._server = uvicorn.Server(uvicorn.Config(app, **said, **more))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )

    def start(self, seconds: float = 20.0) -> None:
        """Listen; return once calls are answered."""
        self._thread.start()
        ready = threading.Event()
        for _ in range(int(seconds * 100)):
            if self._server.started:
                return
            assert self._thread.is_alive(), "the server did not start"
            ready.wait(0.01)
        raise AssertionError("the server did not start in time")

    def stop(self, *, at_once: bool = False) -> None:
        """Finish what is being answered, unless at once, and close the port."""
        self._server.should_exit, self._server.force_exit = True, at_once
        self._thread.join(timeout=10)
        self._socket.close()

    def __enter__(self) -> "Served":
        self.start()
        return self

    def __exit__(self, *_failure) -> None:
        self.stop()

"""The data behind an EDC: a small HTTP server that gives and takes bytes, and hears callbacks."""

import contextlib
import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from typing import Any

PIECE = 64 * 1024
SLOW_PAUSE = 0.2  # seconds after each piece


class DataServer:
    """Gives `rows` at /data/…, slowly at /slow/…, takes what is sent to /sink/….

    It answers 503 at the sinks in `shut`, and keeps what EDC asked for and what it tells /callback.
    """

    def __init__(self, rows: bytes) -> None:
        self.rows = rows
        self.taken: dict[str, bytes] = {}
        self.heard: list[dict[str, Any]] = []
        self.shut: set[str] = set()
        self.asked: list[str] = []
        self.ended = threading.Event()
        owner = self

        class Handler(BaseHTTPRequestHandler):
            """One request."""

            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Give the rows."""
                self.send_response(200)
                self.send_header("Content-Type", "application/octet-stream")
                self.send_header("Content-Length", str(len(owner.rows)))
                self.end_headers()
                owner.give(self.wfile, self.path)

            def do_POST(self) -> None:
                """Take rows, or hear of an event."""
                self.send_response(owner.take(self.path, self._body()))
                self.send_header("Content-Length", "0")
                self.end_headers()

            do_PUT = do_POST  # noqa: N815 - the name the base class calls

            def _body(self) -> bytes:
                if "chunked" not in self.headers.get("Transfer-Encoding", ""):
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                parts = []
                while size := int(self.rfile.readline().split(b";")[0], 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def give(self, out: BufferedIOBase, path: str) -> None:
        """Write the rows in pieces, at times with pauses; who reads may go away."""
        self.asked.append(path)
        with contextlib.suppress(OSError):
            for start in range(0, len(self.rows), PIECE):
                out.write(self.rows[start : start + PIECE])
                self.ended.wait(SLOW_PAUSE if path.startswith("/slow/") else 0.0)

    def take(self, path: str, body: bytes) -> int:
        """Take what is sent; return the status that answers it."""
        if path in self.shut:
            return 503
        if path.startswith("/sink/"):
            self.taken[path] = self.taken.get(path, b"") + body
        else:
            self.heard.append(json.loads(body))
        return 200

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://localhost:{self._server.server_address[1]}"

    @property
    def digest(self) -> str:
        """The SHA-256 of the rows."""
        return hashlib.sha256(self.rows).hexdigest()

    def started(self, transfer: str) -> dict[str, str]:
        """Return the newest data address of a transfer as EDC told it; empty until it does."""
        for event in reversed(self.heard):
            payload = event.get("payload", {})
            if payload.get("transferProcessId") == transfer and payload.get("dataAddress"):
                properties = payload["dataAddress"]["properties"]
                return {name.rpartition("/")[2]: value for name, value in properties.items()}
        return {}

    def stop(self) -> None:
        """Stop listening."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

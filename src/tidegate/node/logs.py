"""Structured logs: one JSON line an event; names, counts and ids, never a patient's value.

Rooms log with the standard library: a short constant sentence, and what belongs to it in `extra`.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON, with the node's name and what `extra` says.

    Of an exception it keeps the kind and where it arose: its words may hold a patient's value.
    """

    def __init__(self, node: str) -> None:
        super().__init__()
        self._node = node

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")
        line: dict[str, Any] = {
            "event": record.getMessage(),
            "level": record.levelname.lower(),
            "at": at,
            "node": self._node,
        }
        said = vars(record).items()
        line |= {name: value for name, value in said if name not in _STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line |= _failure(record.exc_info[0], record.exc_info[2])
        return json.dumps(line, ensure_ascii=False, default=str)


def configure_logs(node: str, *, level: int = logging.INFO) -> None:
    """Send every log line, ours and the libraries', to standard error as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines(node))
    logging.raiseExceptions = False  # it would show the failure a line was about, in its own words
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("tidegate").setLevel(level)


def _failure(kind: type[BaseException], trace: Any) -> dict[str, str]:
    if trace is None:
        return {"error": kind.__name__}
    while trace.tb_next is not None:
        trace = trace.tb_next
    file = trace.tb_frame.f_code.co_filename.rsplit("/", 1)[-1]
    return {"error": kind.__name__, "where": f"{file}:{trace.tb_lineno}"}

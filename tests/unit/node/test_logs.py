"""A log line is a line of JSON: what happened, with which names; of a failure kind and place."""

import json
import logging
import sys
from io import StringIO

import pytest

from tidegate.node.logs import JsonLines, configure_logs


@pytest.fixture
def logged(monkeypatch):
    """Configure the logs as a serving node does, and read back what was written."""
    root, ours, written = logging.getLogger(), logging.getLogger("tidegate"), StringIO()
    before = root.handlers, root.level, ours.level
    monkeypatch.setattr(logging, "raiseExceptions", True)
    monkeypatch.setattr(sys, "stderr", written)
    configure_logs("did:web:here")
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    root.handlers = before[0]
    root.setLevel(before[1])
    ours.setLevel(before[2])


def test_a_line_says_what_when_where_and_what_belongs_to_it(logged):
    logging.getLogger("tidegate.node").info("answered", extra={"door": "dsp", "status": 200})
    (line,) = logged()
    assert line.pop("at").endswith("Z")
    assert line == {
        "event": "answered",
        "level": "info",
        "node": "did:web:here",
        "door": "dsp",
        "status": 200,
    }


def test_a_failure_is_named_by_kind_and_place_and_never_by_its_words(logged):
    try:
        int("A123456(7) 陳大文")
    except ValueError as problem:
        logging.getLogger("tidegate.node").error("a request failed", exc_info=problem)
        logging.getLogger("tidegate.work").exception("again")
    lines = logged()
    assert [line["error"] for line in lines] == ["ValueError", "ValueError"]
    assert all(line["where"].startswith("test_logs.py:") for line in lines)
    assert "陳大文" not in json.dumps(lines, ensure_ascii=False)


def test_an_exception_that_was_never_raised_has_a_kind_and_no_place():
    record = logging.makeLogRecord({"msg": "x", "exc_info": (ValueError, ValueError("v"), None)})
    line = json.loads(JsonLines("n").format(record))
    assert line["error"] == "ValueError"
    assert "where" not in line


def test_libraries_speak_from_warnings_on(logged):
    logging.getLogger("httpx").info("GET https://somewhere")
    logging.getLogger("uvicorn.error").warning("odd %s", "request")
    assert [line["event"] for line in logged()] == ["odd request"]


def test_a_line_that_cannot_be_written_is_not_shown_with_its_failure(logged, capsys):
    logging.getLogger().handlers[0].stream.close()
    try:
        int("A123456(7)")
    except ValueError as problem:
        logging.getLogger("tidegate.node").error("a request failed", exc_info=problem)
    assert "A123456" not in "".join(capsys.readouterr())

"""Structured logs: one JSON line an event; names, counts and ids, never a patient's value."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog


def configure_logs(node: str, *, level: int = logging.INFO) -> None:
    """Send every log line, ours and the libraries', to standard error as JSON."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        _name_node(node),
        _drop_tracebacks,
    ]
    structlog.configure(
        processors=[*shared, structlog.processors.JSONRenderer(ensure_ascii=False)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            foreign_pre_chain=shared,
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.WARNING)


def _name_node(node: str) -> Any:
    def add(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Any:
        line["node"] = node
        return line

    return add


def _drop_tracebacks(_logger: object, _method: str, line: MutableMapping[str, Any]) -> Any:
    """Keep the kind of an exception and where it arose; its words may hold a patient's value."""
    failure = line.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()
    if isinstance(failure, BaseException):
        failure = (type(failure), failure, failure.__traceback__)
    if isinstance(failure, tuple) and failure[0] is not None:
        line["error"] = failure[0].__name__
        trace = failure[2]
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        if trace is not None:
            code = trace.tb_frame.f_code
            line["where"] = f"{code.co_filename.rsplit('/', 1)[-1]}:{trace.tb_lineno}"
    return line

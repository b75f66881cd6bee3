"""The description of the management API, written from the table of operations (OpenAPI 3.1)."""

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.responses import Response

from tidegate.api.kit import PREFIX, STATUS, Operation, Problem

_PART = re.compile(r"{(\w+)(?::\w+)?}")


def describe(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of `operations`."""
    listed = tuple(operations)
    types = [kind for each in listed for kind in (each.takes, each.gives) if _is_type(kind)]
    schemas, components = msgspec.json.schema_components(
        [*types, Problem],
        ref_template="#/components/schemas/{name}",
        schema_hook=_anything,
    )
    named = dict(zip(map(repr, [*types, Problem]), schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for each in listed:
        path = PREFIX + _PART.sub(r"{\1}", each.path)
        paths.setdefault(path, {})[each.method.lower()] = _operation(each, named)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tidegate management API", "version": version},
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"person": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(each: Operation, named: dict[str, Any]) -> dict[str, Any]:
    refusals = {
        str(status): {
            "description": kind.__name__.removesuffix("Error"),
            "content": {"application/json": {"schema": named[repr(Problem)]}},
        }
        for kind, status in STATUS.items()
    }
    success: dict[str, Any] = {"description": each.summary or "Done."}
    if _is_type(each.gives):
        success["content"] = {"application/json": {"schema": named[repr(each.gives)]}}
    document: dict[str, Any] = {
        "operationId": each.handler.__name__,
        "summary": each.summary,
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in _PART.findall(each.path)
        ],
        "responses": {str(each.status if each.gives else 204): success, **refusals},
        "security": [] if each.public else [{"person": []}],
    }
    if _is_type(each.takes):
        schema = named[repr(each.takes)]
        document["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema}},
        }
    return document


def _anything(_kind: Any) -> dict[str, Any]:
    """Describe a value that has a form of its own, such as an ODRL document."""
    return {"description": "A document with a form of its own."}


def _is_type(kind: Any) -> bool:
    return kind is not None and kind not in {object, Any, Response}

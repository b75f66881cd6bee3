"""The description of the management API: whole, and valid OpenAPI 3.1."""

import json
import re

import pytest

from tidegate.api.openapi import describe
from tidegate.node.doors import OPERATIONS

PART = re.compile(r"{(\w+)(?::\w+)?}")


@pytest.fixture(scope="module")
def document():
    return json.loads(json.dumps(describe(OPERATIONS, "1.2.3")))


def operations(document):
    return [one for path in document["paths"].values() for one in path.values()]


@pytest.mark.parametrize("each", OPERATIONS, ids=lambda one: f"{one.method} {one.path}")
def test_every_operation_is_described(document, each):
    path = "/api/v1" + PART.sub(r"{\1}", each.path)

    told = document["paths"][path][each.method.lower()]

    assert each.summary == told["summary"]
    assert set(PART.findall(each.path)) == {one["name"] for one in told["parameters"]}
    assert ([] if each.public else [{"person": []}]) == told["security"]


def test_nothing_else_is_described(document):
    assert len(OPERATIONS) == len(operations(document))


def test_operations_have_names_of_their_own(document):
    names = [one["operationId"] for one in operations(document)]

    assert [] == sorted({name for name in names if names.count(name) > 1})


def test_every_operation_has_a_summary():
    assert [] == [f"{one.method} {one.path}" for one in OPERATIONS if not one.summary]


def test_no_two_operations_share_an_address():
    addresses = [(one.method, PART.sub("{}", one.path)) for one in OPERATIONS]

    assert len(addresses) == len(set(addresses))


def test_every_reference_leads_somewhere(document):
    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    found = set(re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)))

    assert set() == found - known


def test_every_refusal_is_described(document):
    for one in operations(document):
        assert {"400", "403", "404", "409", "500", "503"} <= set(one["responses"])


def test_the_schemas_are_valid_json_schema(document):
    import jsonschema_rs

    for name, schema in document["components"]["schemas"].items():
        jsonschema_rs.Draft202012Validator(
            {"$defs": relative(document["components"]["schemas"]), **relative(schema)}
        )
        assert isinstance(schema, dict), name


def relative(schema):
    return json.loads(json.dumps(schema).replace("#/components/schemas/", "#/$defs/"))

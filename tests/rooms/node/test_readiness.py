"""A node that cannot write says that it is not ready; nothing changes a schema under it."""

import asyncio

import httpx
import pytest

from lib.nodes import make_home
from tidegate.cli.app import main
from tidegate.node.build import open_node
from tidegate.node.lock import home_held
from tidegate.node.server import make_app

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("ready") / "node")


@pytest.fixture(scope="module")
def node(home):
    with open_node(home) as opened:
        yield opened


def readiness(node, **options) -> httpx.Response:
    async def ask() -> httpx.Response:
        wire = httpx.ASGITransport(make_app(node, **options))
        async with httpx.AsyncClient(transport=wire, base_url="http://node") as client:
            return await client.get("/health/ready")

    return asyncio.run(ask())


def test_a_node_that_can_write_is_ready(node):
    answer = readiness(node)

    assert 200 == answer.status_code
    assert answer.json()["ready"] is True


def test_a_full_disk_is_not_ready(node, monkeypatch):
    monkeypatch.setattr("tidegate.node.disk.LEAST_FREE", 1 << 62)

    answer = readiness(node)

    assert 503 == answer.status_code
    assert "make room" in answer.text


def test_a_home_that_may_not_be_written_is_not_ready(node, monkeypatch):
    monkeypatch.setattr("tidegate.node.disk.os.access", lambda _place, _mode: False)

    assert 503 == readiness(node).status_code


def test_a_node_that_stops_is_not_ready(node):
    assert 503 == readiness(node, is_stopping=lambda: True).status_code


def test_no_schema_is_changed_under_a_serving_node(home, capsys):
    with home_held(home), pytest.raises(SystemExit) as ended:
        main(["migrate", "--home", str(home)])

    assert 6 == ended.value.code
    assert "stop it first" in capsys.readouterr().err

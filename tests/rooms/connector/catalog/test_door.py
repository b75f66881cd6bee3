"""The catalogue over HTTP: packed for those who ask for it from elsewhere."""

import asyncio
import json

import httpx
import pytest
from starlette.applications import Starlette

from lib.dsp_nodes import FACULTY, HOSPITAL, make_pair
from tidegate.api import dsp
from tidegate.connector.messages.compose import document


@pytest.fixture
def hospital(tmp_path, monkeypatch):
    monkeypatch.setattr(dsp, "WORTH_PACKING", 500)
    hospital, faculty = make_pair(tmp_path)
    hospital.publish()
    yield hospital
    hospital.ground.close()
    faculty.ground.close()


def ask(hospital, accepted, host="203.0.113.9"):
    async def asked():
        wire = httpx.ASGITransport(Starlette(routes=dsp.routes(hospital)), client=(host, 1))
        async with httpx.AsyncClient(transport=wire, base_url=hospital.base) as client:
            return await client.post(
                "/dsp/2025-1/catalog/request",
                json=document("CatalogRequestMessage"),
                headers={
                    "Authorization": f"Bearer {FACULTY}>{HOSPITAL}",
                    "Accept-Encoding": accepted,
                },
            )

    return asyncio.run(asked())


def test_a_page_is_packed_when_asked_for_and_says_the_same(hospital):
    packed, plain = ask(hospital, "br, gzip"), ask(hospital, "identity")
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "Accept-Encoding"
    assert int(packed.headers["content-length"]) < int(plain.headers["content-length"])
    assert packed.json() == plain.json() == json.loads(plain.content)
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(("accepted", "host"), [("gzip;q=0", "203.0.113.9"), ("gzip", "127.0.0.1")])
def test_it_is_not_packed_for_who_takes_none_or_is_near(hospital, accepted, host):
    assert "content-encoding" not in ask(hospital, accepted, host).headers


def test_a_small_answer_is_not_packed(hospital, monkeypatch):
    monkeypatch.setattr(dsp, "WORTH_PACKING", 10**6)
    assert "content-encoding" not in ask(hospital, "gzip").headers

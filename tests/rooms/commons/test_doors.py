"""The commons through its API and the SDK: one life of a version, files streamed in."""

from functools import partial
from types import SimpleNamespace

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from rooms.commons.commons_world import COMMITTEE, STEWARD, people_csv, visits_csv
from tidegate.access.errors import TokenRefusedError
from tidegate.access.model import Actor, Role
from tidegate.api import commons as doors
from tidegate.api import kit
from tidegate_client.commons import Commons
from tidegate_client.errors import NodeError
from tidegate_client.transport import Transport

RESEARCHER = Actor("person:per_rex", "Rex", frozenset({Role.RESEARCHER, Role.CLINICIAN}))
TOKENS = {"ada": STEWARD, "bo": COMMITTEE, "rex": RESEARCHER}


class InProcess(httpx.BaseTransport):
    """Hands each request to the app in this process, in pieces as they come."""

    def __init__(self, app):
        self._app = httpx.ASGITransport(app)

    def handle_request(self, request):
        pieces = list(request.stream)

        async def body():
            for piece in pieces:
                yield piece

        async def answer():
            async with httpx.AsyncClient(transport=self._app) as client:
                response = await client.request(
                    request.method, request.url, headers=request.headers, content=body()
                )
                return httpx.Response(
                    response.status_code, headers=response.headers, content=response.content
                )

        return anyio.run(answer)


class Tokens:
    """Knows three tokens."""

    def actor_for_token(self, token):
        if token not in TOKENS:
            raise TokenRefusedError("No such token.")
        return TOKENS[token]


@pytest.fixture
def app(commons):
    house = SimpleNamespace(
        access=Tokens(),
        acquisition=commons.acquisition,
        classification=commons.classification,
        deidentification=commons.deidentification,
        holdings=commons.holdings,
        destruction=commons.destruction,
    )
    app = Starlette(routes=[*doors.routes(house), *kit.routes(house, doors.OPERATIONS)])
    app.state.house = house
    return app


@pytest.fixture
def people(app):
    with httpx.Client(transport=InProcess(app)) as http:
        yield {
            token: Commons(Transport("http://testserver", token, http=http))
            for token in (*TOKENS, "nobody")
        }


@pytest.fixture
def files(tmp_path):
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "people.csv").write_text(people_csv(200))
    (folder / "visits.csv").write_text(visits_csv(200))
    return [folder / "people.csv", folder / "visits.csv"]


def test_a_version_lives_and_ends_through_the_sdk(people, files):
    ada, bo = people["ada"], people["bo"]
    report = ada.acquire(*files, title="Liver cohort", roles=("bmi=measure",))
    version = report.version
    assert (800, 800, 0) == (report.received, report.accepted, report.quarantined)
    assert ada.risk_report(version) is None

    said = {"cn_class": "general", "level": 3, "personal": True, "sensitive": True}
    said |= {"basis": "consent", "important_status": "checked_not_notified"}
    ada.propose_classification(version, **said)
    read = bo.classification(version).proposal
    assert COMMITTEE.id == bo.approve_classification(version, read).approved_by
    written = ada.deidentify(version, "prj_liver", {"k": 12})
    assert written == ada.risk_report(version)
    assert COMMITTEE.id == bo.sign_risk_report(version, written.id).signed_by
    assert "stored" == ada.store(version).stage
    assert ada.check_fixity(version)
    assert "suspended" == ada.move_aside(version, "suspend", "audit").stage
    assert "stored" == ada.move_aside(version, "resume").stage
    assert "archived" == ada.archive(version).stage
    assert "requested" == ada.request_destruction(version, "over").state
    certificate = bo.approve_destruction(version)

    assert (certificate,) == ada.certificates(f"version:{version}")
    assert "destroyed" == ada.holding(version).stage
    assert [version] == [holding.version_id for holding in ada.holdings()]
    assert () == ada.derived(source=version)


def test_an_upload_is_streamed_into_the_vault_and_never_lies_in_the_clear(people, files, commons):
    uploaded = people["ada"].upload(files[0])

    assert (files[0].name, files[0].stat().st_size) == (uploaded.name, uploaded.bytes)
    assert b"Chan Tai Man" not in commons.raw_bytes()


def test_nobody_uploads_without_a_token_or_the_role(people, files):
    for token, status in (("nobody", 401), ("bo", 403)):
        with pytest.raises(NodeError) as refusal:
            people[token].upload(files[0])
        assert status == refusal.value.status


def test_a_refusal_reaches_the_caller_with_its_code(people, files):
    with pytest.raises(NodeError) as refusal:
        people["ada"].acquire(*files, title="")

    assert ("title_missing", 400) == (refusal.value.code, refusal.value.status)


def test_what_is_kept_and_how_is_for_those_who_keep_or_check_it(people, files):
    version = people["ada"].acquire(*files, title="Liver cohort").version
    rex = people["rex"]
    for ask in (
        rex.holdings,
        rex.certificates,
        rex.derived,
        lambda: rex.holding(version),
        lambda: rex.risk_report(version),
        lambda: rex.check_fixity(version),
    ):
        with pytest.raises(NodeError) as refusal:
            ask()
        assert 403 == refusal.value.status

    assert people["bo"].holding(version).version_id == version


def test_a_sender_who_falls_silent_is_sent_away_and_leaves_nothing(app, commons, monkeypatch):
    monkeypatch.setattr(doors, "PATIENCE", 0.05)

    async def silent():
        yield b"id,age\n"
        await anyio.sleep(600)
        yield b"1,50\n"

    async def upload():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app)) as client:
            headers = {"Authorization": "Bearer ada"}
            address = "http://node/api/v1/uploads/people.csv"
            return await client.put(address, headers=headers, content=silent())

    before = set(commons.vault.keys.names())
    answer = anyio.run(upload)

    assert (503, "upload_stalled") == (answer.status_code, answer.json()["code"])
    assert before == set(commons.vault.keys.names())


def test_slow_uploads_leave_the_node_its_other_threads(app, people):
    async def silent():
        yield b"id,age\n"
        await anyio.sleep(600)

    async def flood():
        headers = {"Authorization": "Bearer ada"}
        transport = httpx.ASGITransport(app)
        async with (
            httpx.AsyncClient(transport=transport, base_url="http://node") as client,
            anyio.create_task_group() as senders,
        ):
            for number in range(45):
                path = f"/api/v1/uploads/s{number}.csv"
                senders.start_soon(partial(client.put, path, headers=headers, content=silent()))
            await anyio.sleep(0.2)
            with anyio.fail_after(60):
                answer = await client.get("/api/v1/holdings", headers=headers)
            senders.cancel_scope.cancel()
            return answer.status_code

    assert people["ada"]
    assert 200 == anyio.run(flood)

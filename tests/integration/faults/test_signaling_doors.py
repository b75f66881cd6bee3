"""Every door of Data Plane Signaling, knocked at by those who may not, and with what is no message.

The doors, the room, its registry, its judge and the plane inside are the product's.
"""

import io
import json
from types import SimpleNamespace

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from lib.dps_hosting import STEWARD, US, StillPlane, World
from lib.dps_peer import Signer, address
from lib.hostile import Hostile
from lib.mutations import bodies
from lib.space_world import Wire
from tidegate.api import signaling
from tidegate.commons.model import Parcel
from tidegate.commons.vault.model import StoredObject
from tidegate.connector.dataplane.desk import PlaneDesk
from tidegate.connector.dataplane.model import DataFlowState as S
from tidegate.connector.dataplane.service import HttpPlane
from tidegate.connector.http.model import HttpSettings
from tidegate.connector.http.service import PeerHttp
from tidegate.connector.signaling.model import PROFILE_PUSH, PlaneKind
from tidegate.kernel.ids import secret_token

pytestmark = pytest.mark.slow
BASE = "http://localhost:7009/dps/v1"
DATA_DOORS = [
    ("POST", f"/transfers/{{pid}}/dataflow/{what}")
    for what in ("prepared", "started", "completed", "errored")
] + [("GET", "/transfers/{pid}/agreement")]
CONTROL_DOORS = [
    ("POST", "/dataflows/prepare"),
    ("POST", "/dataflows/start"),
    *(
        ("POST", f"/dataflows/{{pid}}/{what}")
        for what in ("started", "suspend", "resume", "terminate", "completed")
    ),
    ("GET", "/dataflows/{pid}/status"),
]
ABOUT_FLOWS = [one for one in (*CONTROL_DOORS, *DATA_DOORS) if "{pid}" in one[1]]
WITH_BODY = [
    path
    for method, path in (*CONTROL_DOORS, *DATA_DOORS)
    if method == "POST" and path != "/dataflows/{pid}/completed"
]
OFTEN = settings(
    max_examples=20, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip


class Rows:
    """One parcel of eight bytes that may leave; nothing arrives."""

    def parcel_for(self, version_id, agreement_id):
        stored = StoredObject("par_1/rows", "par_1", 8, 24, "0" * 64)
        kind = "application/zip"
        return Parcel("par_1", agreement_id, version_id, "rows.zip", kind, "0" * 64, stored, "")

    def open_parcel(self, parcel):
        return io.BytesIO(b"the rows")

    def new_arrival(self):
        return "arr_1"

    def open_arrival(self, arrival_id):
        return SimpleNamespace(size=0)

    def find_arrival(self, arrival_id):
        return None

    def drop_arrival(self, arrival_id):
        """Destroy nothing."""


def guarded(world):
    """Return the product's own plane, as strict about addresses as one that serves."""
    ground = world.ground
    return HttpPlane(
        PlaneDesk(
            journal=ground.journal, clock=ground.clock, ids=ground.ids, keys=ground.keys,
            http=PeerHttp(HttpSettings()), courier=None, rows=Rows(), control=lambda: world.room,
            doors="https://us.example.org/rows", token=secret_token,
        )
    )  # fmt: skip


class Doors:
    """The doors of a node with a flow behind each kind of them."""

    def __init__(self, folder, plane=lambda _world: StillPlane()):
        self.world = world = World(folder, plane)
        self.data = self.plane(PlaneKind.DATA, "dp")
        self.signer = Signer("key-1")
        world.room.register(
            world.asked(
                "signed", auth="oauth2_client_credentials", client_id="node",
                token_endpoint="https://token.example.org", jwks={"keys": [self.signer.jwk]},
            ),
            by=STEWARD,
        )  # fmt: skip
        wire = Wire()
        routes = signaling.routes(SimpleNamespace(signaling=world.room))
        wire.apps["localhost:7009"] = Starlette(routes=routes)
        self.client = httpx.Client(transport=wire)

    def plane(self, kind, name):
        more = {"profiles": ("https://example.org/x",)} if kind is PlaneKind.DATA else {}
        done = self.world.room.register(self.world.asked(name, kind=kind, **more), by=STEWARD)
        return f"Bearer {done.token}"

    def knock(self, method, path, token, content=b"{}", pid="flow_none", **headers):
        headers |= {} if token is None else {"authorization": token}
        return self.client.request(
            method, BASE + path.replace("{pid}", pid), headers=headers,
            content=content if method == "POST" else None,
        )  # fmt: skip

    def standing(self):
        """Return everything that is kept of planes and flows."""
        room = self.world.room
        flows = room.list_flows(by=STEWARD, limit=10_000)
        return room.list_planes(by=STEWARD), flows, tuple(self.world.control.told)

    def close(self):
        self.client.close()
        self.world.close()


@pytest.fixture(scope="module")
def doors(tmp_path_factory):
    made = Doors(tmp_path_factory.mktemp("doors"))
    made.flow = made.world.starts("p1")
    made.world.remote("urn:uuid:mine")
    yield made
    made.close()


# --- who may not


def _now(doors):
    return int(doors.world.ground.clock.now().timestamp())


def _claims(doors, **changes):
    now = _now(doors)
    said = {"iss": "signed", "sub": "signed", "aud": US, "iat": now, "exp": now + 60} | changes
    return {name: value for name, value in said.items() if value is not None}


def _removed(doors, kind):
    token = doors.plane(kind, "gone")
    doors.world.room.remove(kind, "gone", by=STEWARD)
    return token


def _replaced(doors, kind):
    token = doors.plane(kind, "turned")
    doors.plane(kind, "turned")
    return token


BAD = {
    "none at all": lambda _d, _k: None,
    "another scheme": lambda _d, _k: "Basic a2l0OmtpdA==",
    "nothing after the scheme": lambda _d, _k: "Bearer ",
    "no token": lambda _d, _k: "Bearer x",
    "dots alone": lambda _d, _k: "Bearer ..",
    "no JSON in a token": lambda _d, _k: "Bearer a.b.c",
    "absurdly long": lambda _d, _k: "Bearer " + "a" * 60_000,
    "a digest instead of its token": lambda d, _k: (
        "Bearer " + d.world.registry.authenticate(PlaneKind.CONTROL, d.world.token).digest
    ),
    "of the other half": lambda d, k: d.data if k is PlaneKind.CONTROL else d.world.token,
    "of a plane that was removed": _removed,
    "of a registration that was replaced": _replaced,
    "expired": lambda d, _k: f"Bearer {d.signer.sign(**_claims(d, exp=_now(d) - 1))}",
    "not valid yet": lambda d, _k: f"Bearer {d.signer.sign(**_claims(d, iat=_now(d) + 60))}",
    "valid for a day": lambda d, _k: f"Bearer {d.signer.sign(**_claims(d, exp=_now(d) + 86400))}",
    "for another node": lambda d, _k: f"Bearer {d.signer.sign(**_claims(d, aud='did:web:x'))}",
    "of another plane": lambda d, _k: f"Bearer {d.signer.sign(**_claims(d, sub='cp'))}",
    "without an id": lambda d, _k: f"Bearer {d.signer.sign(**_claims(d), jti='')}",
    "by another key": lambda d, _k: f"Bearer {Signer('key-1').sign(**_claims(d))}",
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("kind", PlaneKind)
def test_no_door_opens_to_a_bad_token(doors, name, kind):
    token = BAD[name](doors, kind)
    before = doors.standing()

    for method, path in CONTROL_DOORS if kind is PlaneKind.CONTROL else DATA_DOORS:
        answer = doors.knock(method, path, token, pid=doors.flow.id)

        assert (401, path) == (answer.status_code, path)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.json()["code"]
    assert before == doors.standing()


def test_a_signed_token_opens_one_door_once(doors):
    token = f"Bearer {doors.signer.sign(**_claims(doors))}"

    found = [doors.knock("GET", "/dataflows/{pid}/status", token).status_code for _ in range(3)]

    assert found == [404, 401, 401]


@pytest.mark.parametrize(("method", "path"), ABOUT_FLOWS)
def test_flows_of_other_planes_are_as_unknown_as_those_of_nobody(doors, method, path):
    kind = PlaneKind.DATA if path.startswith("/transfers") else PlaneKind.CONTROL
    other, before = doors.plane(kind, "other"), doors.standing()
    body = json.dumps(_valid(doors, path)).encode()
    theirs = {"/transfers": "urn:uuid:mine"}.get(path[:10], doors.flow.id)

    answers = [doors.knock(method, path, other, body, pid) for pid in (theirs, "p1", "flow_none")]

    assert [one.status_code for one in answers] == [404, 404, 404]
    assert len({one.text for one in answers}) == 1
    assert before == doors.standing()


# --- what is no message


def _valid(doors, path, process="p2"):
    """Return a message that a door takes, where its flow stands right."""
    what = path.rpartition("/")[2]
    if path in {"/dataflows/prepare", "/dataflows/start"}:
        profile = {"profile": PROFILE_PUSH} if what == "prepare" else {}
        return doors.world.message(process, **profile)
    if path.startswith("/transfers"):
        state = {"errored": "STARTED"}.get(what, what.upper())
        where = address("https://plane.example.org/d", authorization="a", authType="bearer")
        return {"messageId": "m", "dataFlowId": "d", "state": state, "dataAddress": where,
                "error": "No room."}  # fmt: skip
    return {"messageId": "m", "reason": "A pause."}


def _opened(doors, path):
    """Return a flow that stands where this door expects it, and the token of its plane."""
    world, what = doors.world, path.rpartition("/")[2]
    name = world.ground.ids.new("p")
    if path.startswith("/transfers"):
        state = S.STARTED if what == "completed" else S.PREPARING
        return world.remote(f"urn:uuid:{name}", state=state).id, doors.data
    if what == "started":
        said = world.message(name, profile=PROFILE_PUSH, agreementId="agr_c")
        return world.room.prepare(world.token, said).flow.id, world.token
    flow = world.starts(name)
    if what == "resume":
        world.signal(flow, "suspend")
    return flow.id, world.token


@pytest.mark.parametrize("path", WITH_BODY)
@given(data=st.data())
@OFTEN
def test_a_near_message_is_taken_or_refused_in_words_and_leaves_nothing(doors, path, data):
    pid, token = _opened(doors, path) if "{pid}" in path else ("", doors.world.token)
    process = doors.world.ground.ids.new("p")
    doors.world.signed(process)
    raw = data.draw(bodies(_valid(doors, path, process)))
    before = doors.standing()

    answer = doors.knock("POST", path, token, raw, pid)

    if answer.is_success:
        return
    assert answer.status_code in {400, 403, 404, 409}, answer.text
    assert {"code", "message"} <= set(answer.json())
    assert before == doors.standing()


HUGE = b'{"messageId": "' + b"x" * (1024 * 1024) + b'"}'
DEEP = b'{"messageId": ' + b"[" * 50_000 + b"]" * 50_000 + b"}"


@pytest.mark.parametrize("path", WITH_BODY)
@pytest.mark.parametrize(
    ("raw", "kind", "statuses"),
    [
        (HUGE, "application/json", {413}),
        (DEEP, "application/json", {400}),
        (b"", "application/json", {400}),
        (b"\xff\xfe", "application/json", {400}),
        (b"a=1&messageId=m", "application/x-www-form-urlencoded", {400}),
        (b"<m messageId='m'/>", "application/xml", {400}),
        (b'{"messageId": "m", "messageId": "n"}', "application/json", {400}),
        (b'["messageId"]', "text/plain", {400}),
    ],
    ids=["huge", "deep", "empty", "no text", "form", "xml", "twice", "list"],
)  # fmt: skip
def test_what_is_no_message_is_refused_before_anything_else(doors, path, raw, kind, statuses):
    pid, token = _opened(doors, path) if "{pid}" in path else ("", doors.world.token)
    before = doors.standing()

    answer = doors.knock("POST", path, token, raw, pid, **{"content-type": kind})

    assert answer.status_code in statuses
    assert before == doors.standing()


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"", 400),
        (b"\xff", 400),
        (b'{"grant_type": "refresh_token"}', 400),
        (b"grant_type=refresh_token", 400),
        (b"grant_type=refresh_token&refresh_token=" + b"%00" * 10, 400),
        (b"grant_type=refresh_token&refresh_token=a&refresh_token=b", 400),
        (b"&".join(b"a%d=1" % one for one in range(100)), 400),
        (b"x" * (16 * 1024 + 1), 413),
    ],
)
def test_what_is_no_request_for_a_token_gets_none(doors, raw, status):
    answer = doors.knock("POST", "/token", "Bearer x", raw)

    assert answer.status_code == status
    if status == 400:
        assert answer.json()["error"] in {"unsupported_grant_type", "invalid_grant"}


@given(form=st.dictionaries(st.text(max_size=30), st.text(max_size=60), max_size=5))
@OFTEN
def test_no_form_gets_a_token_that_was_not_given(doors, form):
    answer = doors.client.post(f"{BASE}/token", data={"grant_type": "refresh_token"} | form)

    assert answer.status_code == 400


# --- addresses inside the network


INSIDE = (
    "https://127.0.0.1:PORT/d", "https://localhost:PORT/d", "https://LOCALHOST.:PORT/d",
    "https://[::1]:PORT/d", "https://[::ffff:127.0.0.1]:PORT/d", "https://0.0.0.0:PORT/",
    "https://2130706433:PORT/", "https://0x7f.1:PORT/", "https://127.1:PORT/",
    "https://user@127.0.0.1:PORT/", "http://127.0.0.1:PORT/", "https://10.0.0.7/d",
    "https://169.254.169.254/latest/meta-data", "https://192.168.1.1/", "https://172.16.0.1/",
    "https://[fd00::1]/",
)  # fmt: skip


@pytest.fixture(scope="module")
def inside(tmp_path_factory):
    made = Doors(tmp_path_factory.mktemp("inside"), guarded)
    made.trap = Hostile("answers nothing")
    yield made
    made.trap.close()
    made.close()


def gave_up(inside, flow):
    """Let the plane do its work; it must end with a reason, and nobody inside was called."""
    world, plane = inside.world, inside.world.plane
    world.ground.run_tasks(
        signaling__go=world.room.go, dataplane__send=plane.send, dataplane__fetch=plane.fetch
    )
    kept = next(one for one in world.room.list_flows(by=STEWARD) if one.id == flow)
    assert kept.error
    assert inside.trap.calls == 0


@pytest.mark.parametrize("where", INSIDE)
def test_no_push_is_sent_inside_the_network(inside, where):
    process = inside.world.ground.ids.new("p")
    inside.world.signed(process)
    said = inside.world.message(process, profile=PROFILE_PUSH)
    where = where.replace("PORT", str(inside.trap.port))
    said["dataAddress"] = address(where, PROFILE_PUSH, authorization="a", authType="bearer")

    answer = inside.knock("POST", "/dataflows/start", inside.world.token, json.dumps(said).encode())

    if answer.status_code == 200:
        gave_up(inside, answer.json()["dataFlowId"])
    else:
        assert answer.status_code in {400, 403}
    assert inside.trap.calls == 0


@pytest.mark.parametrize("where", INSIDE)
def test_nothing_is_fetched_inside_the_network(inside, where):
    world = inside.world
    process = world.ground.ids.new("p")
    flow = world.room.prepare(world.token, world.message(process, agreementId="agr_c")).flow
    where = where.replace("PORT", str(inside.trap.port))
    said = {"messageId": "m", "dataAddress": address(where, authorization="a", authType="bearer")}

    answer = inside.knock(
        "POST", "/dataflows/{pid}/started", world.token, json.dumps(said).encode(), flow.id
    )

    if answer.status_code == 200:
        gave_up(inside, flow.id)
    else:
        assert answer.status_code in {400, 403}
    assert inside.trap.calls == 0


# --- names that are addresses


@given(process=st.text(min_size=1, max_size=60))
@OFTEN
def test_a_process_of_any_name_is_asked_about_at_one_place(doors, process):
    world = doors.world
    world.wire.calls.clear()

    answer = doors.knock(
        "POST", "/dataflows/start", world.token,
        json.dumps(world.message(process, agreementId=world.ground.ids.new("agr"))).encode(),
    )  # fmt: skip

    assert answer.status_code in {400, 403}
    for method, url, _ in world.wire.calls:
        path = httpx.URL(url).raw_path.decode()
        assert (method, path.count("/"), path.rpartition("/")[2]) == ("GET", 4, "agreement")
        assert httpx.URL(url).host == "connector.example.org"

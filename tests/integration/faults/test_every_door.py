"""Every door for machines of a whole node: found from its routes, each tried with hostile input.

A door added anywhere is knocked at here by itself; one that reads a body has to be named below,
with where its parser is fed near-valid messages, else the first test fails.
"""

import re
import string
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import SimpleNamespace
from urllib.parse import urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette

from integration.faults import test_fuzzed_messages as messages
from lib.dps_peer import dps_bench
from lib.dsp_live import wait_for
from lib.lab_world import REF, Provider
from lib.mutations import bodies
from lib.nodes import make_home
from lib.rows_live import RowsNode
from lib.serving import Served, free_port
from lib.space_world import Wire
from tidegate.access.model import Actor, Role
from tidegate.api import visit
from tidegate.connector.dataplane.model import HTTP_PUSH
from tidegate.connector.messages.wire import BASE_PATH as DSP_BASE
from tidegate.connector.signaling.model import BASE_PATH as DPS_BASE
from tidegate.connector.signaling.model import Manners
from tidegate.kernel.clock import iso
from tidegate.lab.query import model as q
from tidegate.lab.query.wire import write_query
from tidegate.node.build import open_node
from tidegate.node.doors import OPERATIONS, Door, web_settings
from tidegate.node.server import make_app
from tidegate.web import app as web
from tidegate_tck import dps as dps_profile

pytestmark = pytest.mark.slow
OFTEN = settings(
    max_examples=40, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
MANAGEMENT = {(each.method, "/api/v1" + each.path) for each in OPERATIONS}
FLOW_WORDS = ("started", "suspend", "resume", "terminate")
CALLBACKS = ("prepared", "started", "completed", "errored")
VISIT = "/visit/{transfer_pid}/queries"

SIGNALING = {
    *(f"{DPS_BASE}/dataflows/{word}" for word in ("prepare", "start")),
    *(f"{DPS_BASE}/dataflows/{{id}}/{word}" for word in FLOW_WORDS),
    *(f"{DPS_BASE}/transfers/{{process}}/dataflow/{word}" for word in CALLBACKS),
}
FORMS = {f"{DPS_BASE}/token", "/dcp/sts/token"}
DATA = {"/rows/{pid}"}
BODILESS = {
    f"{DPS_BASE}/dataflows/{{id}}/completed",
    f"{VISIT}/{{query_id}}/withdraw",
    f"{DSP_BASE}/transfers/{{pid}}/renewal",
}
FILES = {"/api/v1/uploads/{name}"}  # content of any kind, for people with a token
FUZZED = {
    *(DSP_BASE + path for path in messages.TAKEN),  # in test_fuzzed_messages, as the next
    *messages.OTHERS,
    *SIGNALING,
    *FORMS,
    *DATA,
    *FILES,
    VISIT,
}


@pytest.fixture(scope="module")
def dps(tmp_path_factory):
    make_profile = partial(dps_profile.profile, manners=Manners())
    with dps_bench(tmp_path_factory.mktemp("doors"), make_profile) as one:
        yield one


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Serve a node as it is, without a space; yield it with a client of its address."""
    home = make_home(tmp_path_factory.mktemp("whole") / "node")
    with open_node(home) as node, Served(make_app(node)) as served:
        address = f"http://127.0.0.1:{served.port}"
        with httpx.Client(base_url=address, timeout=20) as client:
            yield SimpleNamespace(node=node, client=client)


@pytest.fixture(scope="module")
def doors(whole) -> list[tuple[str, str]]:
    """Return (method, path) of every door that is neither of management nor a page."""
    pages = {one.path for one in web.routes(whole.node.house, web_settings(whole.node))}
    found = {
        (method, one.path.rstrip("/") or "/")
        for door in make_app(whole.node).routes
        for one in (door.routes if isinstance(door, Door) else [door])
        for method in one.methods or ()
        if one.path not in pages
    }
    return sorted(found - MANAGEMENT - {("GET", "/api/v1/openapi.json")} - _heads(found))


def _heads(found):
    """Return the HEAD that comes with every GET by itself."""
    return {one for one in found if one[0] == "HEAD" and ("GET", one[1]) in found}


def test_no_door_reads_what_nobody_has_broken(doors):
    reading = {path for method, path in doors if method in {"POST", "PUT", "PATCH"}}

    assert len(doors) > 50
    assert set() == reading - FUZZED - BODILESS
    assert set() == (FUZZED | BODILESS) - reading


HOSTILE = [
    "..%2f..%2fetc%2fpasswd", "%00", "%0d%0ax-a:b", "%F0%9F%92%A9", "%FF%FE", "a" * 3000, "1;x",
    "'%20OR%201=1--", "-1", "9" * 400, "urn:uuid:00000000-0000-4000-8000-000000000000", "%C2%B2",
]  # fmt: skip
BODIES = [b"", b"[" * 200_000, b"\xff\xfe\x00", b'{"a":', b"null", b"1e999999", b'{"\\ud800": 1}']
HEADERS = [
    {"content-type": "text/html"}, {"content-type": "application/json; charset=utf-16"},
    {"content-encoding": "gzip"}, {"authorization": "Bearer " + "a." * 30_000},
    {"authorization": "Bearer \xb2"}, {"range": "bytes=-"}, {"x-forwarded-for": "127.0.0.1"},
]  # fmt: skip


def test_every_door_answers_hostile_calls_in_type(whole, doors):
    """Whoever calls has no token: nothing but a typed refusal, or what is open to all."""
    for method, path in doors:
        for name in HOSTILE:
            check_typed(whole.client.request(method, address(path, name)))
        if "{" not in path:
            for odd in ("?first=\u00b2&second=-1&position=1e9", "?cursor=%00", "?" + "a=1&" * 500):
                check_typed(whole.client.request(method, path + odd))
        if method != "GET":
            for body in BODIES:
                check_typed(whole.client.request(method, address(path, "x"), content=body))
        for headers in HEADERS:
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            check_typed(whole.client.request(method, address(path, "x"), headers=raw))


def address(path: str, name: str) -> str:
    return re.sub(r"{\w+(:\w+)?}", lambda _part: name, path)


def check_typed(answer: httpx.Response) -> None:
    said = (answer.request.method, str(answer.url)[:200], answer.status_code, answer.text[:300])
    assert answer.status_code < 500 or answer.status_code in {501, 503}, said
    if answer.status_code < 300 or answer.request.method == "HEAD" or _no_route(answer):
        return
    check_refusal(answer)


def _no_route(answer) -> bool:
    """Tell whether the address was no door's any more: a slash in a name ends it."""
    if answer.status_code not in {404, 405}:
        return False
    kind = answer.headers.get("content-type", "")
    return kind.startswith("text/html") or answer.json().get("code") == "no_route"


def check_refusal(answer: httpx.Response) -> None:
    """Hold a refusal to one of the three types: the node's own, the protocol's, RFC 6749's."""
    assert 400 <= answer.status_code < 500 or answer.status_code in {501, 503}, answer.text
    said = answer.json()
    if said.get("@type", "").endswith("Error"):
        assert said["code"]
        assert all(said["reason"])
    elif "error_description" in said:
        assert re.fullmatch("[a-z_]+", said["error"])
    else:
        assert {"error", "code", "message"} <= set(said)
        assert re.fullmatch("[a-z][a-z0-9_]*", said["code"])


# --- signaling


@pytest.fixture(scope="module")
def flows(dps):
    """Return a flow a control plane elsewhere opened, and a transfer a plane elsewhere serves."""
    done = dps.opens("start", "pull")
    assert done.status_code == 200, done.text
    return done.json()["dataFlowId"]


@pytest.mark.parametrize("path", sorted(SIGNALING))
@given(data=st.data())
@OFTEN
def test_signaling_takes_or_refuses_in_type(dps, flows, path, data):
    valid = {"messageId": uuid.UUID(int=7).hex, "reason": "r"}
    token = dps.control
    if path.endswith(("/prepare", "/start")):
        valid = dps.message("push" if path.endswith("prepare") else "pull")
        valid |= {"messageId": uuid.UUID(int=1).hex, "processId": uuid.UUID(int=2).hex}
    elif "{process}" in path:
        token = dps.data
        valid |= {"dataFlowId": "df-1", "state": path.rpartition("/")[2].upper()}
    raw = data.draw(bodies(valid))

    answer = dps.client.post(
        dps.place.node + address(path, flows),
        content=raw,
        headers={"authorization": token, "content-type": "application/json"},
    )

    if not answer.is_success:
        check_refusal(answer)


FIELDS = st.dictionaries(
    st.sampled_from(
        ["grant_type", "refresh_token", "client_id", "client_secret", "audience", "scope",
         "bearer_access_scope", "bearer_access_alias", "x"]
    ),
    st.one_of(
        st.sampled_from(
            ["client_credentials", "refresh_token", "", "a" * 5000, "did:web:x", "\x00"]
        ),
        st.text(string.printable, max_size=30),
    ),
)  # fmt: skip
FORM_BYTES = st.one_of(
    FIELDS.map(lambda one: urlencode(one).encode()),
    st.binary(max_size=200),
    st.just(b"&".join([b"a=b"] * 5000)),
    st.just(b"grant_type=client_credentials&grant_type=client_credentials"),
    st.just(b"a" * 70_000),
)


@pytest.mark.parametrize("path", sorted(FORMS))
@given(raw=FORM_BYTES, proof=st.sampled_from([None, "Bearer x.y.z", "Basic YTpi", "Bearer"]))
@OFTEN
def test_forms_are_refused_in_the_words_of_their_standard(dps, client_of_sts, path, raw, proof):
    headers = {"content-type": "application/x-www-form-urlencoded"}
    headers |= {} if proof is None else {"authorization": proof}

    answer = dps.client.post(dps.place.node + path, content=raw, headers=headers)

    assert answer.status_code in {400, 401, 413}, answer.text
    check_refusal(answer)


@pytest.fixture(scope="module")
def client_of_sts(dps):
    operator = Actor("person:per_operator", "Operator", frozenset({Role.OPERATOR}))
    scope = "org.eclipse.dspace.dcp.vc.type:MembershipCredential:read"
    return dps.node.house.sts.add_client("Second connector", (scope,), by=operator)


# --- visits


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    provider = Provider(tmp_path_factory.mktemp("lab"))
    wired = Wire()
    wired.apps["localhost:7001"] = Starlette(routes=visit.routes(SimpleNamespace(lab=provider.lab)))
    with httpx.Client(transport=wired, base_url="http://localhost:7001") as client:
        yield client
    provider.open.forget("ver_one", "the test is over")
    provider.ground.close()


QUERY = write_query(
    q.CohortCount(
        q.Has("person", q.Compare("age", q.Comparison.GE, 40)),
        q.Grouping(q.ColumnOf("person", "male")),
    )
)


@given(data=st.data())
@OFTEN
def test_a_visitors_query_is_answered_or_refused_in_type(lab, data):
    raw = data.draw(bodies({"id": "ask_1", "query": QUERY}))

    answer = lab.post(
        "/visit/tp_1/queries", content=raw, headers={"authorization": f"Bearer {REF}@ver_one"}
    )

    if not answer.is_success:
        check_refusal(answer)


@given(name=st.text(string.ascii_letters + string.digits + "-_.~%+;=", min_size=1, max_size=40))
@OFTEN
def test_a_query_of_nobody_is_not_there(lab, name):
    headers = {"authorization": f"Bearer {REF}@ver_one"}
    path = f"/visit/tp_1/queries/{name.replace('%', '%25')}"
    if name.strip(".") == "":
        return

    for answer in (lab.get(path, headers=headers), lab.post(path + "/withdraw", headers=headers)):
        assert answer.status_code in {400, 403, 404}, answer.text
        check_refusal(answer)


# --- rows


@pytest.fixture(scope="module")
def pushed(tmp_path_factory):
    """Return the address and token of rows that are about to be sent, and a client."""
    folder = tmp_path_factory.mktemp("rows")
    nodes = [RowsNode(folder / name, free_port()) for name in ("hospital", "faculty")]
    for one in nodes:
        one.runner._handlers = {
            name: handler
            for name, handler in one.runner._handlers.items()
            if name not in {"dataplane.fetch", "dataplane.send"}
        }
        one.start()
        one.agree(nodes[0].did, nodes[1].did)
    nodes[0].seed(100_000)
    pid = nodes[1].ask(HTTP_PUSH)
    wait_for(lambda: (found := nodes[1].plane.progress(pid)) and found.started_at, 30)
    address = nodes[1].plane._desk.grant(pid)
    with httpx.Client(timeout=20) as client:
        yield SimpleNamespace(
            url=address.endpoint, token=address.properties["authorization"], client=client,
            node=nodes[1], at=iso(nodes[1].ground.clock.now()),
        )  # fmt: skip
    nodes[1].plane.receiving.forget(pid)
    for one in nodes:
        one.stop()


ODD = st.one_of(
    st.sampled_from(
        ["bytes 0-9/100000", "bytes */100000", "bytes 5-4/10", "bytes 0-9/*", "bytes=0-9",
         "bytes -1-3/9", "bytes 0-" + "9" * 400 + "/" + "9" * 401, "items 0-9/10", "bytes 0-9/9",
         "bytes 99999-100008/100009", "sha-256=:AAAA:", "sha-256=:" + "A" * 43 + "=:", '"x"', "W/",
         "bytes=-0", "bytes=5-,0-1", "bytes=" + "0-1," * 300, "bytes=\xb2-\xb3"]
    ),
    st.text("bytes=-,0123456789/* :\"", max_size=30),
)  # fmt: skip


@given(
    method=st.sampled_from(["PUT", "POST", "GET", "HEAD"]),
    said=st.dictionaries(
        st.sampled_from(["content-range", "range", "if-range", "repr-digest", "content-type"]),
        ODD,
        max_size=3,
    ),
    body=st.binary(max_size=64),
)
@OFTEN
def test_rows_are_taken_or_refused_in_type_whatever_the_headers_say(pushed, method, said, body):
    headers = {name: value.strip().encode("latin-1") for name, value in said.items()}
    headers["authorization"] = pushed.token.encode()
    headers.setdefault("content-range", b"bytes 3-2/100000")  # never the whole by chance

    answer = pushed.client.request(
        method, pushed.url, headers=headers, content=body if method in {"PUT", "POST"} else None
    )

    if not answer.is_success and method != "HEAD":
        check_refusal(answer)
    assert pushed.node.plane.progress(pushed.url.rpartition("/")[2]) is not None


def test_a_sender_that_asks_how_far_it_is_while_it_sends_has_one_draft(pushed, monkeypatch):
    pid = pushed.url.rpartition("/")[2]
    plane, opened = pushed.node.plane, []
    plane.receiving.forget(pid)
    open_arrival = pushed.node.rows.open_arrival

    def slowly(name):
        opened.append(name)
        threading.Event().wait(0.05)
        return open_arrival(name)

    monkeypatch.setattr(pushed.node.rows, "open_arrival", slowly)
    record = plane._desk.get(pid)

    with ThreadPoolExecutor(4) as pool:
        drafts = list(pool.map(lambda _n: plane.receiving.draft(record), range(4)))

    assert 1 == len(opened)
    assert all(one is drafts[0] for one in drafts)

"""The whole story told through the SDK: every call goes through the doors of three nodes."""

from types import SimpleNamespace

import anyio
import httpx
import pytest
from starlette.applications import Starlette

from lib import partners_world as story
from lib.partners_world import COURSE, DATASET, DS, FACULTY, HMB, HOSPITAL, LATER
from tidegate.access.model import Role
from tidegate.api import access as access_door
from tidegate.api import partners as partners_door
from tidegate.api.kit import routes
from tidegate_client.access import People
from tidegate_client.applications import Applications
from tidegate_client.errors import NodeError, WithheldError
from tidegate_client.partners import Mechanisms, Partnerships, Projects, Trainings
from tidegate_client.transport import Transport


class Bridge(httpx.BaseTransport):
    """Carries a request to an application in this process."""

    def __init__(self, app):
        self._inner = httpx.ASGITransport(app)

    def handle_request(self, request):
        async def carry():
            asked = httpx.Request(
                request.method, request.url, headers=request.headers, content=request.read()
            )
            async with httpx.AsyncClient(transport=self._inner) as client:
                return await client.send(asked)

        answer = anyio.run(carry)
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)


class Desk:
    """One person at one node, with the groups of the SDK."""

    def __init__(self, app, token, person_id=""):
        http = Transport("http://node", token, http=httpx.Client(transport=Bridge(app)))
        self.id = person_id
        self.people = People(http)
        self.partnerships = Partnerships(http)
        self.trainings = Trainings(http)
        self.projects = Projects(http)
        self.mechanisms = Mechanisms(http)
        self.applications = Applications(http)
        self.ref = self.people.me().person_ref


def open_doors(house):
    """Return the desk of the node's first operator."""
    rooms = SimpleNamespace(
        participant=house.who,
        access=house.access,
        partnerships=house.partnerships,
        training=house.training,
        projects=house.projects,
        instruments=house.instruments,
        applications=house.applications,
        gate=house.gate,
    )
    operations = (*access_door.OPERATIONS, *partners_door.OPERATIONS)
    app = Starlette(routes=routes(rooms, operations))
    app.state.house = rooms
    person, token = house.access.make_first_operator("Olga")
    return app, Desk(app, token, person.id)


class Node:
    """A node with a desk for each role, made through its own API."""

    def __init__(self, house):
        self.app, self.operator = open_doors(house)

    def desk(self, name, role):
        person = self.operator.people.add(name, f"{name}@example.org", (role,))
        return Desk(self.app, self.operator.people.issue_token(person.id), person.id)


@pytest.fixture
def world(tmp_path):
    world = story.staged(tmp_path, story.found_space)
    yield world
    world.close()


@pytest.fixture
def faculty(world):
    return Node(world.faculty)


@pytest.fixture
def hospital(world):
    return Node(world.hospital)


def test_the_story_through_the_sdk(world, faculty, hospital):
    rex, tom = faculty.desk("rex", "researcher"), faculty.desk("tom", "trainer")
    terms = {
        "programme": "NAFLD",
        "seats": ("HK", "CN-GBA9"),
        "scopes": ("HMB",),
        "required_training": (COURSE,),
        "starts": "2026-01-01T00:00:00Z",
        "expires": "2028-01-01T00:00:00Z",
    }
    lea, leo = faculty.desk("lea", "legal"), hospital.desk("leo", "legal")
    proposed = lea.partnerships.propose(HOSPITAL.did, "Liver programme", **terms)
    world.deliver()
    assert "active" == leo.partnerships.sign(proposed.id).state
    world.deliver()
    assert "active" == lea.partnerships.get(proposed.id).state
    project = rex.projects.create(
        "Liver model", "DS", "Rows stay.", dataset_ids=(DATASET,), sites=(HOSPITAL.did,)
    )
    world.deliver()

    asked = {"people": (rex.ref,), "purposes": (DS,), "months": 12}
    with pytest.raises(WithheldError) as refused:
        rex.applications.submit(project.id, DATASET, HOSPITAL.did, **asked)
    assert "training_missing" == refused.value.code
    tom.trainings.issue(rex.ref, COURSE, LATER)
    application = rex.applications.submit(project.id, DATASET, HOSPITAL.did, **asked)
    world.deliver()

    carl = hospital.desk("carl", "committee")
    permit = carl.applications.approve(application.id, "Sound plan.", months=6)
    world.deliver()

    assert (permit,) == rex.applications.list_permits()
    assert "approved" == rex.applications.get(application.id).state
    assert "ethics_missing" == ask(rex, rex.ref).code
    papers(leo, carl, faculty.desk("cai", "committee"), project)
    world.deliver()
    assert ask(carl, rex.ref).is_open


def ask(desk, person):
    return desk.applications.ask_gate(HOSPITAL.did, FACULTY.did, DATASET, (HMB,), person_ref=person)


def papers(leo, *committees_and_project):
    *committees, project = committees_and_project
    for committee in committees:
        committee.projects.record_ethics(
            project.id,
            "IRB-1",
            covers_datasets=(DATASET,),
            covers_cross_border=True,
            expires=LATER,
        )
    consent = {"separate": True, "names_recipient": True, "covers_cross_border": True}
    basis = leo.projects.record_legal_basis(
        project.id, DATASET, "consent", consent={**consent, "guardian": False}
    )
    assert basis.consent["separate"]
    assessment = leo.projects.record_impact_assessment(
        project.id, (DATASET,), done_on="2026-02-01", covers_3=True, retention_years=3
    )
    assert (assessment,) == leo.projects.list_impact_assessments(project.id)
    mechanism = leo.mechanisms.record(
        "gba_sc_hk",
        FACULTY.did,
        effective_on="2026-02-02",
        purposes=("HMB",),
        dataset_ids=(DATASET,),
    )
    filed = leo.mechanisms.file(mechanism.id, filed_on="2026-02-10", reference="GD-1")
    assert (filed,) == leo.mechanisms.list_mechanisms()


def test_what_was_begun_can_be_ended_through_the_sdk(world, faculty, hospital):
    story.prepare(world)
    permit = story.open_gate(world)
    carl, leo = hospital.desk("carl", "committee"), hospital.desk("leo", "legal")

    assert "ended" == carl.applications.end_permit(permit.id, "misuse").state
    (mechanism,) = leo.mechanisms.list_mechanisms()
    assert leo.mechanisms.end(mechanism.id, "replaced").ended_at
    (partnership,) = leo.partnerships.list_partnerships()
    assert "ended" == leo.partnerships.end(partnership.id, "over").state
    (application,) = carl.applications.list_applications()
    with pytest.raises(NodeError) as conflict:
        carl.applications.refuse(application.id, "too late")
    assert 409 == conflict.value.status


def test_a_study_is_kept_through_the_sdk(world, faculty):
    rex = faculty.desk("rex", "researcher")
    project = rex.projects.create("Liver model", "DS", "Rows stay.")

    changed = rex.projects.change(project.id, dataset_ids=(DATASET,))
    assert ((DATASET,), 2) == (changed.dataset_ids, changed.revision)
    assert "closed" == rex.projects.close(project.id, "done").state
    assert project.id == rex.projects.get(project.id).id
    assert 1 == len(rex.projects.list_projects())


def test_training_is_taken_back_through_the_sdk(world, faculty):
    rex, tom = faculty.desk("rex", "researcher"), faculty.desk("tom", "trainer")
    training = tom.trainings.issue(rex.ref, COURSE, LATER)

    assert tom.trainings.revoke(training.id, "cheated").revoked_at
    assert 1 == len(tom.trainings.list_trainings(rex.ref)) == len(tom.trainings.list_trainings())


def test_an_application_is_withdrawn_through_the_sdk(world, faculty):
    rex = faculty.desk("rex", "researcher")
    project = rex.projects.create("Own", "DS", "Rows stay.", dataset_ids=(DATASET,))
    application = rex.applications.submit(
        project.id, DATASET, FACULTY.did, people=(rex.ref,), purposes=("DS",), months=1
    )

    assert "withdrawn" == rex.applications.withdraw(application.id, "no need").state


# People


def test_people_are_managed_through_the_sdk(faculty):
    people = faculty.operator.people
    ada = people.add("Ada", "ada@example.org", ("steward",))

    assert ada == people.get(ada.id)
    assert {"Olga", "Ada"} == {one.name for one in people.list_people()}
    assert frozenset({"checker"}) == people.change_roles(ada.id, ("checker",)).roles
    assert people.issue_link(ada.id, minutes=600)
    assert "disabled" == people.disable(ada.id, "left").state


def test_tokens_are_managed_through_the_sdk(faculty):
    rex = faculty.desk("rex", "researcher")
    (token,) = rex.people.list_tokens(rex.id)

    rex.people.revoke_token(token.id)

    with pytest.raises(NodeError) as refused:
        rex.people.me()
    assert 401 == refused.value.status


def test_ones_own_ways_in_are_set_through_the_sdk(world, faculty):
    import pyotp

    rex = faculty.desk("rex", "researcher")
    rex.people.set_password("the river runs to the sea")
    enrolment = rex.people.enrol_totp()
    code = pyotp.TOTP(enrolment.secret).at(int(world.clock.now().timestamp()))

    rex.people.confirm_totp(code)

    assert rex.people.get(rex.id).has_totp
    assert rex.people.get(rex.id).has_password


def test_reading_is_for_all_who_work_here_and_acting_for_the_role(world, faculty):
    nobody = world.faculty.access.add_person(
        "Noa", "noa@example.org", frozenset({Role.AUDITOR}), by=story.OPERATOR
    )
    token = world.faculty.access.issue_token(nobody.id, by=story.OPERATOR)
    desk = Desk(faculty.app, token, nobody.id)

    assert () == desk.partnerships.list_partnerships()
    with pytest.raises(NodeError) as refused:
        desk.projects.create("T", "DS", "Plan")
    assert (403, "role_missing") == (refused.value.status, refused.value.code)


def test_a_researcher_reads_own_studies_and_applications_only(world, faculty, hospital):
    story.sign_partnership(world)
    rex, eve = faculty.desk("rex", "researcher"), faculty.desk("eve", "researcher")
    tom, cara = faculty.desk("tom", "trainer"), faculty.desk("cara", "committee")
    project = rex.projects.create(
        "Liver model", "DS", "Rows stay.", dataset_ids=(DATASET,), sites=(HOSPITAL.did,)
    )
    tom.trainings.issue(rex.ref, COURSE, LATER)
    asked = {"people": (rex.ref,), "purposes": (DS,), "months": 12}
    application = rex.applications.submit(project.id, DATASET, HOSPITAL.did, **asked)

    for reader in (rex, cara):
        assert project.id in {one.id for one in reader.projects.list_projects()}
        assert application.id in {one.id for one in reader.applications.list_applications()}
    assert project.id not in {one.id for one in eve.projects.list_projects()}
    assert application.id not in {one.id for one in eve.applications.list_applications()}
    for read in (
        lambda: eve.projects.get(project.id),
        lambda: eve.applications.get(application.id),
    ):
        with pytest.raises(NodeError) as refused:
            read()
        assert 404 == refused.value.status

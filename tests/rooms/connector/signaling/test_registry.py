"""Who may register a plane, open datasets to it, and what it presents."""

from dataclasses import replace

import pytest

from lib.dps_hosting import BOTH, CONSOLE, ENDPOINT, OFFICER, STEWARD
from tidegate.access.errors import RoleMissingError
from tidegate.access.model import Actor, Role
from tidegate.connector.signaling.errors import (
    ApprovalRefusedError,
    DataFlowRefusedError,
    PlaneUnauthenticatedError,
    PlaneUnknownError,
    RegistrationInvalidError,
)
from tidegate.connector.signaling.model import PROFILE_PULL, PlaneKind

TOKEN = "t" * 40


def plane(world, name="cp"):
    return next(one for one in world.room.list_planes(by=STEWARD) if one.id == name)


def test_datasets_are_closed_until_a_legal_officer_has_approved_them(world):
    token = world.room.register(world.asked("new", datasets=("ds_1",)), by=STEWARD).token
    world.signed("p1")

    with pytest.raises(DataFlowRefusedError) as caught:
        world.room.start(f"Bearer {token}", world.message())
    assert (caught.value.code, plane(world, "new").open_datasets) == ("dataset_closed", ())

    world.room.approve("new", "Our own second connector.", by=OFFICER)
    assert world.room.start(f"Bearer {token}", world.message()).flow.state == "STARTED"


def test_an_approval_stands_in_the_evidence_with_its_ground(world):
    did, why = world.events("controlplane:cp")[-1]

    assert (did, why["ground"], why["datasets"]) == (
        "signaling.approved", "Our own second connector.", ["ds_1"],
    )  # fmt: skip
    assert (plane(world).approved_by, plane(world).ground) == (OFFICER.id, why["ground"])


@pytest.mark.parametrize(
    ("who", "kind"),
    [
        (STEWARD, RoleMissingError),
        (CONSOLE, ApprovalRefusedError),
        (Actor("person:per_a", "A", frozenset(Role) - {Role.LEGAL}), RoleMissingError),
    ],
)
def test_only_a_person_who_is_a_legal_officer_approves(world, who, kind):
    world.room.register(world.asked("new", datasets=("ds_1",)), by=STEWARD)

    with pytest.raises(kind):
        world.room.approve("new", "A ground.", by=who)

    assert plane(world, "new").open_datasets == ()


def test_who_registered_the_datasets_does_not_approve_them(world):
    world.room.register(world.asked("new", datasets=("ds_1",)), by=BOTH)

    with pytest.raises(ApprovalRefusedError) as caught:
        world.room.approve("new", "A ground.", by=BOTH)

    assert caught.value.code == "same_person"


def test_what_was_registered_anew_since_it_was_read_is_not_approved(world):
    world.room.register(world.asked("new", datasets=("ds_1",)), by=STEWARD)
    seen = plane(world, "new").changed_at
    world.ground.clock.advance(seconds=1)
    world.room.register(world.asked("new", datasets=("ds_1", "ds_2")), by=STEWARD)

    with pytest.raises(ApprovalRefusedError) as caught:
        world.room.approve("new", "A ground.", seen=seen, by=OFFICER)

    assert caught.value.code == "registration_changed"
    assert world.room.approve("new", "A ground.", seen=plane(world, "new").changed_at, by=OFFICER)


@pytest.mark.parametrize("ground", ["", "  \n", "x" * 1001])
def test_an_approval_says_on_what_ground(world, ground):
    with pytest.raises(RegistrationInvalidError):
        world.room.approve("cp", ground, by=OFFICER)


def test_what_names_no_dataset_or_is_not_registered_is_not_approved(world):
    world.room.register(world.asked("bare"), by=STEWARD)

    with pytest.raises(ApprovalRefusedError):
        world.room.approve("bare", "A ground.", by=OFFICER)
    with pytest.raises(PlaneUnknownError):
        world.room.approve("nobody", "A ground.", by=OFFICER)


@pytest.mark.parametrize("who", [CONSOLE, Actor("person:per_o", "O", frozenset({Role.OPERATOR}))])
def test_datasets_are_named_by_a_person_who_is_a_steward_too(world, who):
    with pytest.raises((ApprovalRefusedError, RoleMissingError)):
        world.room.register(world.asked("new", datasets=("ds_1",)), by=who)

    assert world.room.register(world.asked("new"), by=who).plane.datasets == ()


@pytest.mark.parametrize(
    ("outlives", "who", "change"),
    [
        (True, STEWARD, {}),
        (True, STEWARD, {"datasets": ()}),
        (True, STEWARD, {"secret": "another"}),
        (False, STEWARD, {"datasets": ("ds_1", "ds_2")}),
        (False, STEWARD, {"endpoint": "https://elsewhere.example.org"}),
        (False, replace(BOTH, id=OFFICER.id), {}),
    ],
)
def test_an_approval_outlives_turned_keys_and_fewer_datasets_alone(world, outlives, who, change):
    said = {"datasets": ("ds_1",), "endpoint": ENDPOINT} | change

    world.room.register(world.asked(**said), by=who)

    assert bool(plane(world).approved_by) is outlives


# --- tokens


def test_no_two_planes_present_the_same_token(world):
    world.room.register(world.asked("one", accepts=TOKEN), by=STEWARD)
    data = {"kind": PlaneKind.DATA, "profiles": (PROFILE_PULL,)}

    for other in ({}, data):
        with pytest.raises(RegistrationInvalidError) as caught:
            world.room.register(world.asked("two", accepts=TOKEN, **other), by=STEWARD)
        assert caught.value.code == "token_taken"
    assert {one.id for one in world.room.list_planes(by=STEWARD)} == {"cp", "one"}


def test_a_plane_keeps_its_token_over_a_new_registration(world):
    for _ in range(2):
        world.room.register(world.asked("one", accepts=TOKEN), by=STEWARD)

    found = world.registry.authenticate(PlaneKind.CONTROL, f"Bearer {TOKEN}")
    assert found.id == "one"
    with pytest.raises(PlaneUnauthenticatedError):
        world.registry.authenticate(PlaneKind.DATA, f"Bearer {TOKEN}")


def test_a_removed_plane_frees_its_token(world):
    world.room.register(world.asked("one", accepts=TOKEN), by=STEWARD)
    world.room.remove(PlaneKind.CONTROL, "one", by=STEWARD)

    world.room.register(world.asked("two", accepts=TOKEN), by=STEWARD)

    assert world.registry.authenticate(PlaneKind.CONTROL, f"Bearer {TOKEN}").id == "two"

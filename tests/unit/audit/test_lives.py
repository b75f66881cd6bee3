"""A life is told from its keeper's log: others may use the same ids for data of their own."""

from types import SimpleNamespace

from tidegate.audit.bundle.life import tell_lives
from tidegate.audit.model import Entry

A, B = "did:web:a", "did:web:b"


def log(did, *acts):
    entries = tuple(
        Entry(log=did, at=f"2026-01-01T00:00:{n:02d}.000Z", by="x", did=event, to=to, number=1,
              previous="", why=why, premis=None, files={})
        for n, (event, to, why) in enumerate(acts)
    )  # fmt: skip
    return SimpleNamespace(did=did, entries=entries)


def told(lives):
    return {(one.keeper, one.version): [(e.node, e.event) for e in one.events] for one in lives}


def test_two_nodes_with_one_dataset_and_version_id_have_a_life_each():
    ours = log(
        A,
        ("version.acquired", "version:ver_1", {"dataset": "ds_1"}),
        ("dataset.described", "dataset:ds_1", {}),
        ("agreement.signed", "agreement:agr_1", {"version": "ver_1"}),
    )
    theirs = log(
        B,
        ("version.acquired", "version:ver_1", {"dataset": "ds_1"}),
        ("version.destroyed", "version:ver_1", {}),
        ("dataset.offer_withdrawn", "dataset:ds_1", {"version": "ver_1"}),
    )

    lives = told(tell_lives((ours, theirs), {A: "Hospital A", B: "Clinic B"}))

    assert [("Hospital A", "version:ver_1"), ("Clinic B", "version:ver_1")] == list(lives)
    assert [
        ("Hospital A", "version.acquired"),
        ("Hospital A", "dataset.described"),
        ("Hospital A", "agreement.signed"),
    ] == lives["Hospital A", "version:ver_1"]
    destroyed = ("Clinic B", "version.destroyed")
    assert destroyed in lives["Clinic B", "version:ver_1"]
    assert {"Clinic B"} == {
        node
        for node, event in lives["Clinic B", "version:ver_1"]
        if event.startswith(("version.", "dataset."))
    }


def test_a_dataset_of_a_node_that_keeps_no_version_tells_nothing_of_ours():
    ours = log(A, ("version.acquired", "version:ver_1", {"dataset": "ds_1"}))
    theirs = log(
        B,
        ("dataset.described", "dataset:ds_1", {"version": "ver_1"}),
        ("query.submitted", "query:q_1", {"version": "ver_1"}),
    )

    lives = told(tell_lives((ours, theirs), {}))

    assert {(A, "version:ver_1"): [(A, "version.acquired"), (B, "query.submitted")]} == lives

"""Policies, agreements and uses for the tests of this room."""

from tidegate.policy.model import Agreement, UseFacts
from tidegate.policy.vocabulary import research_policy

HOSPITAL = "did:web:hospital.example"
FACULTY = "did:web:faculty.example"


def story_policy(**changes):
    return research_policy(
        **{
            "assignees": (FACULTY,),
            "seats": ("HK",),
            "purposes": ("HMB",),
            "until": "2027-01-01T00:00:00Z",
            "max_uses": 3,
            "delete_within_days": 30,
            "review": "cross-border",
        }
        | changes
    )


def agreement(**changes):
    fields = {
        "id": "urn:uuid:7d9f2c1e-0000-4000-8000-000000000001",
        "role": "provider",
        "dataset_id": "ds_1",
        "version_id": "ver_1",
        "assigner": HOSPITAL,
        "assignee": FACULTY,
        "policy": story_policy(),
        "offer_id": "offer_1",
        "signed_at": "2026-03-02T08:00:00Z",
    }
    return Agreement(**fields | changes)


def good_facts(**changes):
    fields = {
        "assignee": FACULTY,
        "seat": "HK",
        "purpose": "DS",
        "at": "2026-03-02T08:00:00Z",
        "uses_so_far": 0,
        "place": "in-place",
        "minimum_cell": 10,
        "logged": True,
    }
    return UseFacts(**fields | changes)

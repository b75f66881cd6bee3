"""Every event that has a type in PREMIS carries that type, and no other word."""

import pytest

from tidegate.audit.premis import EVENT_TYPES
from tidegate.node.events import all_events


def test_every_declared_event_type_is_one_of_premis():
    declared = {code for code in all_events().values() if code is not None}

    assert declared <= EVENT_TYPES.keys()


@pytest.mark.parametrize(
    ("event", "meaning"),
    [
        ("dataset.acquired", "accession"),
        ("version.acquired", "ingestion"),
        ("version.deidentified", "modification"),
        ("version.stored", "encryption"),
        ("version.opened", "decryption"),
        ("derived.opened", "decryption"),
        ("derived.kept", "creation"),
        ("version.fixity_checked", "fixity check"),
        ("version.archived", "information package creation"),
        ("version.destroyed", "deletion"),
        ("query.released", "dissemination"),
        ("dataset.described", "metadata modification"),
    ],
)
def test_an_event_is_what_premis_calls_it(event, meaning):
    assert meaning == EVENT_TYPES[all_events()[event]]

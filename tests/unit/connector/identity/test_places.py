"""A host that lets our calls hang takes a few places, and leaves the others to the others."""

import pytest

from tidegate.connector.errors import PeerUnreachableError
from tidegate.connector.identity.places import Places


def test_one_host_gets_a_few_places_whatever_it_calls_itself():
    places = Places(most=4, per_host=2)

    with places.taken("did:web:slow.example"), places.taken("did:web:SLOW.example:more"):
        with pytest.raises(PeerUnreachableError), places.taken("did:web:slow.example:other"):
            pass
        with places.taken("did:web:quick.example"):
            pass

    with places.taken("did:web:slow.example"), places.taken("did:web:slow.example"):
        pass


def test_all_hosts_together_get_no_more_than_there_are():
    places = Places(most=1, per_host=1)

    with (
        places.taken("did:web:one.example"),
        pytest.raises(PeerUnreachableError) as refusal,
        places.taken("did:web:two.example"),
    ):
        pass

    assert "resolver_busy" == refusal.value.code

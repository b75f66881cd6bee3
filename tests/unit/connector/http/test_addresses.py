"""Which addresses a node may call."""

import pytest

from tidegate.connector.errors import AddressRefusedError
from tidegate.connector.http.addresses import check_url, is_this_machine, may_call

INSIDE = (
    "127.0.0.1", "10.0.0.8", "172.16.3.4", "192.168.1.1", "100.64.0.1", "::1", "fc00::1",
    "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
    "::127.0.0.1", "::10.0.0.1", "::ffff:0:127.0.0.1",
)  # fmt: skip
NEVER = (
    "169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::", "::ffff:169.254.169.254",
    "::169.254.169.254", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "fec0::1", "5f00::1",
    "3fff::1", "100:0:0:1::1", "192.0.0.8", "192.88.99.1",
)  # fmt: skip


@pytest.mark.parametrize("address", [*INSIDE, *NEVER])
def test_no_address_inside_the_network_is_called(address):
    assert not may_call(address, loopback=False)


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "10.0.0.8", "192.168.1.1"])
def test_a_space_of_one_machine_calls_its_own_addresses(address):
    assert may_call(address, loopback=True)


@pytest.mark.parametrize("address", NEVER)
def test_addresses_of_cloud_metadata_and_crowds_are_never_called(address):
    assert not may_call(address, loopback=True)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "64:ff9b::5db8:d822"])
def test_public_addresses_are_called(address):
    assert may_call(address, loopback=False)


@pytest.mark.parametrize("name", ["localhost", "Localhost.", "a.b.localhost", "x.LOCALHOST."])
def test_names_of_this_machine_are_known_as_such(name):
    assert is_this_machine(name)


@pytest.mark.parametrize("name", ["", "localhost.example", "mylocalhost", "127.0.0.1", "example."])
def test_other_names_are_not_of_this_machine(name):
    assert not is_this_machine(name)


def test_plain_http_is_open_on_one_machine_only():
    check_url("http://localhost:7400/x", loopback=True)

    with pytest.raises(AddressRefusedError, match="https"):
        check_url("http://node.example.org/x", loopback=False)


@pytest.mark.parametrize(
    "url",
    ["ftp://a.example/", "https:///x", "https://u:p@a.example/", "file:///etc/passwd",
     "https://a.example:99999/", "https://[::1/", "https://a.example/" + "x" * 3000],
)  # fmt: skip
def test_odd_urls_are_refused(url):
    with pytest.raises(AddressRefusedError):
        check_url(url, loopback=True)

"""Which addresses a node may call: the pure rule against server-side request forgery.

Registries: IANA IPv4 and IPv6 special-purpose address registries (RFC 6890), as `ipaddress`
knows them; addresses embedded in IPv6 are judged by the IPv4 address inside.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

from tidegate.connector.errors import AddressRefusedError

_CARRIES_IPV4 = (
    IPv6Network("64:ff9b::/96"),  # NAT64 (RFC 6052)
    IPv6Network("::ffff:0:0:0/96"),  # translated (RFC 2765)
    IPv6Network("::/96"),  # compatible (RFC 4291, section 2.5.5.1)
)
_NOT_GLOBAL = (
    IPv4Network("192.0.0.0/24"),  # IETF protocol assignments (RFC 6890)
    IPv4Network("192.88.99.0/24"),  # relays of 6to4 (RFC 7526)
    IPv6Network("64:ff9b:1::/48"),  # NAT64 inside a network (RFC 8215)
    IPv6Network("fec0::/10"),  # site-local (RFC 3879)
    IPv6Network("5f00::/16"),  # segment routing (RFC 9602)
    IPv6Network("3fff::/20"),  # documentation (RFC 9637)
    IPv6Network("100:0:0:1::/64"),  # dummy prefix (RFC 9780)
)
"""What the registries call not global, and `ipaddress` of some Pythons does not."""
_LONGEST_URL = 2048

Address = IPv4Address | IPv6Address


def read_address(text: str) -> Address:
    """Read an address, taking out the IPv4 address that an IPv6 address carries."""
    address = ip_address(text.partition("%")[0])
    return _inside(address) if isinstance(address, IPv6Address) else address


def _inside(address: IPv6Address) -> Address:
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if int(address) > 1 and any(address in each for each in _CARRIES_IPV4):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def may_call(text: str, *, loopback: bool) -> bool:
    """Say whether a node may connect to this address.

    `loopback`: the space lives on one machine, so its own and private addresses are open;
    link-local (cloud metadata), multicast and unspecified addresses never are.
    """
    address = read_address(text)
    if address.is_multicast or address.is_link_local or address.is_unspecified:
        return False
    if any(address in each for each in _NOT_GLOBAL):
        return False
    if address.is_global:
        return True
    return loopback and (address.is_loopback or address.is_private)


def is_this_machine(host: str) -> bool:
    """Tell whether a name means the asking machine, whatever name servers say (RFC 6761, 6.3)."""
    name = host.rstrip(".").lower()
    return name == "localhost" or name.endswith(".localhost")


def check_url(url: str, *, loopback: bool) -> None:
    """Raise AddressRefusedError unless the URL is one a node may call at all."""
    if len(url) > _LONGEST_URL:
        raise AddressRefusedError("The address is too long.", code="url_too_long")
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise AddressRefusedError("The address is malformed.", code="url_refused") from None
    if parts.scheme != "https" and not (loopback and parts.scheme == "http"):
        raise AddressRefusedError(
            "Nodes call each other by https; plain http is open only in a space of profile "
            "loopback.",
            code="https_required",
        )
    if not has_host or parts.username is not None or parts.password is not None:
        raise AddressRefusedError(
            "The address must name a host and carry no user name.", code="url_refused"
        )

"""Addresses and ranges of them as people and proxies write them, IPv4 inside IPv6 included."""

from bisect import bisect_right
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, collapse_addresses, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network
_MAPPED = IPv6Network("::ffff:0:0/96")


def network(text: str) -> Network:
    """A range such as `10.0.0.0/8`, or a single address. Bits behind the prefix are cleared. ValueError otherwise."""
    address, slash, length = text.strip().partition("/")
    # Netmasks are refused: 0.0.0.255 would be read as the opposite of what its writer meant.
    if "%" in address or (slash and not (length.isascii() and length.isdigit())):
        raise ValueError("an address or a range like 10.0.0.0/8 or 2001:db8::/32 is expected")
    found = ip_network(text.strip(), strict=False)
    if isinstance(found, IPv6Network) and found.subnet_of(_MAPPED):
        return IPv4Network((int(found.network_address) & 0xFFFF_FFFF, found.prefixlen - 96))
    return found


def address(text: str) -> Address | None:
    """The address in a text, which may have brackets, a port or a zone; None when there is none."""
    host = text.strip()
    if host.startswith("["):
        host = host[1:].partition("]")[0]
    elif host.count(":") == 1:
        host = host.partition(":")[0]
    try:
        found = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    return (found.ipv4_mapped or found) if isinstance(found, IPv6Address) else found


class Ranges:
    """Many ranges, made ready for a quick look."""

    def __init__(self, texts: Iterable[str]) -> None:
        networks = [network(text) for text in texts]
        self._spans: dict[int, tuple[list[int], list[int]]] = {}
        for version, family in (
            (4, collapse_addresses(one for one in networks if isinstance(one, IPv4Network))),
            (6, collapse_addresses(one for one in networks if isinstance(one, IPv6Network))),
        ):
            spans = [(int(one.network_address), int(one.broadcast_address)) for one in family]
            self._spans[version] = ([first for first, _ in spans], [last for _, last in spans])

    def __contains__(self, one: object) -> bool:
        if not isinstance(one, IPv4Address | IPv6Address):
            return False
        firsts, lasts = self._spans[one.version]
        place = bisect_right(firsts, int(one)) - 1
        return place >= 0 and int(one) <= lasts[place]

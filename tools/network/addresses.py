"""Which addresses may be dialled: those that the whole internet can reach, and none that only this host can.

A name is resolved once, every answer is judged, and what is dialled afterwards is an answer, never the name:
a second question could be answered differently.  `ipaddress` alone is not enough: it calls multicast global, and
looks into few of the ways to write an IPv4 address as one of IPv6.
"""

import socket
from collections.abc import Callable, Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import psutil

from models.errors import Forbidden, ToolFailed

Address = IPv4Address | IPv6Address
Resolve = Callable[[str, int], list[str]]
"""The addresses of a host as text, in the order in which they are to be tried."""

_NAT64 = ip_network("64:ff9b::/96")
"""RFC 6052: hosts without IPv4 reach 192.0.2.1 as 64:ff9b::c000:201, so what is inside decides."""

_UNICAST = ip_network("2000::/3")
"""All that is handed out of IPv6."""

_REFUSED = [
    ip_network(text)
    for text in (
        "192.0.0.0/24",  # protocols' own; a cloud's metadata at .192
        "192.88.99.0/24",  # relays into 6to4
        "168.63.129.16/32",  # a public address that only a cloud's own machines reach: its metadata
        "2001::/23",  # protocols' own: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address is inside, behind a relay
        "3fff::/20",  # documentation
    )
]


def refusal(address: Address) -> str | None:
    """Why the address may not be dialled; None where it may."""
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return "it is an address of one link"
        if address in _NAT64:
            return refusal(IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in _UNICAST:
            return "it is no global address"
    if not address.is_global or address.is_multicast or address.is_reserved or address.is_unspecified:
        return "it is no global address"
    # Networks of the other version hold no address of this one.
    if any(address in network for network in _REFUSED):
        return "it is an address for special use"
    return None


def resolved(host: str, port: int, resolve: Resolve | None = None) -> list[str]:
    """The host's addresses, each of which may be dialled, as asked for once.

    Raises:
        Forbidden: one of the answers is not global, or is this machine.
        ToolFailed: the name has no address.
    """
    found = (resolve or ask)(host, port)
    ours = own()
    for text in found:
        address = ip_address(text)
        reason = "it is this machine" if address in ours else refusal(address)
        if reason is not None:
            raise Forbidden(f"cannot reach {host}: {reason}", host=host, address=text, reason=reason)
    return found


NOT_FOUND = "no such name, or no network"


def ask(host: str, port: int) -> list[str]:
    """What the system's resolver answers, without any judgement.

    Raises:
        ToolFailed: the name has no address.
    """
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        reason = f"cannot find the host {host}: no such name, or no network"
        raise ToolFailed(reason, host=host, reason=NOT_FOUND) from error
    return list(dict.fromkeys(str(answer[4][0]) for answer in answers))


def own() -> frozenset[Address]:
    """This machine's own addresses: a firewall that guards it from others does not guard it from itself."""
    texts = (each.address for cards in psutil.net_if_addrs().values() for each in cards if each.family in _FAMILIES)
    return frozenset(_parsed(texts))


_FAMILIES = (socket.AF_INET, socket.AF_INET6)


def _parsed(texts: Iterable[str]) -> Iterable[Address]:
    # The zone of a link-local address is no part of what an answer would be compared with.
    return (ip_address(text.partition("%")[0]) for text in texts)

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import Forbidden, ToolFailed
from tools.network import addresses

NOT_GLOBAL_4 = [
    "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
    "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
    "224.0.0.0/4", "240.0.0.0/4",
]  # fmt: skip
NOT_GLOBAL_6 = [
    "::/96", "64:ff9b:1::/48", "100::/64", "2001::/32", "2001:10::/28", "2001:db8::/32", "2002::/16", "3fff::/20",
    "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
]  # fmt: skip
METADATA = ["169.254.169.254", "fd00:ec2::254", "100.100.100.200", "192.0.0.192", "168.63.129.16", "fe80::a9fe:a9fe"]
PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.215.14", "140.82.112.3", "2606:4700:4700::1111", "2a00:1450:4001:81b::200e"]


@st.composite
def inside(draw: st.DrawFn, networks: list[str]) -> str:
    """An address of one of the networks."""
    network = ip_network(draw(st.sampled_from(networks)))
    number = draw(st.integers(int(network.network_address), int(network.broadcast_address)))
    return str(ip_address(number) if network.version == 4 else IPv6Address(number))


@pytest.mark.parametrize("text", PUBLIC)
def test_public_address_may_be_dialled(text: str) -> None:
    assert addresses.refusal(ip_address(text)) is None


@pytest.mark.parametrize("text", [*METADATA, "fe80::1%eth0", "2606:4700:4700::1111%1", "255.255.255.255", "::", "::1"])
def test_special_address_may_not(text: str) -> None:
    assert addresses.refusal(ip_address(text)) is not None


@given(inside(NOT_GLOBAL_4 + NOT_GLOBAL_6))
def test_no_address_of_a_special_network_may_be_dialled(text: str) -> None:
    assert addresses.refusal(ip_address(text)) is not None


@given(st.one_of(inside(NOT_GLOBAL_4), st.ip_addresses(v=4).map(str)))
def test_ipv4_address_inside_of_ipv6_gains_nothing(text: str) -> None:
    """Mapped, compatible, translated, 6to4 and Teredo: at most what the address itself may."""
    number = int(IPv4Address(text))
    is_refused = addresses.refusal(IPv4Address(text)) is not None
    for written in (
        number,
        0xFFFF << 32 | number,
        0x2002 << 112 | number << 80,
        0x20010000 << 96 | number ^ 0xFFFFFFFF,
    ):
        assert addresses.refusal(IPv6Address(written)) is not None
    translated = IPv6Address(int(IPv6Address("64:ff9b::")) | number)
    assert (addresses.refusal(translated) is not None) == is_refused


@given(st.ip_addresses())
def test_what_may_be_dialled_is_global_unicast(address: IPv4Address | IPv6Address) -> None:
    if addresses.refusal(address) is None:
        if address in ip_network("64:ff9b::/96"):
            address = IPv4Address(int(address) & 0xFFFFFFFF)
        assert address.is_global and not address.is_private
        assert not (address.is_multicast or address.is_loopback or address.is_link_local or address.is_reserved)


@given(st.lists(st.sampled_from(PUBLIC), max_size=4), inside(NOT_GLOBAL_4 + NOT_GLOBAL_6), st.integers(0, 4))
def test_one_bad_answer_among_good_ones_refuses_all(good: list[str], bad: str, at: int) -> None:
    with pytest.raises(Forbidden) as caught:
        addresses.resolved("a.example", 443, lambda host, port: [*good[:at], bad, *good[at:]])
    assert caught.value.details["address"] == bad


def test_name_is_asked_once_and_its_answers_are_what_is_dialled() -> None:
    asked: list[tuple[str, int]] = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return PUBLIC

    assert addresses.resolved("a.example", 443, resolve) == PUBLIC
    assert asked == [("a.example", 443)]


def test_public_address_of_this_machine_itself_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    class Card:
        family = addresses.socket.AF_INET
        address = PUBLIC[0]

    monkeypatch.setattr(psutil, "net_if_addrs", lambda: {"eth0": [Card()]})
    with pytest.raises(Forbidden, match="it is this machine"):
        addresses.resolved("a.example", 443, lambda host, port: [PUBLIC[0]])


@pytest.mark.parametrize("spelled", ["2130706433", "0x7f000001", "0177.0.0.1", "127.1", "0x7f.1", "localhost"])
def test_however_loopback_is_spelled_the_resolver_s_answer_is_refused(spelled: str) -> None:
    try:
        found = addresses.ask(spelled, 443)
    except ToolFailed:
        return  # not every resolver takes the old spellings
    with pytest.raises(Forbidden):
        addresses.resolved(spelled, 443, lambda host, port: found)


def test_name_without_an_address_fails_with_its_name() -> None:
    with pytest.raises(ToolFailed, match=r"cannot find the host no-such-host\.invalid.*: no such name, or no network"):
        addresses.ask("no-such-host.invalid\0", 443)

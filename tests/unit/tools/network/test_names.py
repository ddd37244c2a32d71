import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInput
from tools.network import names

ADDRESSES = [
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.0.0.1.", "0x", "1.2.3.4.5",
    "::1", "[::1]", "::ffff:127.0.0.1", "fe80::1%eth0", "１２７.0.0.1", "127。0。0。1", "①②⑦.0.0.1",
]  # fmt: skip


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("example.org", "example.org"),
        ("EXAMPLE.org.", "example.org"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("ｅｘａｍｐｌｅ.org", "example.org"),
        ("example。org", "example.org"),
        ("a_b.example", "a_b.example"),
        ("localhost", "localhost"),
        ("7.example", "7.example"),
    ],
)
def test_spellings_of_one_host_are_one_name(written: str, meant: str) -> None:
    assert names.canonical(written) == meant
    assert names.canonical(meant) == meant


@pytest.mark.parametrize("written", ADDRESSES)
def test_address_is_no_name_however_it_is_written(written: str) -> None:
    with pytest.raises(InvalidInput):
        names.canonical(written)


@pytest.mark.parametrize(
    "written",
    ["", ".", "..", "a..b", "-a.example", "a-.example", "a b", "a\0b", "a/b", "a@b", "a?b", "a#b", "a%41", "*.example",
     "a" * 64, ".".join(["a" * 60] * 5), "exa\nmple", "a\\b", "\ud800"],
)  # fmt: skip
def test_what_is_no_name_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        names.canonical(written)


@given(st.ip_addresses(v=4), st.sampled_from(["{}", "{}.", "{:d}", "0x{:x}"]))
def test_no_spelling_that_the_system_takes_for_an_address_is_a_name(address: object, spelling: str) -> None:
    written = spelling.format(int(address) if ":" in spelling else address)  # type: ignore[call-overload]
    with pytest.raises(InvalidInput):
        names.canonical(written)


@given(st.text("0123456789xabcdefABCDEF.", min_size=1, max_size=20))
def test_name_is_never_what_inet_aton_takes(written: str) -> None:
    try:
        name = names.canonical(written)
    except InvalidInput:
        return
    with pytest.raises(OSError):
        socket.inet_aton(name)


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Localhost.:8443", ("localhost", 8443)), ("[::1]:443", ("::1", 443)), ("127.0.0.1:1", ("127.0.0.1", 1))],
)
def test_host_and_port_are_told_apart(written: str, meant: tuple[str, int]) -> None:
    assert names.host_and_port(written) == meant


@pytest.mark.parametrize(
    "written",
    ["", ":443", "a", "a:", "a:0", "a:65536", "a:-1", "a:+1", "a:1 ", "a: 1", "a:443:1:", "0x7f.1:443", "a:４"],
)
def test_what_is_no_host_and_port_is_refused(written: str) -> None:
    with pytest.raises(InvalidInput):
        names.host_and_port(written)

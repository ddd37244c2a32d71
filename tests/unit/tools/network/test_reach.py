import pytest

from models.errors import Forbidden, InvalidInput
from tools.network.reach import NOT_LISTED, Network, Reach

REACH = Reach(frozenset({"Git.Example.", "bücher.example"}), frozenset({"127.0.0.1:8443", "intranet:443"}))


@pytest.mark.parametrize(
    ("host", "port"),
    [
        ("git.example", 443),
        ("GIT.example.", 443),
        ("xn--bcher-kva.example", 443),
        ("127.0.0.1", 8443),
        ("intranet", 443),
    ],
)
def test_listed_host_is_admitted_in_any_spelling(host: str, port: int) -> None:
    REACH.admits(host, port)


@pytest.mark.parametrize(
    ("host", "port", "reason"),
    [
        ("example", 443, NOT_LISTED),
        ("a.git.example", 443, NOT_LISTED),
        ("git.example.evil.example", 443, NOT_LISTED),
        ("git.example", 80, "only port 443 is allowed"),
        ("git.example", 22, "only port 443 is allowed"),
        ("127.0.0.1", 443, "addresses are not allowed, only names of hosts"),
        ("127.0.0.1", 8444, "addresses are not allowed, only names of hosts"),
        ("8.8.8.8", 443, "addresses are not allowed, only names of hosts"),
        ("intranet", 8443, NOT_LISTED),
        ("git.example\0", 443, "it is no name of a host"),
    ],
)
def test_anything_else_is_refused_and_says_why(host: str, port: int, reason: str) -> None:
    with pytest.raises(Forbidden) as caught:
        REACH.admits(host, port)
    assert caught.value.details["reason"] == reason


def test_listed_name_must_lead_to_a_global_address() -> None:
    assert REACH.dialled("git.example", 443, lambda host, port: ["1.1.1.1"]) == ["1.1.1.1"]
    with pytest.raises(Forbidden):
        REACH.dialled("git.example", 443, lambda host, port: ["1.1.1.1", "192.168.0.1"])


def test_only_the_exception_itself_may_lead_to_any_address() -> None:
    assert REACH.dialled("intranet", 443, lambda host, port: ["10.0.0.1"]) == ["10.0.0.1"]


def test_nothing_is_asked_about_a_host_that_is_not_admitted() -> None:
    """A question to a name server would itself be a message to the outside."""

    def resolve(host: str, port: int) -> list[str]:
        raise AssertionError("asked")

    with pytest.raises(Forbidden):
        REACH.dialled("secret.evil.example", 443, resolve)


def test_by_default_nothing_is_admitted() -> None:
    with pytest.raises(Forbidden):
        Network().reach().admits("git.example", 443)


def test_host_of_the_settings_that_is_no_name_says_so() -> None:
    with pytest.raises(InvalidInput):
        Network(hosts=frozenset({"*.example"})).reach().admits("a.example", 443)

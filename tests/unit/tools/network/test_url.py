from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import InvalidInput
from tools.network.url import Url


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("https://Example.ORG", "https://example.org/"),
        ("HTTPS://example.org:443/a?b#c", "https://example.org/a?b"),
        ("http://example.org:443/", "http://example.org:443/"),
        ("https://bücher.example/ü?ä=%C3%BC", "https://xn--bcher-kva.example/%C3%BC?%C3%A4=%C3%BC"),
        ("https://[2606:4700:4700::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://example.org/a/../b//c", "https://example.org/a/../b//c"),
        ("https://example.org?a", "https://example.org/?a"),
    ],
)
def test_url_has_one_spelling(written: str, meant: str) -> None:
    assert str(Url.parse(written)) == meant


@given(st.text(max_size=60).map(lambda text: f"https://{text}"))
def test_host_that_is_judged_is_the_host_of_every_other_reader(written: str) -> None:
    try:
        url = Url.parse(written)
    except InvalidInput:
        return
    again = urlsplit(str(url))
    assert (again.hostname, again.username) == (url.host, None)
    assert url.for_request().host == url.host.encode()
    assert str(url).isascii() and "\n" not in str(url)
    assert Url.parse(str(url)) == url


def test_relative_redirect_stays_on_its_host() -> None:
    at = Url.parse("https://example.org/a/b?c")
    assert str(at.followed("d")) == "https://example.org/a/d"
    assert str(at.followed("?e")) == "https://example.org/a/b?e"
    assert str(at.followed("//other.example/x")) == "https://other.example/x"


@pytest.mark.parametrize(
    "location", ["http://example.org/", "ftp://example.org/", "https://a@b/", "https://a:b/", "a b"]
)
def test_redirect_that_leads_elsewhere_than_the_web_is_refused(location: str) -> None:
    with pytest.raises(InvalidInput):
        Url.parse("https://example.org/").followed(location)

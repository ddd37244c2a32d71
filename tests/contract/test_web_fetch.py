"""What web.fetch promises, with servers of this machine for the internet.  Nothing of it runs in a sandbox."""

import gzip
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trustme

from models.errors import Forbidden, InvalidInput, Misconfigured, ToolFailed
from tests.support import servers
from tests.support.servers import HOST, INWARDS, Page, Site
from tests.support.timeline import Told
from tools.contract import Context, Limits, ToolResult
from tools.network.fetch import fetch
from tools.network.reach import Network
from tools.registry import find
from tools.sandbox.choice import NoSandbox
from tools.web.rules import Web
from tools.workspace import Workspace

SOON = Limits(wall_s=20, network_bytes=2**20, file_bytes=2**20)


@pytest.fixture
def site(authority: trustme.CA) -> Iterator[Site]:
    with servers.serving(authority) as site:
        yield site


@pytest.fixture
def plain() -> Iterator[Site]:
    with servers.serving() as site:
        yield site


@pytest.fixture
def context(tmp_path: Path, site: Site, plain: Site, bundle: Path, told: Told) -> Context:
    return Context(
        workspace=Workspace.create(tmp_path / "workspaces", "w1"),
        sandbox=NoSandbox({}),
        limits=SOON,
        tool_env=tmp_path,
        network=Network(local=frozenset({site.at, plain.at}), ca_bundle=bundle),
        tell=told.tell,
        web=Web(robots=tmp_path / "robots"),
    )


def paths_seen(site: Site) -> list[str]:
    """What was asked for besides the robots.txt: tests/contract/test_robots.py."""
    return [seen["path"] for seen in site.seen if seen["path"] != "/robots.txt"]


def run(context: Context, **arguments: Any) -> ToolResult:
    tool = find("web.fetch")
    return tool.run(tool.parse(arguments), context)


def test_page_is_saved_and_its_beginning_is_shown(context: Context, site: Site, told: Told) -> None:
    text = "Grüße\n" * 20_000
    site.pages["/a/page.html"] = Page(text.encode("latin-1"), headers={"Content-Type": "text/plain; charset=latin-1"})
    result = run(context, url=site.url("/a/page.html"))
    output = result.output
    assert (result.exit_code, output["status"], output["size"]) == (0, 200, len(text))
    assert output["text"] == text[:6000] and output["text_length"] == len(text)
    assert output["headers"]["content-type"] == "text/plain; charset=latin-1"
    assert output["path"].startswith("research/localhost-page-") and output["path"].endswith(".html")
    assert context.workspace.read_bytes(output["path"]) == text.encode("latin-1")
    assert output["text_path"] == output["path"].replace(".html", ".txt")
    assert context.workspace.read_bytes(output["text_path"]) == text.encode()
    assert run(context, url=site.url("/a/page.html")).output["path"] == output["path"]
    assert [event["host"] for event in told.allowed()] == ["localhost"] * 3  # the first for robots.txt
    assert told.allowed()[1]["received_bytes"] > len(text)


def test_path_can_be_chosen_and_cannot_leave_the_workspace(context: Context, site: Site) -> None:
    site.pages["/"] = Page(b"x")
    assert run(context, url=site.url("/"), path="output/a.bin").output["path"] == "output/a.bin"
    with pytest.raises(InvalidInput):
        run(context, url=site.url("/"), path="../a.bin")


def test_request_carries_nothing_but_what_it_must(
    context: Context, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    site.pages["/"] = Page(b"x", headers={"Set-Cookie": "a=b"})
    run(context, url=site.url("/"))
    run(context, url=site.url("/"))
    assert all(
        set(seen) == {"path", "host", "user-agent", "accept", "accept-encoding", "connection"} for seen in site.seen
    )
    assert site.seen[1]["host"] == site.at


def test_answer_that_is_no_success_is_shown_and_not_saved(context: Context, site: Site) -> None:
    site.pages["/gone"] = Page(b"no more", 410, {"Content-Type": "text/plain"})
    result = run(context, url=site.url("/gone"), path="output/gone.txt")
    assert (result.exit_code, result.output["status"], result.output["text"]) == (1, 410, "no more")
    assert result.output["path"] is None and not context.workspace.exists("output/gone.txt")


def test_redirects_are_followed_and_the_last_url_is_told(context: Context, site: Site) -> None:
    site.pages["/1"] = Page(status=302, headers={"Location": "/2?a=b c"})
    site.pages["/2?a=b"] = Page(b"x")
    site.pages["/3"] = Page(status=301, headers={"Location": "4"})
    site.pages["/4"] = Page(b"there")
    result = run(context, url=site.url("/3"))
    assert result.output["url"] == site.url("/4")
    assert context.workspace.read_bytes(result.output["path"]) == b"there"


@pytest.mark.parametrize(
    "location",
    INWARDS,
)
def test_redirect_to_anywhere_but_the_public_web_is_refused(
    context: Context, site: Site, told: Told, location: str
) -> None:
    site.pages["/"] = Page(status=302, headers={"Location": location})
    with pytest.raises((Forbidden, InvalidInput)):
        run(context, url=site.url("/"))
    assert paths_seen(site) == ["/"] and len(told.allowed()) == 2
    assert context.workspace.list("research") == []


def test_endless_redirects_end(context: Context, site: Site) -> None:
    site.pages["/"] = Page(status=302, headers={"Location": "/"})
    with pytest.raises(ToolFailed, match="too many redirects"):
        run(context, url=site.url("/"))
    assert paths_seen(site) == ["/"] * 6


def test_redirect_from_https_to_http_is_refused(context: Context, site: Site, plain: Site) -> None:
    site.pages["/"] = Page(status=302, headers={"Location": plain.url("/")})
    with pytest.raises(InvalidInput, match="from https to http"):
        run(context, url=site.url("/"))
    assert plain.seen == []


def test_http_is_fetched_too(context: Context, plain: Site) -> None:
    plain.pages["/"] = Page(b"x")
    assert run(context, url=plain.url("/")).exit_code == 0


def test_host_that_is_no_exception_is_refused_by_its_address_and_told(context: Context, told: Told) -> None:
    with pytest.raises(Forbidden, match="it is this machine"):
        run(context, url="https://localhost/")
    assert told.reasons() == ["it is this machine"]
    with pytest.raises(Forbidden, match="only the ports 80 and 443"):
        run(context, url="https://localhost:9/")


def test_name_that_leads_to_a_private_address_is_refused(context: Context, told: Told) -> None:
    with pytest.raises(Forbidden, match="no global address"):
        fetch("https://inside.example/", context, resolve=lambda host, port: ["93.184.215.14", "10.0.0.7"])
    assert told.allowed() == []


def test_address_that_was_judged_is_the_one_that_is_dialled(context: Context, site: Site) -> None:
    """A name that answers differently the second time gains nothing: it is asked once."""
    site.pages["/"] = Page(b"x")
    asked = []

    def answer(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    fetched = fetch(site.url("/"), context, resolve=answer)
    assert fetched.status == 200 and asked == [HOST]
    named = replace(
        context,
        network=Network(frozenset(), frozenset(), frozenset({f"other.example:{site.port}"}), context.network.ca_bundle),
    )
    assert fetch(f"https://other.example:{site.port}/", named, resolve=lambda host, port: ["127.0.0.1"]).status == 200
    assert site.seen[-1]["host"] == f"other.example:{site.port}"


def test_host_that_does_not_answer_is_told(context: Context, told: Told) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(ToolFailed):
        run(replace(context, network=Network(local=frozenset({f"{HOST}:{port}"}))), url=f"http://{HOST}:{port}/")
    assert len(told.reasons()) == 1 and told.allowed() == []


def test_certificate_of_another_host_or_another_authority_is_refused(context: Context, site: Site) -> None:
    wrong = replace(
        context, network=Network(local=frozenset({f"third.example:{site.port}"}), ca_bundle=context.network.ca_bundle)
    )
    with pytest.raises(ToolFailed, match="certificate"):
        fetch(f"https://third.example:{site.port}/", wrong, resolve=lambda host, port: ["127.0.0.1"])
    with pytest.raises(ToolFailed, match="certificate"):
        run(replace(context, network=Network(local=frozenset({site.at}))), url=site.url("/"))
    assert site.seen == []


def test_certificates_that_cannot_be_read_name_the_setting(context: Context, site: Site, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").touch()
    for path in (tmp_path / "none.pem", tmp_path / "empty.pem"):
        with pytest.raises(Misconfigured) as caught:
            run(replace(context, network=Network(local=frozenset({site.at}), ca_bundle=path)), url=site.url("/"))
        assert caught.value.details["setting"] == "OPSCORE_CA_BUNDLE"


def test_gzip_is_unpacked_and_a_bomb_ends_at_the_limit(context: Context, site: Site) -> None:
    gzipped = {"Content-Encoding": "gzip", "Content-Type": "text/plain"}
    site.pages["/good"] = Page(gzip.compress(b"packed"), headers=gzipped)
    site.pages["/bomb"] = Page(gzip.compress(bytes(32 * 2**20)), headers=gzipped)
    site.pages["/broken"] = Page(gzip.compress(b"packed")[:-5], headers=gzipped)
    site.pages["/other"] = Page(b"x", headers={"Content-Encoding": "br"})
    assert run(context, url=site.url("/good")).output["text"] == "packed"
    result = run(context, url=site.url("/bomb"), path="output/bomb")
    assert (result.hit, result.exit_code, result.output["path"]) == ("file_bytes", 1, None)
    assert not context.workspace.exists("output/bomb")
    for path in ("/broken", "/other"):
        with pytest.raises(ToolFailed):
            run(context, url=site.url(path))


def test_bytes_are_limited_whatever_the_length_says(context: Context, site: Site) -> None:
    site.pages["/"] = Page(bytes(2 * 2**20))
    assert run(context, url=site.url("/")).hit == "network_bytes"
    many = {f"X-{number}": "a" * 4000 for number in range(60)}
    site.pages["/headers"] = Page(b"x", headers=many)
    with pytest.raises(ToolFailed):
        run(context, url=site.url("/headers"))


def test_body_for_which_the_workspace_has_no_room_is_not_saved(context: Context, site: Site) -> None:
    site.pages["/"] = Page(bytes(500_000))
    context.workspace.write_bytes("src/large", bytes(700_000))
    full = replace(context, limits=replace(SOON, workspace_bytes=2**20))
    result = run(full, url=site.url("/"), path="output/a")
    assert (result.hit, result.exit_code) == ("workspace_bytes", 1)
    assert not context.workspace.exists("output/a")


def test_content_type_that_was_not_asked_for_is_refused(context: Context, site: Site) -> None:
    site.pages["/"] = Page(b"x", headers={"Content-Type": "application/zip"})
    with pytest.raises(ToolFailed, match="content type"):
        run(context, url=site.url("/"), content_types=["text/", "application/json"])


@contextmanager
def dripping(*, after: bytes) -> Iterator[int]:
    """A server that says `after` and then one byte every tenth of a second, for ever."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def drip() -> None:
        taken, _ = listener.accept()
        with taken:
            taken.sendall(after)
            while not over.wait(0.1):
                try:
                    taken.sendall(b"x")
                except OSError:
                    return

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        over.set()
        thread.join()
        listener.close()


@pytest.mark.parametrize("after", [b"", b"HTTP/1.1 200 OK\r\nX-Endless: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_answer_that_never_ends_ends_when_the_time_is_up(context: Context, after: bytes) -> None:
    with dripping(after=after) as port:
        network = Network(local=frozenset({f"{HOST}:{port}"}))
        started = time.monotonic()
        result = run(replace(context, network=network, limits=Limits(wall_s=0.7)), url=f"http://{HOST}:{port}/")
        assert (result.hit, result.exit_code) == ("wall_s", 124)
        assert time.monotonic() - started < 15


def test_resolver_that_does_not_answer_is_not_waited_for(context: Context) -> None:
    answer = threading.Event()

    def silent(host: str, port: int) -> list[str]:
        answer.wait(60)
        return ["192.0.2.1"]

    started = time.monotonic()
    try:
        fetched = fetch("https://slow.example/", replace(context, limits=Limits(wall_s=0.5)), resolve=silent)
        assert (fetched.hit, fetched.status) == ("wall_s", None)
        assert time.monotonic() - started < 15
        fetched = fetch("https://slow.example/", replace(context, is_cancelled=lambda: True), resolve=silent)
        assert (fetched.hit, fetched.status) == (None, None)
    finally:
        answer.set()


@contextmanager
def silent() -> Iterator[int]:
    """A server that takes every connection, and never says anything."""
    with socket.create_server((HOST, 0)) as listener:
        yield listener.getsockname()[1]


@contextmanager
def full() -> Iterator[int]:
    """A server that takes no connection any more: as many wait as may."""
    with socket.create_server((HOST, 0), backlog=0) as listener, ExitStack() as waiting:
        address = listener.getsockname()
        for _ in range(4):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(address)
        yield address[1]


@contextmanager
def nowhere() -> Iterator[int]:
    """A server whose name has no answer."""
    yield 443


BEGUN_ANSWER = b"HTTP/1.1 200 OK\r\nX-Endless: "
BEGUN_HANDSHAKE = b"\x16\x03\x03\x40\x00"


@pytest.mark.parametrize(
    ("scheme", "server"),
    [
        pytest.param("http", silent, id="no answer"),
        pytest.param("https", silent, id="no handshake"),
        pytest.param("http", full, id="no connection"),
        pytest.param("http", nowhere, id="no address"),
        pytest.param("http", partial(dripping, after=BEGUN_ANSWER), id="dribbles"),
        pytest.param("https", partial(dripping, after=BEGUN_HANDSHAKE), id="dribbles in the handshake"),
    ],
)
def test_fetch_ends_within_two_seconds_of_its_cancellation(context: Context, scheme: str, server: Any) -> None:
    answers = threading.Event()
    cancelled_at: list[float] = []

    def ask(host: str, port: int) -> list[str]:
        if server is nowhere:
            answers.wait(60)
        return [HOST]

    with server() as port:
        network = replace(context.network, local=frozenset({f"{HOST}:{port}"}))
        waits = replace(context, network=network, is_cancelled=lambda: bool(cancelled_at))
        canceller = threading.Timer(0.5, lambda: cancelled_at.append(time.monotonic()))
        canceller.start()
        try:
            fetched = fetch(f"{scheme}://{HOST}:{port}/", waits, resolve=ask)
            ended_at = time.monotonic()
        finally:
            canceller.join()
            answers.set()
    assert (fetched.hit, fetched.status) == (None, None)
    # The promise itself; a tick of a quarter of a second is what it takes.
    assert 0 < ended_at - cancelled_at[0] < 2


def test_cancelled_fetch_ends(context: Context) -> None:
    asked = iter([False, False, False])
    with dripping(after=b"HTTP/1.1 200 OK\r\n\r\n") as port:
        stopped = replace(
            context, network=Network(local=frozenset({f"{HOST}:{port}"})), is_cancelled=lambda: next(asked, True)
        )
        result = run(stopped, url=f"http://{HOST}:{port}/")
    assert (result.hit, result.exit_code) == (None, None)


@pytest.mark.parametrize(
    "url",
    ["", "example.org", "ftp://example.org/", "https://", "https:///etc", "https://a:b@example.org/", "https://a@example.org/",
     "https://example.org:0/", "https://example.org:99999/", "https://exa mple.org/", "https://example.org/\r\nHost: x",
     "https://example.org\\@evil.example/", "https://[::1/", "https://0177.0.0.1/",
     "https://127.1/", "javascript:alert(1)"],
)  # fmt: skip
def test_what_is_no_url_of_the_web_is_refused(context: Context, url: str) -> None:
    with pytest.raises(InvalidInput):
        run(context, url=url)

"""What the tools that call outside services say of them: which they ask for before, and how they did.

The services are servers of this machine; that all workers share what is known: tests/integration/test_services.py.
"""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import trustme

from models.errors import ServiceUnavailable, ToolFailed
from tests.support import servers, wheels
from tests.support.boxed import Box
from tests.support.packaged import Host, bare_host
from tests.support.servers import Page, Site
from tests.support.timeline import Told
from tools import sandbox
from tools.contract import Context, Limits, ToolResult
from tools.network.away import Away
from tools.network.reach import Network
from tools.network.url import Url
from tools.registry import find
from tools.services import Use, Verdict
from tools.web import robots
from tools.web.rules import Web
from tools.workspace import Workspace


@dataclass
class Noted:
    """Services that note who asked for which and how it did; those that are away are refused."""

    away: set[str] = field(default_factory=set)
    uses: list[tuple[str, Verdict, str]] = field(default_factory=list)

    @contextmanager
    def using(self, name: str, apart: timedelta | None = None) -> Iterator[Use]:
        if name in self.away:
            raise ServiceUnavailable(f"cannot call {name} now", retry_after_s=30)
        use = Use()
        try:
            yield use
        except BaseException as error:
            use.broke(error)
            raise
        finally:
            self.uses.append((name, use.verdict, use.reason))


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def site(authority: trustme.CA, tmp_path: Path) -> Iterator[Site]:
    servers.repository(tmp_path / "repositories" / "hello.git", {"README.md": "# Hello\n"})
    with servers.serving(authority, tmp_path / "repositories") as site:
        yield site


@pytest.fixture
def tier() -> sandbox.Sandbox:
    """The strongest of this host; what is asked here does not depend on it, but for sockets."""
    found = sandbox.choose()
    if found.tier == 3:
        pytest.fail("cannot test this without a sandbox whose programs have sockets")
    return found


@pytest.fixture
def box(tmp_path: Path, tier: sandbox.Sandbox, tool_env: Path) -> Iterator[Box]:
    workspace = Workspace.create(tmp_path / "workspaces", "w1", "# A test\n")
    yield Box(workspace, tier, tool_env)
    workspace.remove()


@pytest.fixture
def dead() -> str:
    """A host and port at which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return f"localhost:{found.getsockname()[1]}"


@pytest.fixture
def index(site: Site, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host whose one index is the site."""
    host = bare_host(tmp_path, monkeypatch)
    wheels.wheel(host.wheels, "helper", "1.0")
    monkeypatch.delenv("UV_NO_INDEX")
    monkeypatch.delenv("UV_FIND_LINKS")
    host.set(PIP_INDEX_URL=site.url("/simple"), PIP_CERT=str(bundle), UV_HTTP_RETRIES="0")
    return host


@pytest.fixture
def context(box: Box, site: Site, dead: str, bundle: Path, told: Told, noted: Noted, tmp_path: Path) -> Context:
    for url in (site.url("/"), f"http://{dead}/", f"https://{dead}/"):
        robots.keep(Url.parse(url), tmp_path / "robots", "")
    network = Network(local=frozenset({site.at, dead}), ca_bundle=bundle)
    limits = Limits(wall_s=30, network_bytes=2**20, file_bytes=2**20)
    return box.context(
        network=network, tell=told.tell, services=noted, limits=limits, web=Web(robots=tmp_path / "robots")
    )


def run(name: str, context: Context, **arguments: Any) -> ToolResult:
    tool = find(name)
    return tool.run(tool.parse(arguments), context)


@pytest.mark.parametrize(
    ("status", "verdict"), [(200, Verdict.WELL), (404, Verdict.WELL), (429, Verdict.WRONG), (503, Verdict.WRONG)]
)
def test_host_of_a_page_did_well_unless_it_says_that_it_cannot_now(
    context: Context, site: Site, noted: Noted, status: int, verdict: Verdict
) -> None:
    site.pages["/"] = Page(b"x", status=status, headers={"Retry-After": "7"})
    result = run("web.fetch", context, url=site.url("/"))
    assert noted.uses == [(f"web:{site.at}", verdict, f"HTTP {status}" if verdict is Verdict.WRONG else "")]
    assert (result.is_transient, result.retry_after_s) == ((True, 7.0) if verdict is Verdict.WRONG else (False, None))


def test_host_that_does_not_answer_did_wrong(context: Context, dead: str, noted: Noted) -> None:
    with pytest.raises(ToolFailed) as caught:
        run("web.fetch", context, url=f"http://{dead}/")
    assert caught.value.transient
    assert [(name, verdict) for name, verdict, _ in noted.uses] == [(f"web:{dead}", Verdict.WRONG)]


def test_each_host_on_the_way_is_asked_for(context: Context, site: Site, dead: str, noted: Noted) -> None:
    site.pages["/"] = Page(status=302, headers={"Location": f"https://{dead}/"})
    noted.away.add(f"web:{dead}")
    with pytest.raises(ServiceUnavailable):
        run("web.fetch", context, url=site.url("/"))
    assert [(name, verdict) for name, verdict, _ in noted.uses] == [(f"web:{site.at}", Verdict.WELL)]


def test_call_that_was_cancelled_shows_nothing_of_its_host(context: Context, site: Site, noted: Noted) -> None:
    site.pages["/"] = Page(b"x")
    run("web.fetch", replace(context, is_cancelled=lambda: True), url=site.url("/"))
    assert [verdict for _, verdict, _ in noted.uses] == [Verdict.UNKNOWN]


def test_service_that_is_left_alone_is_not_called_by_any_tool(
    context: Context, site: Site, noted: Noted, index: Host
) -> None:
    noted.away |= {f"{kind}:{site.at}" for kind in ("web", "git", "packages")}
    for name, arguments in (
        ("web.fetch", {"url": site.url("/")}),
        ("git.clone", {"url": site.url("/hello.git")}),
        ("python.install", {"packages": ["helper"]}),
    ):
        with pytest.raises(ServiceUnavailable) as caught:
            run(name, replace(context, packages=index.rules), **arguments)
        assert caught.value.transient
    assert site.seen == []


def test_git_host_did_well_also_where_it_has_no_such_repository(context: Context, site: Site, noted: Noted) -> None:
    assert run("git.clone", context, url=site.url("/hello.git")).exit_code == 0
    lost = run("git.clone", context, url=site.url("/lost.git"))
    assert lost.exit_code not in (0, None)
    assert not lost.is_transient
    assert noted.uses == [(f"git:{site.at}", Verdict.WELL, "")] * 2


def test_git_host_that_does_not_answer_or_cannot_now_did_wrong(
    context: Context, site: Site, dead: str, noted: Noted
) -> None:
    site.pages["/hello.git/info/refs?service=git-upload-pack"] = Page(status=503)
    results = [run("git.clone", context, url=f"https://{at}/hello.git") for at in (dead, site.at)]
    assert [result.is_transient for result in results] == [True, True], [each.stderr.text for each in results]
    assert [(name, verdict) for name, verdict, _ in noted.uses] == [
        (f"git:{dead}", Verdict.WRONG),
        (f"git:{site.at}", Verdict.WRONG),
    ]
    assert noted.uses[1][2] == "HTTP 503"


def test_index_did_well_where_it_has_no_such_package_and_wrong_where_it_cannot_answer(
    context: Context, site: Site, noted: Noted, index: Host
) -> None:
    able = replace(context, packages=index.rules)
    lost = run("python.install", able, packages=["lost"])
    assert lost.exit_code not in (0, None)
    assert not lost.is_transient
    site.pages["/simple/helper/"] = Page(status=503)
    away = run("python.install", able, packages=["helper"])
    assert away.is_transient, away.stderr.text
    assert {name for name, _, _ in noted.uses} == {f"packages:{site.at}"}
    assert noted.uses[-1][1:] == (Verdict.WRONG, "HTTP 503")


def test_index_that_does_not_answer_did_wrong(context: Context, dead: str, noted: Noted, index: Host) -> None:
    index.set(PIP_INDEX_URL=f"https://{dead}/simple")
    result = run("python.install", replace(context, packages=index.rules), packages=["helper"])
    assert result.is_transient, result.stderr.text
    assert [(name, verdict) for name, verdict, _ in noted.uses] == [(f"packages:{dead}", Verdict.WRONG)]


def test_words_of_a_program_blame_the_host_that_they_name() -> None:
    found = Away()
    found.read(
        "error: Failed to fetch: `https://one.example/simple/a/`\n"
        "  Caused by: HTTP status server error (503 Service Unavailable) for url (https://u:p@one.example/simple/a/)\n"
        "fatal: unable to access: The requested URL returned error: 502\n"
        "error: 503 of 600 tests failed, HTTP 404\n",
        otherwise="two.example",
    )
    assert found.hosts == {"one.example": "HTTP 503", "two.example": "HTTP 502"}

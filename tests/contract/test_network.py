"""What may be reached from the sandbox and by web.fetch, with servers of this machine for the internet.

They are reached as explicit exceptions (`Network.local`), as tests and intranets do; no test needs the internet.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trustme

from models.errors import Conflict, Forbidden, InvalidInput, SandboxUnavailable
from tests.support import servers
from tests.support.boxed import QUICK, Box
from tests.support.servers import Page, Site
from tests.support.timeline import Told
from tools import interpreter
from tools.contract import Context, Finished, ToolResult
from tools.network import connected, proxy
from tools.network.reach import Network, Reach
from tools.registry import find
from tools.sandbox.contract import Call, Inside

NO_SOCKETS = pytest.mark.not_on_tier(3, "programs have no sockets there, and so no network")


@pytest.fixture
def site(authority: trustme.CA) -> Iterator[Site]:
    with servers.serving(authority) as site:
        site.pages["/hello"] = Page(b"hello, world", headers={"Content-Type": "text/plain"})
        yield site


def context_of(box: Box, told: Told, site: Site, bundle: Path, **more: Any) -> Context:
    network = Network(local=frozenset({site.at}), ca_bundle=bundle)
    return box.context(**{"network": network, "tell": told.tell, **more})


def connected_python(box: Box, context: Context, reach: Reach, code: str, *args: str) -> Finished:
    """Run code inside with a way to what `reach` allows."""
    command = (str(interpreter.base().executable), "-I", Inside("given", "code.py"), *args)
    files = {"code.py": code.encode()}
    return connected.run(Call(command, box.workspace.path, files=files, limits=context.limits), context, reach)


GET = """
import http.client, sys, urllib.request
for url in sys.argv[1:]:
    try:
        print(urllib.request.urlopen(url, timeout=10).read().decode())
    except (OSError, http.client.HTTPException) as error:
        print("failed:", error)
"""


@NO_SOCKETS
def test_program_inside_reaches_an_allowed_host_and_the_timeline_says_so(
    box: Box, site: Site, bundle: Path, told: Told
) -> None:
    context = context_of(box, told, site, bundle)
    finished = connected_python(box, context, context.network.reach(), GET, site.url("/hello"))
    assert finished.stdout.text.strip() == "hello, world", finished.stderr.text
    [event] = told.allowed()
    assert (event["host"], event["port"]) == ("localhost", site.port)
    assert event["sent_bytes"] > 100 and event["received_bytes"] > 100
    assert told.reasons() == []


@NO_SOCKETS
def test_what_is_not_allowed_is_refused_with_a_reason_that_the_program_shows(
    box: Box, site: Site, bundle: Path, told: Told
) -> None:
    context = context_of(box, told, site, bundle)
    reach = context.network.reach(["localhost"])
    urls = [
        "https://elsewhere.example/",
        f"https://127.0.0.1:{site.port}/hello",
        f"https://2130706433:{site.port}/hello",
        f"https://[::ffff:7f00:1]:{site.port}/hello",
        "https://localhost/hello",
        "http://localhost/hello",
    ]
    finished = connected_python(box, context, reach, GET, *urls)
    lines = finished.stdout.text.splitlines()
    assert len(lines) == len(urls) and all(line.startswith("failed:") for line in lines)
    listed = "the host is not on the list of allowed hosts"
    names_only = "addresses are not allowed, only names of hosts"
    assert [listed in lines[0], names_only in lines[1], "it is this machine" in lines[4]] == [True] * 3
    assert told.reasons()[0] == listed
    assert told.reasons()[4] == "it is this machine"
    assert told.allowed() == [] and site.seen == []


@NO_SOCKETS
def test_program_that_ignores_the_proxy_reaches_nothing(box: Box, site: Site, bundle: Path, told: Told) -> None:
    code = """
import socket, sys
found = []
for family, address in ((socket.AF_INET, ("127.0.0.1", int(sys.argv[1]))), (socket.AF_INET, ("192.0.2.1", 443)),
                        (socket.AF_INET6, ("::1", int(sys.argv[1])))):
    with socket.socket(family) as probe:
        probe.settimeout(3)
        if probe.connect_ex(address) == 0:
            found.append(address)
try:
    socket.getaddrinfo("example.org", 443)
    found.append("a resolver")
except OSError:
    pass
print(found)
"""
    context = context_of(box, told, site, bundle)
    finished = connected_python(box, context, context.network.reach(), code, str(site.port))
    assert finished.stdout.text.strip() == "[]", finished.stderr.text
    assert told.events == []


@NO_SOCKETS
def test_bytes_of_both_ways_are_limited_and_the_limit_is_named(box: Box, site: Site, bundle: Path, told: Told) -> None:
    site.pages["/large"] = Page(bytes(4_000_000))
    context = context_of(box, told, site, bundle, limits=replace(QUICK, network_bytes=300_000))
    finished = connected_python(box, context, context.network.reach(), GET, site.url("/large"), site.url("/hello"))
    assert finished.hit == "network_bytes"
    assert [line.startswith("failed:") for line in finished.stdout.text.splitlines()] == [True, True]
    moved = sum(event["sent_bytes"] + event["received_bytes"] for event in told.allowed())
    assert moved < 300_000 + 2**17
    assert "cannot reach anything more: the call's network bytes are used up" in told.reasons()


@NO_SOCKETS
def test_socket_of_another_call_is_not_there(box: Box, told: Told, site: Site, bundle: Path) -> None:
    code = "import os, sys; print([os.path.exists(path) for path in sys.argv[1:]], os.listdir('/tmp'))"
    context = context_of(box, told, site, bundle)
    with proxy.serving(Reach(), 1000, told.tell) as other:
        paths = [str(other.folder / "proxy.sock"), str(other.folder), str(other.folder.parent)]
        assert (other.folder / "proxy.sock").is_socket()
        finished = connected_python(box, context, context.network.reach(), code, *paths)
    assert finished.stdout.text.startswith("[False, False, False]"), finished.stderr.text
    assert "opscore-proxy" not in finished.stdout.text
    assert not other.folder.parent.exists()


@NO_SOCKETS
def test_exit_code_and_signals_pass_through_the_bridge(box: Box, told: Told, site: Site, bundle: Path) -> None:
    context = context_of(box, told, site, bundle)
    reach = context.network.reach()
    assert connected_python(box, context, reach, "import sys; sys.exit(7)").exit_code == 7
    assert connected_python(box, context, reach, "import os; os.kill(os.getpid(), 9)").exit_code == 137
    code = """
import os, signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
os.kill(os.getppid(), signal.SIGTERM)
time.sleep(20)
"""
    assert connected_python(box, context, reach, code).exit_code == 5
    missing = connected.run(Call(("no-such-program",), box.workspace.path, limits=QUICK), context, reach)
    assert missing.exit_code == 127 and "cannot start no-such-program" in missing.stderr.text


def clone(box: Box, context: Context, **arguments: Any) -> ToolResult:
    tool = find("git.clone")
    return tool.run(tool.parse(arguments), context)


@dataclass(frozen=True)
class GitHost:
    """A git host with one repository."""

    site: Site
    commit: str
    url: str


@pytest.fixture(scope="module")
def git_host(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHost]:
    folder = tmp_path_factory.mktemp("repositories")
    files = {
        "README.md": "# Hello\n",
        "src/a.py": "print(1)\n",
        ".gitmodules": '[submodule "x"]\n\tpath = x\n\turl = .\n',
    }
    commit = servers.repository(folder / "hello.git", files)
    with servers.serving(authority, folder) as site:
        yield GitHost(site, commit, site.url("/hello.git"))


@NO_SOCKETS
def test_repository_is_cloned_through_the_proxy(box: Box, git_host: GitHost, bundle: Path, told: Told) -> None:
    context = context_of(box, told, git_host.site, bundle)
    result = clone(box, context, url=git_host.url)
    assert result.exit_code == 0, result.stderr.text
    assert (result.output["path"], result.output["commit"]) == ("src/hello", git_host.commit)
    assert box.workspace.read_bytes("src/hello/src/a.py") == b"print(1)\n"
    assert box.workspace.read_bytes("src/hello/.git/shallow").decode().strip() == git_host.commit
    assert not box.workspace.exists("src/hello/.git/hooks")
    assert {event["host"] for event in told.allowed()} == {"localhost"} and told.reasons() == []
    with pytest.raises(Conflict):
        clone(box, context, url=git_host.url)


@NO_SOCKETS
def test_branch_commit_and_whole_history_can_be_chosen(box: Box, git_host: GitHost, bundle: Path, told: Told) -> None:
    context = context_of(box, told, git_host.site, bundle)
    whole = clone(box, context, url=git_host.url, into="src/whole", branch="main", depth=0)
    assert whole.exit_code == 0 and not box.workspace.exists("src/whole/.git/shallow"), whole.stderr.text
    one = clone(box, context, url=git_host.url, into="src/one", commit=git_host.commit)
    assert one.exit_code == 0 and one.output["commit"] == git_host.commit, one.stderr.text
    wrong = clone(box, context, url=git_host.url, into="src/wrong", branch="no-such-branch")
    assert wrong.exit_code not in (0, None) and "no-such-branch" in wrong.stderr.text
    assert not box.workspace.exists("src/wrong")
    lost = clone(box, context, url=git_host.url, into="src/lost", commit="0" * 40)
    assert lost.exit_code not in (0, None) and not box.workspace.exists("src/lost")


@NO_SOCKETS
def test_configuration_in_the_workspace_does_not_lead_a_clone_astray(
    box: Box, git_host: GitHost, bundle: Path, told: Told
) -> None:
    hostile = "[http]\n\tsslVerify = false\n[core]\n\thooksPath = /workspace/hooks\n"
    hostile += "[init]\n\ttemplateDir = /workspace/hooks\n"
    hostile += f'[url "https://elsewhere.example/"]\n\tinsteadOf = {git_host.site.url("/")}\n'
    for path in (".gitconfig", ".config/git/config"):
        box.workspace.write_bytes(path, hostile.encode())
    hook = b"#!/bin/sh\ntouch /workspace/hooked\n"
    box.workspace.write_bytes("hooks/post-checkout", hook)
    box.run("chmod", "755", "hooks/post-checkout")
    result = clone(box, context_of(box, told, git_host.site, bundle), url=git_host.url)
    assert result.exit_code == 0, result.stderr.text
    assert not box.workspace.exists("hooked")
    assert told.reasons() == []


@NO_SOCKETS
def test_redirect_of_a_clone_to_another_host_is_refused(box: Box, git_host: GitHost, bundle: Path, told: Told) -> None:
    path = "/moved.git/info/refs?service=git-upload-pack"
    git_host.site.pages[path] = Page(status=302, headers={"Location": "https://elsewhere.example/x.git/info/refs"})
    result = clone(box, context_of(box, told, git_host.site, bundle), url=git_host.site.url("/moved.git"))
    assert result.exit_code not in (0, None)
    assert told.reasons() == ["the host is not on the list of allowed hosts"]
    assert not box.workspace.exists("src/moved")


def test_clone_from_a_host_that_is_not_allowed_names_host_and_setting(box: Box, told: Told) -> None:
    context = box.context(network=Network(git_hosts=frozenset({"git.example"})), tell=told.tell)
    with pytest.raises(Forbidden) as caught:
        clone(box, context, url="https://elsewhere.example/a.git")
    assert "elsewhere.example" in caught.value.message
    assert caught.value.details["setting"] == "OPSCORE_GIT_HOSTS"
    assert caught.value.details["allowed"] == ["git.example"]
    assert told.reasons() == ["the host is not on the list of allowed hosts"]


@pytest.mark.parametrize(
    "url",
    [
        "http://git.example/a.git",
        "ssh://git.example/a.git",
        "git@git.example:a.git",
        "file:///etc",
        "ext::sh -c id",
        "https://user:word@git.example/a.git",
        "--upload-pack=id",
        "https://git.example/a b",
    ],
)
def test_clone_by_any_other_way_is_refused(box: Box, url: str) -> None:
    with pytest.raises(InvalidInput):
        clone(box, box.context(network=Network(git_hosts=frozenset({"git.example"}))), url=url)


def test_tier_without_sockets_says_that_it_has_no_network(box: Box, told: Told, site: Site, bundle: Path) -> None:
    context = context_of(box, told, site, bundle)
    if box.sandbox.tier == 3:
        with pytest.raises(SandboxUnavailable, match="tier 3 has none"):
            clone(box, context, url=site.url("/hello.git"))
    else:
        reach = context.network.reach()
        assert connected.run(Call(("true",), box.workspace.path, limits=QUICK), context, reach).exit_code == 0

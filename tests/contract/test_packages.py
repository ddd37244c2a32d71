"""What python.install promises: a task's own packages, on every tier, and nothing but what may be had.

The wheels are written by hand and lie in folders; an index over https is one of this machine.  No test needs the
internet.  Hostile wheels: test_hostile_packages.py.
"""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from models.errors import Conflict, Forbidden, InvalidInput, Misconfigured, NotFound, SandboxUnavailable
from tests.support import servers, wheels
from tests.support.boxed import Box
from tests.support.packaged import Host, Unreachable, bare_host
from tests.support.servers import Page, Site
from tools import sandbox
from tools.contract import Limits
from tools.packages import cache
from tools.workspace import Workspace

GREET = "import helper, sys\ndef main():\n    print('hello', *sys.argv[1:], helper.version)\n"
SETUP = "from setuptools import setup\nsetup(name={name!r}, version='1.0', py_modules=[{name!r}])\n"


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    """A host with two small packages, of which the first needs the second."""
    host = bare_host(tmp_path, monkeypatch)
    wheels.wheel(
        host.wheels, "greeting", files={"greeting.py": GREET}, needs=["helper>=1"], scripts={"greet": "greeting:main"}
    )
    wheels.wheel(host.wheels, "helper", "1.0")
    return host


@pytest.fixture
def one(tmp_path: Path, tool_env: Path) -> Iterator[Box]:
    """A box on the strongest tier alone, for what does not depend on it."""
    workspace = Workspace.create(tmp_path / "workspaces", "w2", "# A test\n")
    yield Box(workspace, sandbox.choose(), tool_env)
    workspace.remove()


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_package_is_there_for_code_and_its_script_for_programs(box: Box, host: Host) -> None:
    result = host.install(box, "greeting")
    assert result.exit_code == 0, result.stderr.text
    assert host.python(box, "import greeting, pandas; greeting.main()").stdout.text == "hello 1.0\n"
    assert host.program(box, "greet", "you").stdout.text == "hello you 1.0\n"
    assert host.program(box, "sh", "-c", "greet all; echo $?").stdout.text == "hello all 1.0\n0\n"


def test_code_cannot_change_what_is_installed(box: Box, host: Host) -> None:
    host.install(box, "helper")
    code = """
import helper, os, pathlib
for attempt in (lambda path: path.write_text("changed"), os.unlink, lambda path: path.chmod(0o777),
                lambda path: (path.parent / "new.py").touch(), lambda path: os.rename(path.parent, "/tmp/x")):
    try:
        attempt(pathlib.Path(helper.__file__))
        print("it could")
    except OSError:
        print("refused")
"""
    assert host.python(box, code).stdout.text == "refused\n" * 5
    assert host.python(box, "import helper; print(helper.version)").stdout.text == "1.0\n"


def test_what_was_installed_is_told_with_its_hashes(one: Box, host: Host) -> None:
    output = host.install(one, "greeting").output
    assert [(each["name"], each["version"]) for each in output["packages"]] == [("greeting", "1.0"), ("helper", "1.0")]
    assert output["packages"][1]["sha256"] == [sha256(host.wheels / "helper-1.0-py3-none-any.whl")]
    assert all(each["size"] > 0 for each in output["packages"])
    assert output["cached"] is False
    text = one.workspace.read_bytes("packages.txt").decode()
    assert "# asked for: greeting\n" in text and "asked for: helper" not in text
    assert f"helper==1.0 \\\n    --hash=sha256:{output['packages'][1]['sha256'][0]}\n" in text


def test_second_task_gets_it_from_the_cache_without_a_sandbox(one: Box, host: Host, tmp_path: Path) -> None:
    first = host.install(one, "greeting")
    other = replace(one, workspace=Workspace.create(tmp_path / "workspaces", "w3"))
    second = host.install(other, "greeting", sandbox=replace_tier(one))
    assert second.output == {**first.output, "cached": True}
    assert other.workspace.read_bytes("packages.txt") == one.workspace.read_bytes("packages.txt")
    assert host.program(other, "greet").stdout.text == "hello 1.0\n"


def replace_tier(box: Box) -> Unreachable:
    unreachable = Unreachable()
    unreachable.tier = box.sandbox.tier
    return unreachable


def test_several_installs_add_up_and_a_later_word_replaces_an_earlier(one: Box, host: Host) -> None:
    wheels.wheel(host.wheels, "helper", "2.0")
    host.install(one, "helper==1.0")
    both = host.install(one, "greeting").output
    assert {each["name"]: each["version"] for each in both["packages"]} == {"greeting": "1.0", "helper": "1.0"}
    newer = host.install(one, "helper==2.0").output
    assert {each["name"]: each["version"] for each in newer["packages"]} == {"greeting": "1.0", "helper": "2.0"}


def test_range_stays_what_it_was_until_a_refresh(one: Box, host: Host) -> None:
    host.install(one, "helper")
    wheels.wheel(host.wheels, "helper", "2.0")
    wheels.wheel(host.wheels, "third", "1.0")
    kept = host.install(one, "third").output
    assert {each["name"]: each["version"] for each in kept["packages"]} == {"helper": "1.0", "third": "1.0"}
    fresh = host.install(one, "third", refresh=True).output
    assert {each["name"]: each["version"] for each in fresh["packages"]} == {"helper": "2.0", "third": "1.0"}


def test_what_the_shared_environment_has_is_not_installed_again(one: Box, host: Host) -> None:
    shared = next((one.tool_env / "lib").glob("python3.*/site-packages/cycler-*.dist-info"))
    version = shared.name.removesuffix(".dist-info").partition("-")[2]
    wheels.wheel(host.wheels, "cycler", version)
    wheels.wheel(host.wheels, "cycler", "999.0")
    wheels.wheel(host.wheels, "user", files={"user.py": "import cycler\n"}, needs=["cycler"])
    output = host.install(one, "user").output
    assert output["shared"] == [f"cycler=={version}"]
    assert [each["name"] for each in output["packages"]] == ["user"]
    assert "site-packages/cycler" in host.python(one, "import user; print(user.cycler.__file__)").stdout.text


def test_environment_that_this_host_has_not_is_named_and_made_again_exactly(one: Box, host: Host) -> None:
    before = host.install(one, "greeting").output
    text = one.workspace.read_bytes("packages.txt")
    wheels.wheel(host.wheels, "helper", "2.0")
    elsewhere = replace(host, rules=replace(host.rules, folder=host.rules.folder / "elsewhere"))
    with pytest.raises(NotFound) as caught:
        elsewhere.python(one, "import greeting")
    assert "python.install" in caught.value.details["cure"]
    again = elsewhere.install(one)
    assert again.output == {**before, "cached": False}
    assert one.workspace.read_bytes("packages.txt") == text
    assert elsewhere.program(one, "greet").stdout.text == "hello 1.0\n"


def test_edited_account_names_nothing_that_was_not_installed(one: Box, host: Host) -> None:
    host.install(one, "greeting")
    text = one.workspace.read_bytes("packages.txt").decode()
    one.workspace.write_bytes("packages.txt", text.replace("helper==1.0", "helper==../../etc").encode())
    with pytest.raises(InvalidInput):
        host.python(one, "1")
    one.workspace.write_bytes("packages.txt", text.replace("helper==1.0", "helper==3.0").encode())
    with pytest.raises(NotFound):
        host.program(one, "echo")


def test_file_with_another_hash_is_not_installed(one: Box, host: Host) -> None:
    host.install(one, "helper")
    text = one.workspace.read_bytes("packages.txt").decode()
    good = sha256(host.wheels / "helper-1.0-py3-none-any.whl")
    one.workspace.write_bytes("packages.txt", text.replace(good, "0" * 64).encode())
    result = host.install(one)
    assert result.exit_code not in (0, None)
    assert "hash" in result.stderr.text.lower()
    with pytest.raises(NotFound):
        host.python(one, "import helper")


def test_file_of_that_name_which_is_somebody_elses_is_kept(one: Box, host: Host) -> None:
    one.workspace.write_bytes("packages.txt", b"libfoo\nlibbar\n")
    assert host.python(one, "print(1)").stdout.text == "1\n"
    with pytest.raises(Conflict):
        host.install(one, "helper")
    assert one.workspace.read_bytes("packages.txt") == b"libfoo\nlibbar\n"


def test_lists_count_for_what_a_package_needs_too(one: Box, host: Host) -> None:
    for rules in ({"deny": ("Helper",)}, {"allow": ("greeting",)}):
        told = replace(host, rules=replace(host.rules, **rules))
        with pytest.raises(Forbidden) as caught:
            told.install(one, "greeting")
        assert caught.value.details["packages"] == ["helper"]
        assert not one.workspace.exists("packages.txt")
    allowed = replace(host, rules=replace(host.rules, allow=("Greeting", "HELPER")))
    assert allowed.install(one, "greeting").exit_code == 0


def test_package_that_was_denied_since_is_not_shown_any_more(one: Box, host: Host) -> None:
    host.install(one, "greeting")
    with pytest.raises(Forbidden):
        replace(host, rules=replace(host.rules, deny=("helper",))).python(one, "import greeting")


def test_package_that_is_not_there_is_a_result_that_says_so(one: Box, host: Host) -> None:
    result = host.install(one, "greeting", "no-such-package")
    assert result.exit_code not in (0, None)
    assert "no-such-package" in result.stderr.text
    assert not one.workspace.exists("packages.txt")


def test_source_is_built_only_where_a_person_approved_it(one: Box, host: Host) -> None:
    wheels.source(host.wheels, "rough", "1.0", {"setup.py": SETUP.format(name="rough"), "rough.py": "x = 1\n"})
    wheels.wheel(host.wheels, "setuptools", "80.0", files=BUILDER)
    with pytest.raises(Forbidden) as caught:
        host.install(one, "rough")
    assert caught.value.details["packages"] == ["rough"]
    assert caught.value.details["setting"] == "OPSCORE_PACKAGES_FROM_SOURCE"
    approved = replace(host, rules=replace(host.rules, from_source=("Rough",)))
    output = approved.install(one, "rough").output
    assert [(each["name"], each["from_source"]) for each in output["packages"]] == [("rough", True)]
    assert approved.python(one, "import rough; print(rough.x)").stdout.text == "1\n"


BUILDER = {
    "setuptools/__init__.py": "",
    "setuptools/build_meta/__init__.py": """
import base64, hashlib, os, zipfile
def get_requires_for_build_wheel(*_): return []
def build_wheel(folder, *_):
    if os.path.exists("wait"):
        import time; time.sleep(60)
    name = "rough-1.0-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        archive.writestr("rough.py", "x = 1\\n")
        archive.writestr("rough-1.0.dist-info/METADATA", "Metadata-Version: 2.1\\nName: rough\\nVersion: 1.0\\n")
        archive.writestr("rough-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\\nTag: py3-none-any\\n")
        archive.writestr("rough-1.0.dist-info/RECORD", "")
    return name
class __legacy__:
    build_wheel = staticmethod(build_wheel)
    get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
""",
}
"""As much of a build backend as a source archive without a pyproject.toml asks for."""


def test_build_that_takes_too_long_is_ended_and_the_limit_named(one: Box, host: Host) -> None:
    wheels.source(host.wheels, "rough", "1.0", {"setup.py": "", "wait": ""})
    wheels.wheel(host.wheels, "setuptools", "80.0", files=BUILDER)
    approved = replace(host, rules=replace(host.rules, from_source=("rough",)))
    result = approved.install(one, "rough", limits=Limits(wall_s=3))
    assert (result.exit_code, result.hit) == (124, "wall_s")
    assert list((host.rules.folder / "scratch").iterdir()) == []


def test_first_index_that_has_a_package_is_the_only_one_for_it(one: Box, host: Host, tmp_path: Path) -> None:
    ours = wheels.index(tmp_path / "ours", [wheels.wheel(tmp_path / "a", "secret", "1.0")])
    theirs = wheels.index(tmp_path / "theirs", [wheels.wheel(tmp_path / "b", "secret", "99.0")])
    host.patch.delenv("UV_NO_INDEX")
    host.set(PIP_INDEX_URL=theirs.as_uri(), PIP_EXTRA_INDEX_URL=ours.as_uri())
    assert host.install(one, "secret").output["packages"][0]["version"] == "1.0"
    assert host.install(one, "secret>=2").exit_code not in (0, None)


def test_index_may_keep_its_files_beside_itself(box: Box, host: Host, tmp_path: Path) -> None:
    folder = wheels.index(tmp_path / "index", list(host.wheels.iterdir()))
    host.patch.delenv("UV_FIND_LINKS")
    host.patch.delenv("UV_NO_INDEX")
    host.set(PIP_INDEX_URL=str(folder))
    assert host.install(box, "greeting").exit_code == 0


def test_environment_over_a_limit_names_it_and_is_not_kept(one: Box, host: Host) -> None:
    wheels.wheel(host.wheels, "many", files={f"many/f{number}.py": "" for number in range(300)})
    wheels.wheel(host.wheels, "large", files={"large.py": f"x = '{'x' * 9_000_000}'"})
    for package, limits, hit in (
        ("many", Limits(wall_s=60, workspace_files=250), "workspace_files"),
        ("large", Limits(wall_s=60, workspace_bytes=8_000_000), "workspace_bytes"),
    ):
        result = host.install(one, package, limits=limits)
        assert (result.hit, result.exit_code == 0) == (hit, False)
    assert [each.name for each in host.rules.folder.iterdir() if len(each.name) == 64] == []


def test_cancelled_installation_leaves_nothing(one: Box, host: Host) -> None:
    result = host.install(one, "greeting", is_cancelled=lambda: True)
    assert result.exit_code is None
    assert not one.workspace.exists("packages.txt")
    assert list((host.rules.folder / "scratch").iterdir()) == []


def test_two_tasks_that_install_the_same_at_once_share_one_whole_environment(
    one: Box, host: Host, tmp_path: Path
) -> None:
    boxes = [replace(one, workspace=Workspace.create(tmp_path / "workspaces", f"t{number}")) for number in range(3)]
    codes: list[int | None] = []
    threads = [
        threading.Thread(target=lambda box=box: codes.append(host.install(box, "greeting").exit_code)) for box in boxes
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0, 0]
    assert len([each for each in host.rules.folder.iterdir() if len(each.name) == 64]) == 1
    assert not list(host.rules.folder.glob("draft-*"))
    assert [host.program(box, "greet").stdout.text for box in boxes] == ["hello 1.0\n"] * 3


def test_environment_in_use_outlives_the_pruning(one: Box, host: Host) -> None:
    digest = host.install(one, "helper").output["environment"]
    rules = replace(host.rules, keep_bytes=0)
    with cache.using(rules.folder, digest):
        assert cache.prune(rules) == []
    assert cache.prune(rules) == [digest]
    assert cache.find(rules.folder, digest) is None


# Over the network


NO_SOCKETS = pytest.mark.not_on_tier(3, "programs have no sockets there, and so no index over https")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def site(host: Host, authority: trustme.CA, tmp_path: Path) -> Iterator[Site]:
    """An index over https with the host's wheels, which is all that the host is configured with."""
    with servers.serving(authority) as site:
        for wheel in host.wheels.iterdir():
            name = wheel.name.split("-")[0]
            site.pages[f"/files/{wheel.name}"] = Page(wheel.read_bytes())
            site.pages[f"/files/{wheel.name}.metadata"] = Page(wheels.metadata(wheel))
            site.pages[f"/simple/{name}/"] = page(f"/files/{wheel.name}", sha256(wheel))
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        host.patch.delenv("UV_NO_INDEX")
        host.patch.delenv("UV_FIND_LINKS")
        host.set(PIP_INDEX_URL=site.url("/simple"), PIP_CERT=str(tmp_path / "ca.pem"))
        yield site


def page(link: str, digest: str) -> Page:
    """An index's page with one file, whose metadata can be had by itself."""
    name = link.rpartition("/")[2]
    text = f'<a href="{link}#sha256={digest}" data-dist-info-metadata="true">{name}</a>'
    return Page(text.encode(), headers={"Content-Type": "text/html"})


@NO_SOCKETS
def test_index_over_https_is_reached_by_the_proxy_alone(box: Box, host: Host, site: Site) -> None:
    result = host.install(box, "greeting")
    assert result.exit_code == 0, result.stderr.text
    allowed = [details for kind, details in host.events if kind == "network.allowed"]
    assert {(details["host"], details["port"]) for details in allowed} == {("localhost", site.port)}
    assert host.program(box, "greet").stdout.text == "hello 1.0\n"


def test_same_request_again_needs_no_network(one: Box, host: Host, site: Site, tmp_path: Path) -> None:
    host.install(one, "greeting")
    before = len(site.seen)
    other = replace(one, workspace=Workspace.create(tmp_path / "workspaces", "w3"))
    assert host.install(other, "greeting").output["cached"] is True
    assert len(site.seen) == before


def test_files_on_a_host_that_was_not_named_are_refused_with_the_way_out(one: Box, host: Host, site: Site) -> None:
    name = "helper-1.0-py3-none-any.whl"
    site.pages["/simple/helper/"] = page(f"https://other.example/{name}", sha256(host.wheels / name))
    host.set(UV_HTTP_RETRIES="0")
    result = host.install(one, "helper")
    assert result.exit_code not in (0, None)
    assert "other.example:443" in result.stderr.text and "OPSCORE_PACKAGES_HOSTS" in result.stderr.text
    assert "network.refused" in {kind for kind, _ in host.events}


def test_too_many_bytes_from_the_network_name_the_limit(one: Box, host: Host, site: Site) -> None:
    result = host.install(one, "helper", limits=Limits(wall_s=60, network_bytes=3000))
    assert (result.exit_code == 0, result.hit) == (False, "network_bytes")


def test_password_of_an_index_is_used_and_never_shown(one: Box, host: Host, site: Site) -> None:
    host.set(PIP_INDEX_URL=site.url("/simple").replace("//", "//someone:sesame%21@"))
    missing = host.install(one, "no-such-package")
    result = host.install(one, "helper")
    assert result.exit_code == 0
    assert all(seen["authorization"].startswith("Basic ") for seen in site.seen if "helper" in seen["path"])
    written = one.workspace.read_bytes("packages.txt").decode()
    assert "sesame" not in f"{written} {result} {missing} {host.events}"


def test_index_without_https_is_refused(one: Box, host: Host) -> None:
    host.set(PIP_EXTRA_INDEX_URL="http://index.example/simple", UV_NO_INDEX="0")
    host.set(PIP_INDEX_URL="https://index.example/simple")
    with pytest.raises(Misconfigured) as caught:
        host.install(one, "helper")
    assert caught.value.details["cure"] == "use https, or a folder of this host"


def test_without_sockets_only_folders_are_indexes(one: Box, host: Host, site: Site) -> None:
    weakest = replace(one, sandbox=sandbox.choice.at_tier(3))
    with pytest.raises(SandboxUnavailable, match="no network"):
        host.install(weakest, "helper")
    host.set(PIP_FIND_LINKS=str(host.wheels))
    assert host.install(weakest, "helper").exit_code == 0
    missing = host.install(weakest, "no-such-package")
    assert missing.exit_code not in (0, None) and "tier 3" in missing.stderr.text

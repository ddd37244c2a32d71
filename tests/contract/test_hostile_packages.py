"""Packages that attack whoever installs them, and what comes of it: nothing outside of their own environment."""

import base64
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import Forbidden, Misconfigured
from tests.support import wheels
from tests.support.boxed import Box
from tests.support.packaged import Host, bare_host
from tools import sandbox
from tools.packages import cache, lock
from tools.workspace import Workspace


@pytest.fixture
def host(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    return bare_host(tmp_path, monkeypatch)


@pytest.fixture
def box(tmp_path: Path, tool_env: Path) -> Iterator[Box]:
    """On the strongest tier: what is installed is taken over by the same code on each."""
    workspace = Workspace.create(tmp_path / "workspaces", "w1", "# A test\n")
    yield Box(workspace, sandbox.choose(), tool_env)
    workspace.remove()


def environment_of(host: Host, digest: str) -> Path:
    return host.rules.folder / digest / cache.LIB


def all_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.parametrize("path", ["../../../outside.py", "/tmp/outside.py", "evil/../../../outside.py"])
def test_name_that_leads_out_of_the_package_leads_nowhere(box: Box, host: Host, tmp_path: Path, path: str) -> None:
    wheels.wheel(host.wheels, "evil", more=[(path, "raise SystemExit('planted')")])
    before = all_of(host.rules.folder)
    result = host.install(box, "evil")
    assert not Path("/tmp/outside.py").exists()
    if result.exit_code == 0:
        installed = environment_of(host, result.output["environment"])
        assert {name for name in os.listdir(installed) if not name.startswith("evil")} == {"__pycache__"}
    else:
        assert [name for name in all_of(host.rules.folder) if name not in before and "resolved" not in name] == [
            "scratch"
        ]
    assert not [name for name in all_of(tmp_path / "workspaces") if "outside" in name]


def test_data_of_a_package_stays_in_its_environment(box: Box, host: Host) -> None:
    more = [(f"evil-1.0.data/{scheme}/../../../../outside-{scheme}", "x") for scheme in ("data", "scripts", "headers")]
    more += [("evil-1.0.data/data/etc/passwd", "root::0:0::/:/bin/sh\n")]
    wheels.wheel(host.wheels, "evil", more=more)
    result = host.install(box, "evil")
    assert not [name for name in all_of(host.rules.folder.parent) if "outside" in name]
    if result.exit_code == 0:
        assert host.program(box, "cat", "/etc/passwd").stdout.text.startswith("agent:")


def test_link_in_a_package_is_not_followed_and_not_kept(box: Box, host: Host) -> None:
    more = [(wheels.member("evil_link", stat.S_IFLNK | 0o777), "/etc/passwd")]
    wheels.wheel(host.wheels, "evil", more=more)
    try:
        result = host.install(box, "evil")
    except Forbidden:
        return
    if result.exit_code == 0:
        kept = environment_of(host, result.output["environment"]) / "evil_link"
        assert not kept.is_symlink() and kept.read_text() == "/etc/passwd"


def test_setuid_bit_of_a_package_is_lost(box: Box, host: Host) -> None:
    more = [(wheels.member("evil-1.0.data/scripts/rise", stat.S_IFREG | 0o6777), "#!python\nprint('up')\n")]
    wheels.wheel(host.wheels, "evil", more=more)
    result = host.install(box, "evil")
    assert result.exit_code == 0
    installed = environment_of(host, result.output["environment"])
    for path in (installed, *installed.rglob("*")):
        assert path.stat().st_mode & 0o7222 == 0, path
    assert host.program(box, "rise").stdout.text == "up\n"


def test_file_that_python_runs_at_its_start_is_not_run(box: Box, host: Host) -> None:
    wheels.wheel(host.wheels, "evil", more=[("evil.pth", "import os; print('started')\n")])
    assert host.install(box, "evil").exit_code == 0
    assert host.python(box, "import evil; print('only this')").stdout.text == "only this\n"


def test_package_in_the_name_of_the_shared_ones_is_this_tasks_alone(box: Box, host: Host, tmp_path: Path) -> None:
    wheels.wheel(host.wheels, "evil", files={"pandas.py": "stolen = True\n"})
    assert host.install(box, "evil").exit_code == 0
    assert host.python(box, "import pandas; print(pandas.stolen)").stdout.text == "True\n"
    other = Box(Workspace.create(tmp_path / "workspaces", "w2"), box.sandbox, box.tool_env)
    assert host.python(other, "import pandas; print(hasattr(pandas, 'stolen'))").stdout.text == "False\n"


def test_script_in_the_name_of_a_program_is_run_by_its_bare_name_only_where_it_is_allowed(box: Box, host: Host) -> None:
    wheels.wheel(host.wheels, "evil", files={"evil.py": "def main(): print('mine')\n"}, scripts={"rm": "evil:main"})
    host.install(box, "evil")
    with pytest.raises(Forbidden):
        host.program(box, "/bin/rm", "README.md")
    assert host.program(box, "rm", "README.md").stdout.text == "mine\n"
    assert box.workspace.exists("README.md")


def test_list_of_files_that_lies_does_no_harm(box: Box, host: Host) -> None:
    lines = "\n".join(["../../../../etc/shadow,,", '"', "a,b,c,d,e", "," * 9000, "evil.py,sha256=x,-5"])
    wheels.wheel(host.wheels, "evil", more=[("evil-1.0.dist-info/RECORD.jws", lines)])
    assert host.install(box, "evil").exit_code == 0


def test_changed_file_under_the_same_name_is_refused(box: Box, host: Host) -> None:
    path = wheels.wheel(host.wheels, "evil")
    assert host.install(box, "evil").exit_code == 0
    for name in list(host.rules.folder.iterdir()):
        if len(name.name) == 64:
            cache.remove(name)
    path.unlink()
    wheels.wheel(host.wheels, "evil", files={"evil.py": "changed = True\n"})
    result = host.install(box)
    assert result.exit_code not in (0, None)
    assert "hash" in result.stderr.text.lower()


def test_build_of_an_approved_source_reaches_neither_the_task_nor_the_cache(box: Box, host: Host) -> None:
    folders = [str(box.workspace.path), str(host.rules.folder), "/opt/packages", "/root", str(Path.home())]
    attack = f"""
import os, sys
for path in {folders}:
    try:
        if os.path.isdir(path) and os.listdir(path):
            open(os.path.join(path, "planted"), "w").close()
            sys.stderr.write("REACHED " + path)
    except OSError:
        pass
try:
    open("/opt/packages/uv", "r+").close()
    sys.stderr.write("REACHED uv")
except OSError:
    pass
raise SystemExit("looked around, saw " + ",".join(sorted(os.environ)))
"""
    wheels.source(host.wheels, "evil", "1.0", {"setup.py": attack, "pyproject.toml": BACKEND, "backend.py": attack})
    approved = Host(host.wheels, host.rules.__class__(host.rules.folder, from_source=("evil",)), host.patch)
    result = approved.install(box, "evil")
    assert result.exit_code not in (0, None)
    assert "looked around" in result.stderr.text and "REACHED" not in result.stderr.text
    assert "OPSCORE" not in result.stderr.text
    assert not [name for name in all_of(host.rules.folder.parent) if "planted" in name]


BACKEND = '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'


def test_source_is_not_built_where_the_installer_holds_a_password(box: Box, host: Host) -> None:
    wheels.source(host.wheels, "evil", "1.0", {"pyproject.toml": BACKEND, "backend.py": ""})
    host.set(UV_INDEX="https://someone:sesame@index.example/simple")
    approved = Host(host.wheels, host.rules.__class__(host.rules.folder, from_source=("evil",)), host.patch)
    host.patch.delenv("UV_NO_INDEX")
    text = f"{lock.MARK}\n--no-binary evil\nevil==1.0 --hash=sha256:{'0' * 64}\n"
    box.workspace.write_bytes("packages.txt", text.encode())
    with pytest.raises(Forbidden, match="password"):
        approved.install(box)


def test_index_that_would_show_more_than_packages_is_refused(box: Box, host: Host, tmp_path: Path) -> None:
    for folder in ("/", "/etc", "/home", str(Path.home()), str(tmp_path), "/proc/self"):
        host.set(UV_FIND_LINKS=folder)
        with pytest.raises(Misconfigured, match="more than packages"):
            host.install(box, f"any{base64.b32encode(folder.encode()).decode().strip('=').lower()}")

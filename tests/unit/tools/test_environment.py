"""When the tool environment is ready, and that half of one is never used."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import settings
from models.errors import Misconfigured
from tools import environment


@pytest.fixture
def pretend_install(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Instead of installing, note where to."""
    installed: list[Path] = []

    def install(packages: Path) -> None:
        installed.append(packages)
        (packages / "pandas.py").write_text("")

    monkeypatch.setattr(environment, "_install", install)
    monkeypatch.setattr(environment, "_make_seeds", lambda packages, folder: (folder / "cache").mkdir(parents=True))
    return installed


def test_environment_is_built_once(tmp_path: Path, pretend_install: list[Path]) -> None:
    path = tmp_path / "env"
    assert not environment.is_ready(path)
    assert environment.ensure(path) == path
    assert environment.is_ready(path)
    environment.ensure(path)
    assert len(pretend_install) == 1
    assert (path / "bin" / "python").is_symlink()
    assert sorted(each.name for each in tmp_path.iterdir()) == ["env", "env.lock"]


def test_folder_that_holds_something_else_is_left_alone(tmp_path: Path, pretend_install: list[Path]) -> None:
    (tmp_path / "theirs").write_text("kept", encoding="utf-8")
    with pytest.raises(Misconfigured, match="holds something else"):
        environment.ensure(tmp_path)
    assert (tmp_path / "theirs").read_text(encoding="utf-8") == "kept"
    assert pretend_install == []


def test_other_packages_or_another_python_make_it_stale(tmp_path: Path, pretend_install: list[Path]) -> None:
    path = environment.ensure(tmp_path / "env")
    (path / environment.MARKER).write_text(json.dumps({"lock": "other"}))
    assert not environment.is_ready(path)
    environment.ensure(path)
    assert environment.is_ready(path)
    assert len(pretend_install) == 2


def test_build_that_was_cut_off_is_not_used_and_not_left(
    tmp_path: Path, pretend_install: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(environment, "_link_python", lambda draft: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            environment.ensure(tmp_path / "env")
    assert not environment.is_ready(tmp_path / "env")
    environment.ensure(tmp_path / "env")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["env", "env.lock"]


def test_everybody_may_read_it(tmp_path: Path, pretend_install: list[Path]) -> None:
    path = environment.ensure(tmp_path / "env")
    for each in (path, *path.rglob("*")):
        if not each.is_symlink():
            wanted = 0o055 if each.is_dir() else 0o044
            assert each.stat().st_mode & wanted == wanted, each


def test_what_the_installers_said_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failing = [sys.executable, "-c", "import sys; sys.exit('no route to the index')"]
    monkeypatch.setattr(environment, "_installers", lambda: iter([failing, failing]))
    with pytest.raises(Misconfigured, match="no route to the index"):
        environment.ensure(tmp_path / "env")


def test_second_installer_is_tried_when_the_first_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    good = [sys.executable, "-c", "pass"]
    monkeypatch.setattr(environment, "_installers", lambda: iter([[*good[:2], "raise SystemExit(1)"], good]))
    environment._install(tmp_path)


def test_lock_holds_every_package_with_hashes() -> None:
    lines = environment.LOCK.read_text(encoding="utf-8").splitlines()
    packages = [line for line in lines if line and not line.startswith((" ", "#"))]
    assert {line.partition("==")[0] for line in packages} >= {"pandas", "matplotlib", "numpy"}
    assert all(line.endswith("\\") for line in packages)
    assert not any("://" in line for line in lines)


def test_agents_python_has_no_package_of_ours() -> None:
    path = environment.ensure(settings.load().tool_env)
    packages = next((path / "lib").glob("python3.*/site-packages"))
    assert (packages / "pandas").is_dir()
    assert not (packages / "celery").exists()
    assert environment.seeds(path) != []


def test_command_line_says_where_it_is(tmp_path: Path) -> None:
    path = settings.load().tool_env
    environment.ensure(path)
    finished = subprocess.run(
        [sys.executable, "-m", "tools.environment", str(path)], capture_output=True, text=True, check=True
    )
    assert finished.stdout == f"{path}\n"

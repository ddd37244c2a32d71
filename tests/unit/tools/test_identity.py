"""Whose a workspace is."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from models.errors import Misconfigured
from tools import identity, interpreter


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    """What was found out under pretended circumstances is forgotten."""
    identity.drops_uid.cache_clear()
    interpreter.base.cache_clear()
    yield
    identity.drops_uid.cache_clear()
    interpreter.base.cache_clear()


def test_ordinary_user_gives_the_own_uid(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1234)
    assert identity.for_new_workspace() is None
    assert identity.owner_of(tmp_path) is None
    identity.hand_over(tmp_path)


def test_root_of_a_container_without_the_uids_cannot_drop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "         0       1000          1\n")
    assert not identity.drops_uid()


def test_uids_fit_where_a_container_maps_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(Path, "read_text", lambda *_, **__: "0 100000 65536\n")
    assert identity.drops_uid()
    assert identity.for_new_workspace() in identity.UIDS


def test_python_installed_across_a_home_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.base_prefix", str(Path.home()))
    with pytest.raises(Misconfigured):
        interpreter.base()


def test_base_python_is_a_real_file_below_its_prefix() -> None:
    python = interpreter.base()
    assert python.executable.is_file()
    assert not python.executable.is_symlink()
    assert python.executable.is_relative_to(python.prefix)

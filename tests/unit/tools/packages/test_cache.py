"""Environments: whole or not there, and deleted in the order of their last use."""

import json
import os
import time
from datetime import timedelta
from pathlib import Path

import pytest

from models.errors import NotFound
from tools.packages import cache
from tools.packages.cache import Made
from tools.packages.lock import Lock, Locked
from tools.packages.memory import Memory
from tools.packages.rules import Rules


def made(folder: Path, digest: str, *, size: int = 100, used_s_ago: float = 0) -> Path:
    draft = cache.draft(folder)
    (draft / "lib").mkdir()
    (draft / "lib" / "a.py").write_text("x")
    cache.keep(draft, digest, Made([{"name": "a"}], 1, size))
    os.utime(folder / digest, (time.time() - used_s_ago, time.time() - used_s_ago))
    return folder / digest


def test_environment_is_found_with_what_is_in_it(tmp_path: Path) -> None:
    assert cache.find(tmp_path, "a" * 64) is None
    path = made(tmp_path, "a" * 64)
    assert cache.find(tmp_path, "a" * 64) == Made([{"name": "a"}], 1, 100)
    assert path.stat().st_mode & 0o222 == 0


def test_second_maker_of_the_same_keeps_the_firsts(tmp_path: Path) -> None:
    made(tmp_path, "a" * 64, size=1)
    made(tmp_path, "a" * 64, size=2)
    assert cache.find(tmp_path, "a" * 64) == Made([{"name": "a"}], 1, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["a" * 64]


@pytest.mark.parametrize("digest", ["", "..", "../x", "scratch", "A" * 64, "a" * 63])
def test_only_a_digest_names_an_environment(tmp_path: Path, digest: str) -> None:
    (tmp_path / "scratch").mkdir()
    with pytest.raises(NotFound):
        cache.find(tmp_path, digest)


def test_use_is_noted_and_keeps_it(tmp_path: Path) -> None:
    path = made(tmp_path, "a" * 64, used_s_ago=1000)
    with cache.using(tmp_path, "a" * 64) as folder:
        assert folder == path
        assert time.time() - path.stat().st_mtime < 100
        assert cache.prune(Rules(tmp_path, keep_bytes=0)) == []
    assert cache.prune(Rules(tmp_path, keep_bytes=0)) == ["a" * 64]
    with pytest.raises(NotFound), cache.using(tmp_path, "a" * 64):
        pass


def test_old_ones_go_then_the_least_recently_used_until_there_is_room(tmp_path: Path) -> None:
    for name, used in (("a", 5000), ("b", 300), ("c", 200), ("d", 100)):
        made(tmp_path, name * 64, used_s_ago=used)
    rules = Rules(tmp_path, keep_bytes=250, keep_for=timedelta(seconds=4000))
    assert cache.prune(rules) == ["a" * 64, "b" * 64]
    assert cache.prune(rules) == []
    assert cache.prune(Rules(tmp_path, keep_bytes=0), but="c" * 64) == ["d" * 64]


def test_environment_that_another_worker_deletes_meanwhile_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone, listed = tmp_path / ("a" * 64), [tmp_path / ("a" * 64), made(tmp_path, "b" * 64)]
    monkeypatch.setattr(Path, "iterdir", lambda folder: iter(listed if folder == tmp_path else []))
    assert cache.prune(Rules(tmp_path, keep_bytes=0)) == ["b" * 64]
    assert not cache._delete_unused(gone)


def test_what_a_killed_worker_left_goes_after_a_day(tmp_path: Path) -> None:
    for folder in ("draft-1", "scratch/w1", "draft-2"):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("draft-1", "scratch/w1"):
        os.utime(tmp_path / folder, (0, 0))
    cache.prune(Rules(tmp_path))
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["draft-2", "resolved", "scratch"]


def test_answer_is_remembered_for_a_day(tmp_path: Path) -> None:
    answer = Lock(("six",), (Locked("six", "1.0", ("a" * 64,)),))
    memory = Memory(tmp_path, ["six"])
    assert memory.recall() is None
    memory.remember(answer)
    assert Memory(tmp_path, ["six"]).recall() == answer
    assert Memory(tmp_path, ["six", ""]).recall() is None
    (file,) = (tmp_path / "resolved").iterdir()
    os.utime(file, (time.time() - 90_000, time.time() - 90_000))
    assert memory.recall() is None


def test_account_of_an_environment_is_plain_json(tmp_path: Path) -> None:
    path = made(tmp_path, "a" * 64)
    assert json.loads((path / "made.json").read_text()) == {"packages": [{"name": "a"}], "files": 1, "total_bytes": 100}

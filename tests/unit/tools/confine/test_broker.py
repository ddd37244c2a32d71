"""Which files the outer process of tier 3 changes for those inside, and which it does not."""

import errno
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tools.confine.broker import ACTS, Broker
from tools.confine.notices import Notice

CWD = 2**32 - 100
"""AT_FDCWD as the kernel hands it over: the register's lower half."""


@dataclass(frozen=True)
class Asked(Notice):
    """A held call of our own process: "memory" by address, and where it is."""

    memory: dict[int, bytes] = field(default_factory=dict)
    cwd: str = "/"

    def require_valid(self) -> None:
        """We wait."""

    def folder(self, descriptor: int) -> str:
        return self.cwd if descriptor in (CWD, -100) else f"/proc/self/fd/{descriptor}"

    def data(self, address: int, size: int, least: int | None = None) -> bytes:
        return self.memory[address][:size]


@dataclass(frozen=True)
class Place:
    """A writable folder with a file, and one beside it that is nobody's business."""

    folder: Path
    inside: Path
    outside: Path
    broker: Broker

    def ask(self, name: str, *arguments: Any) -> None:
        """Make the call: text and bytes stand for their addresses."""
        memory: dict[int, bytes] = {}
        numbers = []
        for each in arguments:
            if isinstance(each, int):
                numbers.append(each)
                continue
            address = 4096 * (len(memory) + 1)
            memory[address] = os.fsencode(each) + b"\0" * 64 if isinstance(each, str | Path) else each
            numbers.append(address)
        padded = (*numbers, *(0,) * (6 - len(numbers)))
        self.broker.serve(Asked(-1, 1, os.getpid(), name, padded, memory, str(self.folder)))


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


@pytest.fixture
def place(tmp_path: Path) -> Place:
    folder, outside = tmp_path / "work", tmp_path / "outside"
    (folder / "deep").mkdir(parents=True)
    inside = folder / "deep" / "file"
    for path in (inside, outside):
        path.touch(mode=0o600)
    return Place(folder, inside, outside, Broker([str(folder)]))


def test_mode_is_changed_by_path_from_a_folder_and_by_descriptor(place: Place) -> None:
    place.ask("chmod", place.inside, 0o640)
    assert mode(place.inside) == 0o640
    place.ask("fchmodat", CWD, "deep/../deep/file", 0o644)
    assert mode(place.inside) == 0o644
    with place.inside.open() as file:
        place.ask("fchmod", file.fileno(), 0o600)
        assert mode(place.inside) == 0o600
        place.ask("chmod", f"/proc/self/fd/{file.fileno()}", 0o755)
    assert mode(place.inside) == 0o755
    place.ask("chmod", str(place.folder), 0o711)
    assert mode(place.folder) == 0o711


def test_times_are_set_in_every_way(place: Place) -> None:
    for number, (name, *arguments) in enumerate(
        [
            ("utimensat", CWD, place.inside, struct.pack("qqqq", 11, 5, 11, 5), 0),
            ("utime", place.inside, struct.pack("qq", 12, 12)),
            ("utimes", place.inside, struct.pack("qqqq", 13, 5, 13, 5)),
            ("futimesat", CWD, "deep/file", struct.pack("qqqq", 14, 5, 14, 5)),
        ],
        start=11,
    ):
        place.ask(name, *arguments)
        assert place.inside.stat().st_mtime_ns // 10**9 == number
    place.ask("utimensat", CWD, place.inside, 0, 0)
    assert place.inside.stat().st_mtime > 10**9


def test_link_is_dated_and_not_followed_when_asked_so(place: Place) -> None:
    link = place.folder / "link"
    link.symlink_to(place.outside)
    before = place.outside.stat().st_mtime_ns
    place.ask("utimensat", CWD, link, struct.pack("qqqq", 5, 0, 5, 0), 0x100)
    assert link.lstat().st_mtime == 5
    assert place.outside.stat().st_mtime_ns == before


@pytest.mark.parametrize("way", ["path", "dots", "link", "absolute-link", "descriptor", "own-descriptor", "folder"])
def test_file_outside_keeps_its_mode(place: Place, way: str) -> None:
    (place.folder / "link").symlink_to("../outside")
    (place.folder / "absolute-link").symlink_to(place.outside)
    with place.outside.open() as file:
        above = os.open(place.folder.parent, os.O_PATH)
        calls: dict[str, tuple[Any, ...]] = {
            "path": ("chmod", place.outside),
            "dots": ("chmod", "deep/../../outside"),
            "link": ("chmod", "link"),
            "absolute-link": ("chmod", "absolute-link"),
            "descriptor": ("fchmod", file.fileno()),
            "own-descriptor": ("chmod", f"/proc/self/fd/{file.fileno()}"),
            "folder": ("fchmodat", above, "outside"),
        }
        with pytest.raises(PermissionError):
            place.ask(*calls[way], 0o777)
        os.close(above)
    assert mode(place.outside) == 0o600


def test_link_within_is_followed(place: Place) -> None:
    (place.folder / "link").symlink_to(place.inside)
    place.ask("chmod", "link", 0o640)
    assert mode(place.inside) == 0o640


def test_folder_with_the_same_beginning_is_not_ours(place: Place) -> None:
    beside = place.folder.with_name("work-too")
    beside.mkdir(mode=0o700)
    with pytest.raises(PermissionError):
        place.ask("chmod", beside, 0o777)
    assert mode(beside) == 0o700


def test_file_that_was_deleted_is_nobodys(place: Place) -> None:
    with place.inside.open() as file:
        place.inside.unlink()
        (place.folder / "deep" / "file (deleted)").touch(mode=0o600)
        with pytest.raises(PermissionError):
            place.ask("fchmod", file.fileno(), 0o777)


@pytest.mark.parametrize("bits", [0o4755, 0o2755, 0o6777])
def test_setuid_and_setgid_bits_are_refused(place: Place, bits: int) -> None:
    with pytest.raises(PermissionError):
        place.ask("chmod", place.inside, bits)
    assert mode(place.inside) == 0o600


def test_what_is_not_there_is_said_so(place: Place) -> None:
    with pytest.raises(FileNotFoundError):
        place.ask("chmod", "nothing", 0o600)


def test_attributes_are_not_supported_and_the_rest_is_not_permitted(place: Place) -> None:
    with pytest.raises(OSError) as caught:
        place.ask("setxattr", place.inside)
    assert caught.value.errno == errno.EOPNOTSUPP
    with pytest.raises(PermissionError):
        place.ask("chown", place.inside, 0, 0)
    assert "chown" not in ACTS

"""What archive.unpack's program does with honest and with bad archives; hostile ones are in tests/security."""

import io
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from tools.archive import inside


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("folder/", "")
        archive.writestr("folder/a.txt", "hello")
        program = zipfile.ZipInfo("run.sh")
        program.external_attr = 0o100755 << 16
        archive.writestr(program, "hi")
        archive.writestr("../out", "x")
    return path


def test_zip_is_unpacked_and_counted(zipped: Path, tmp_path: Path) -> None:
    folder = tmp_path / "into" / "deep"
    assert inside.unpack(zipped, folder, 10, 100) == {
        "files": 2, "total_bytes": 7, "left_out": ["../out"], "left_out_count": 1,
    }  # fmt: skip
    assert (folder / "folder" / "a.txt").read_text() == "hello"
    assert (folder / "run.sh").stat().st_mode & 0o777 == 0o755
    assert not (folder / "folder" / "a.txt").stat().st_mode & 0o111


def test_unpacking_twice_is_the_same_as_once(zipped: Path, tmp_path: Path) -> None:
    first = inside.unpack(zipped, tmp_path / "into", 10, 100)
    assert inside.unpack(zipped, tmp_path / "into", 10, 100) == first


def test_links_of_a_tar_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        member = tarfile.TarInfo("a")
        member.size = 1
        archive.addfile(member, io.BytesIO(b"a"))
    assert inside.unpack(path, tmp_path / "into", 10, 100)["left_out"] == ["link"]
    assert [each.name for each in (tmp_path / "into").iterdir()] == ["a"]


@pytest.mark.parametrize(("most_files", "most_bytes", "said"), [(1, 100, "more than 1 files"), (10, 6, "too large")])
def test_too_much_is_refused(zipped: Path, tmp_path: Path, most_files: int, most_bytes: int, said: str) -> None:
    with pytest.raises(inside.Refused, match=said):
        inside.unpack(zipped, tmp_path / "into", most_files, most_bytes)


@pytest.mark.parametrize("data", [b"", b"plain text", b"PK\x03\x04garbage"])
def test_what_is_no_archive_is_one_clear_sentence(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a").write_bytes(data)
    finished = subprocess.run(
        [sys.executable, inside.__file__, str(tmp_path / "a"), str(tmp_path / "into"), "10", "100"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert finished.returncode == 1
    assert finished.stderr == "error: cannot unpack: this is neither a zip nor a tar archive\n"


def test_encrypted_archive_is_one_clear_sentence(zipped: Path, tmp_path: Path) -> None:
    data = bytearray(zipped.read_bytes())
    # The flag of each member, in its local and in its central header.
    for header, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = -1
        while (start := data.find(header, start + 1)) >= 0:
            data[start + offset] |= 1
    zipped.write_bytes(data)
    with pytest.raises(inside.Refused, match="encrypted"):
        inside.unpack(zipped, tmp_path / "into", 10, 100)

"""`packages.txt`: written, read back, and never more than packages with hashes."""

import pytest

from models.errors import InvalidInput
from tools.packages import lock
from tools.packages.lock import Lock, Locked

A, B = "a" * 64, "b" * 64
LOCK = Lock(("six", "zoo>=1"), (Locked("six", "1.17.0", (A,)), Locked("zoo", "1.0", (A, B), from_source=True)))


def test_what_is_written_is_read_back() -> None:
    text = LOCK.text("CPython 3.11")
    assert text.startswith(lock.MARK)
    assert lock.parse(text) == LOCK


def test_file_is_one_that_pip_reads() -> None:
    lines = LOCK.text("x").splitlines()
    assert "--no-binary zoo" in lines
    assert lines[-3:] == ["zoo==1.0 \\", f"    --hash=sha256:{A} \\", f"    --hash=sha256:{B}"]


def test_same_packages_have_the_same_digest_whatever_the_comments_and_the_order() -> None:
    shuffled = (
        f"# a note\nzoo==1.0 --hash=sha256:{B} --hash=sha256:{A}\n\nSix==1.17.0 --hash=sha256:{A}\n--no-binary Zoo"
    )
    assert lock.parse(shuffled).digest("x") == LOCK.digest("x")
    assert LOCK.digest("x") != LOCK.digest("y")
    assert LOCK.digest("x") != Lock(LOCK.asked, LOCK.packages[:1]).digest("x")


@pytest.mark.parametrize(
    "line",
    [
        "six",
        "six==1.17.0",
        f"six>=1 --hash=sha256:{A}",
        f"six==../../etc --hash=sha256:{A}",
        f"six @ file:///etc --hash=sha256:{A}",
        f"six==1.0 --hash=md5:{A}",
        f"six==1.0 --hash=sha256:{A[:-1]}",
        f"six==1.0 --hash=sha256:{A} --index-url=x",
        "-r other.txt",
        "--index-url https://example.org",
        f"six==1.0 ; python_version<'3' --hash=sha256:{A}",
        "six==1.0 \\",
    ],
)
def test_anything_else_is_refused_with_its_line(line: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        lock.parse(f"# first\n{line}\n")
    assert caught.value.details["line"] == 2

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ToolFailed
from tools.network import body
from tools.network.budget import Spent


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@given(st.binary(max_size=5000), st.integers(1, 700))
def test_gzip_is_unpacked_however_it_is_cut(data: bytes, size: int) -> None:
    assert body.whole("gzip", cut(gzip.compress(data), size), 5000) == data
    assert body.whole("", cut(data, size), 5000) == data


@pytest.mark.parametrize("encoding", ["", "gzip"])
def test_no_more_is_taken_than_may_be_kept(encoding: str) -> None:
    packed = gzip.compress(bytes(50_000_000)) if encoding else bytes(50_000_000)
    taken = 0

    def counted() -> object:
        nonlocal taken
        for chunk in cut(packed, 1000):
            taken += 1
            yield chunk

    with pytest.raises(Spent) as caught:
        body.whole(encoding, counted(), 10_000)  # type: ignore[arg-type]
    assert caught.value.hit == "file_bytes"
    assert taken < 12


@pytest.mark.parametrize("encoding", ["br", "deflate", "zstd", "gzip, gzip"])
def test_encoding_that_was_not_asked_for_is_refused(encoding: str) -> None:
    with pytest.raises(ToolFailed):
        body.whole(encoding, [zlib.compress(b"a")], 100)


@pytest.mark.parametrize("data", [b"", b"no gzip", gzip.compress(b"abc", mtime=0)[:-9]])
def test_broken_gzip_is_an_error_and_no_short_body(data: bytes) -> None:
    with pytest.raises(ToolFailed):
        body.whole("gzip", [data], 100)


def test_one_chunk_that_unpacks_to_a_huge_body_is_not_unpacked() -> None:
    bomb = gzip.compress(bytes(100_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(Spent):
            body.whole("gzip", [bomb], 1000)
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()

"""Head and tail of an output."""

import pytest

from tools.sandbox.capture import Capture


@pytest.mark.parametrize("size", [0, 1, 50, 99, 100, 101, 150, 1000, 12345])
@pytest.mark.parametrize("chunk", [1, 7, 64, 10_000])
def test_any_cut_into_chunks_keeps_the_same(size: int, chunk: int) -> None:
    data = bytes(number % 251 for number in range(size))
    capture = Capture(kept=100)
    for start in range(0, size, chunk):
        capture.add(data[start : start + chunk])
    captured = capture.captured()
    assert captured.total_bytes == size
    assert captured.truncated == (size > 100)
    assert captured.head == data[:50]
    assert captured.tail == (data[50:] if size <= 100 else data[-50:])


def test_endless_output_takes_no_memory() -> None:
    capture = Capture(kept=100)
    for _ in range(1000):
        capture.add(bytes(1000))
    assert len(capture._tail) < 3000

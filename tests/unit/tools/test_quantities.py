"""Amounts are read as people write them, and shown so that they are read as the same again."""

import pytest

from tools.quantities import Measure, read, shown


@pytest.mark.parametrize(
    ("written", "measure", "amount"),
    [
        ("512 MiB", Measure.BYTES, 512 * 2**20),
        ("512MiB", Measure.BYTES, 512 * 2**20),
        ("1.5 GB", Measure.BYTES, 1_500_000_000),
        ("2g", Measure.BYTES, 2 * 2**30),
        (" 4096 ", Measure.BYTES, 4096),
        (1e6, Measure.BYTES, 1_000_000),
        ("90s", Measure.SECONDS, 90),
        ("5 min", Measure.SECONDS, 300),
        ("0.5 h", Measure.SECONDS, 1800),
        ("250 ms", Measure.SECONDS, 0.25),
        (7.5, Measure.SECONDS, 7.5),
        ("64", Measure.COUNT, 64),
        (64.0, Measure.COUNT, 64),
    ],
)
def test_amount_is_read(written: object, measure: Measure, amount: float) -> None:
    assert read(written, measure) == amount


@pytest.mark.parametrize(
    ("written", "measure", "cure"),
    [
        ("5 min", Measure.BYTES, "512 MiB"),
        ("512 MiB", Measure.SECONDS, "90 s"),
        ("many", Measure.COUNT, "a whole number"),
        (1.5, Measure.COUNT, "a whole number"),
        ("1,000", Measure.BYTES, "512 MiB"),
        ("-1", Measure.SECONDS, "90 s"),
        (-1, Measure.SECONDS, "90 s"),
        (True, Measure.COUNT, "a whole number"),
        (float("nan"), Measure.BYTES, "512 MiB"),
        (float("inf"), Measure.SECONDS, "90 s"),
        (10**400, Measure.BYTES, "512 MiB"),
        ("9" * 400, Measure.BYTES, "512 MiB"),
        ("٣", Measure.COUNT, "a whole number"),
        (["64"], Measure.COUNT, "a whole number"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_cure(written: object, measure: Measure, cure: str) -> None:
    with pytest.raises(ValueError, match=cure):
        read(written, measure)


@pytest.mark.parametrize(
    ("amount", "measure", "text"),
    [
        (512 * 2**20, Measure.BYTES, "512 MiB"),
        (1536 * 2**20, Measure.BYTES, "1536 MiB"),
        (10**9, Measure.BYTES, "1 GB"),
        (1_234_567, Measure.BYTES, "1234567 B"),
        (600, Measure.SECONDS, "10 min"),
        (90, Measure.SECONDS, "90 s"),
        (7200, Measure.SECONDS, "2 h"),
        (0.25, Measure.SECONDS, "250 ms"),
        (256, Measure.COUNT, "256"),
    ],
)
def test_amount_is_shown_in_its_largest_whole_unit(amount: float, measure: Measure, text: str) -> None:
    assert shown(amount, measure) == text
    assert read(text, measure) == amount

"""What is too long for a model is cut where it is longest: of many entries each is told."""

import json

import pytest

from models.step import StepState
from tasks.minds import results
from tasks.minds.fitting import fitted
from tasks.runs.outcome import StepOutcome


@pytest.mark.parametrize("count", [6, 50])
def test_model_is_told_of_each_part_that_it_handed_on(count: int) -> None:
    parts = [
        {"number": number, "id": "0" * 36, "title": f"Part {number}", "state": "succeeded", "summary": "s" * 400,
         "output": {"rows": "x" * 7000}, "error": "", "folder": f"team/{number}-part", "files": ["team/a.txt"] * 20}
        for number in range(count)
    ]  # fmt: skip
    outcome = StepOutcome(StepState.SUCCEEDED, output={"children": parts, "succeeded": count, "failed": 0})
    told = results.of_outcome(outcome, "team.delegate", {}, {})
    assert "left out" not in told or count == 6
    assert [number for number in range(count) if f'"title": "Part {number}"' not in told] == []
    assert told.count('"state": "succeeded"') == count
    assert len(told) <= results.MOST_CHARS


def test_what_fits_stays_as_it_is() -> None:
    value = {"a": [1, 2, {"b": "c"}], "d": None}
    assert fitted(value, 1000) == value


def test_long_text_keeps_head_and_tail_and_long_lists_say_how_many_more() -> None:
    assert fitted("a" * 5000 + "end", 1000).endswith("aend")
    found = fitted(["x" * 100] * 5000, 600)
    assert (len(found), found[-1]) == (11, "… 4,990 more")
    assert len(json.dumps(fitted({f"name{number}": "x" for number in range(5000)}, 600))) < 600

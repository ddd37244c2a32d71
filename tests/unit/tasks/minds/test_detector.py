"""What goes round in circles is seen, and what only looks alike is not."""

from dataclasses import replace

from tasks.minds.detector import loop_in
from tasks.minds.record import BAD_CALL, Act


def act(tool: str, text: str = "same", **arguments: object) -> Act:
    return Act("m1.1", tool, dict(arguments), text, 1)


def test_the_same_call_with_the_same_result_three_times_is_a_loop() -> None:
    again = [act("files.read", path="a")] * 3
    assert loop_in(again[:2]) is None
    assert "files.read 3 times in a row" in (loop_in([act("files.list"), *again]) or "")


def test_another_result_or_another_argument_is_progress() -> None:
    assert loop_in([act("files.read", text=str(number), path="a") for number in range(6)]) is None
    assert loop_in([act("files.read", path=str(number)) for number in range(6)]) is None


def test_mistakes_and_ends_are_no_rounds() -> None:
    assert loop_in([replace(act("files.read"), error_code=BAD_CALL)] * 4) is None
    assert loop_in([act("task.finish")] * 4) is None


def test_two_calls_in_turn_are_a_loop_at_the_third_round() -> None:
    pair = [act("files.read", path="a"), act("files.read", path="b")]
    assert loop_in(pair * 2) is None
    assert "in turn, 3 times" in (loop_in(pair * 3) or "")
    assert loop_in([*pair * 2, act("files.write"), pair[0]]) is None

"""What an answer asks for, done: its calls in their order, each a step; the end of the work is one of them.

What makes no sense (no such tool, arguments that cannot be read) goes back to the model as the result of a step that
failed, and so does what a tool failed with.  A sandbox that is not there ends the run, as everywhere.
"""

from typing import Any

from pydantic import ValidationError

from models.errors import InvalidInput
from models.states import Stage
from tasks.minds import ending, record
from tasks.minds.detector import loop_in
from tasks.minds.mind import Mind
from tasks.minds.noting import bad, note
from tasks.minds.offer import FINISH, STAGE, EnterStage, Finish
from tasks.minds.record import BAD_CALL, CUT_ANSWER, ENDS_RUN, Act, Called, Turn
from tasks.plans.playbook import PlannedStep
from tasks.runs.outcome import clean, describe
from tasks.runs.steps import GivenUp, StepFailed, enter, perform, settle
from tools.mistakes import of_error
from tools.registry import find

LONGEST_HINT = 80
LOOP = "loop"
MOST_CALLS = 32
"""Of one answer."""
TOO_MANY = f"An answer may ask for {MOST_CALLS} calls at most. This one was not made, and none behind it."
CUT = "Your answer was cut off: it was longer than it may be. Nothing of it was done. Answer in smaller pieces."

EMPTY = "Your answer was empty. Call a tool, or say what was done and found."


def act(mind: Mind, turn: Turn) -> bool:
    """Do what is left of what the answer asks for; whether the work has ended well.

    Raises:
        GivenUp: the work has ended without success.
        StepFailed, CutBefore, Parked, Halted: the run ends in the middle.
    """
    if not turn.calls:
        return _without_calls(mind, turn)
    for number, call in enumerate(turn.calls[: MOST_CALLS + 1], 1):
        if _one(mind, turn, number, call):
            return True
        _stop_in_circles(mind, turn)
    return False


def _without_calls(mind: Mind, turn: Turn) -> bool:
    """Words alone end the work, unless they were cut off, or something that was promised is missing."""
    if _done_before(mind, turn, 1) is not None:
        return False
    if turn.finish_reason == "length":
        note(mind, turn, 1, FINISH, {}, bad(CUT, CUT_ANSWER))
        return False
    if not turn.text.strip():
        note(mind, turn, 1, FINISH, {}, bad(EMPTY))
        return False
    return ending.by_words(mind, turn)


def _stop_in_circles(mind: Mind, turn: Turn) -> None:
    if (found := loop_in(mind.acts)) is not None:
        raise GivenUp(LOOP, f"cannot go on: the model goes round in circles: {found}", step=turn.key)


def _one(mind: Mind, turn: Turn, number: int, call: Called) -> bool:
    """Do one call, unless an earlier run did; whether it ended the work."""
    if (done := _done_before(mind, turn, number)) is not None:
        return ending.was_it(done)
    if loop_in(turn.acts) is not None:
        return False  # the task ended here and was opened again: the model is asked anew, the rest is left
    if number > MOST_CALLS or turn.finish_reason == "length":
        why = (TOO_MANY, BAD_CALL) if number > MOST_CALLS else (CUT, CUT_ANSWER)
        note(mind, turn, number, call.name, {}, bad(*why))
        return False
    offered = mind.offer.find(call.name)
    if offered is None:
        text = f"There is no tool {call.name} that you may call; there are {mind.offer.names}."
        note(mind, turn, number, call.name, {}, bad(text))
        return False
    try:
        return _known(mind, turn, number, offered.tool, clean(record.arguments_of(call)))
    except (InvalidInput, ValidationError) as error:
        wrong = describe(error) if isinstance(error, InvalidInput) else _in_words(error)
        note(mind, turn, number, offered.tool, {"as_written": clean(call.arguments)}, bad(wrong))
        return False


def _known(mind: Mind, turn: Turn, number: int, tool: str, arguments: dict[str, Any]) -> bool:
    """Do the call of something that is offered; the arguments are looked over before anything begins."""
    if tool == FINISH:
        return ending.by_call(mind, turn, number, Finish.model_validate(arguments))
    if tool == STAGE:
        _enter(mind, turn, number, EnterStage.model_validate(arguments))
    else:
        find(tool).parse(arguments)
        _call(mind, turn, number, tool, arguments)
    return False


def _call(mind: Mind, turn: Turn, number: int, tool: str, arguments: dict[str, Any]) -> None:
    run, key = mind.run, f"{turn.key}.{number}"
    title = _title(tool, arguments)
    planned = PlannedStep(name=key.replace(".", "_"), title=title, stage=mind.stage, tool=tool)
    mind.asked = arguments
    run.position += 1
    done = perform(run, planned, key, title, arguments, run.earlier.get(key), turn.step_id)
    if (done.outcome.error_code or "") in ENDS_RUN:
        raise StepFailed(planned, key, title, done.outcome, done.attempt)
    text = done.outcome.for_model or ""
    turn.acts.append(
        Act(key, tool, done.arguments, text, mind.epoch, done.outcome.error_code, done.outcome.error_message or "")
    )
    settle(run)


def _enter(mind: Mind, turn: Turn, number: int, wanted: EnterStage) -> None:
    every, arguments = list(Stage), wanted.model_dump(mode="json")
    if every.index(wanted.stage) < every.index(mind.stage):
        text = f"The work is in the stage {mind.stage} and cannot go back to {wanted.stage}: stages go forward only."
        note(mind, turn, number, STAGE, arguments, bad(text))
        return
    enter(mind.run, wanted.stage)
    text = f"The work is in the stage {wanted.stage} now."
    note(mind, turn, number, STAGE, arguments, text, title=f"Stage {wanted.stage}")


def _done_before(mind: Mind, turn: Turn, number: int) -> Act | None:
    """What an earlier run did of this; the record has it then."""
    row = mind.run.earlier.get(f"{turn.key}.{number}")
    if row is None or not record.is_done(row):
        return None
    mind.run.position += 1
    turn.acts.append(record.act_of(row))
    return turn.acts[-1]


def _title(tool: str, arguments: dict[str, Any]) -> str:
    """The tool, and the first short thing that it is called with."""
    hint = next((value for value in arguments.values() if isinstance(value, str) and value.strip()), "")
    first = hint.strip().splitlines()[0] if hint else ""
    return f"{tool}: {first}" if first and len(first) <= LONGEST_HINT else tool


def _in_words(error: ValidationError) -> str:
    said = "; ".join(f"{'.'.join(map(str, each['loc']))} {of_error(each)}" for each in error.errors())
    return f"cannot use these arguments: {said}"

"""Let a model work on a task: ask it, do what its answer says, tell it what came of that, until it is done.

Each answer and each call is a step that stands before the next begins (calling.py, acting.py), so whoever comes after
a run that died walks through what is there and goes on behind it.
"""

from models.states import Stage
from tasks.minds import acting, calling, record
from tasks.minds.mind import Mind
from tasks.minds.record import Turn
from tasks.plans.model_plan import ModelPlan
from tasks.runs.steps import GivenUp, Run, enter

MOST_BAD = 4
"""Answers one after the other of which nothing could be done."""
TURNS, BAD_CALLS = "turns", "bad_calls"


def follow(run: Run, plan: ModelPlan) -> None:
    """Do what is left of the task; the end of its last step is noted, and may not be written yet.

    Raises:
        GivenUp: it ended without success: given up, in a loop, out of turns.
        Halted, CutBefore, Parked, StepFailed: the run ends in the middle.
        OpsCoreError: an error that is no step's.
    """
    mind = Mind.of(run, plan)
    run.explain = mind.explain
    _take_up(run, plan)
    while True:
        turn = _next(mind)
        mind.turns.append(turn)
        if acting.act(mind, turn):
            return
        _look_out(mind)


def _take_up(run: Run, plan: ModelPlan) -> None:
    """Go on in the stage in which the run before stopped."""
    if not run.earlier:
        enter(run, plan.stage)
        return
    run.stage = Stage(run.ledger.whole_task().stage)
    run.place.enter(run.stage)


def _next(mind: Mind) -> Turn:
    """The next answer: the one that was kept, or a new one."""
    mind.run.position += 1
    number = len(mind.turns) + 1
    row = mind.run.earlier.get(f"m{number}")
    if row is not None and record.is_answered(row):
        return record.turn_of(number, row)
    if len(mind.answers) >= mind.plan.turns:
        raise GivenUp(TURNS, f"cannot go on: the model answered {mind.plan.turns} times, and may not more often")
    return calling.answer(mind)


def _look_out(mind: Mind) -> None:
    """End what would not end by itself; what goes round in circles is ended in acting.py."""
    last = mind.answers[-MOST_BAD:]
    if len(last) == MOST_BAD and all(turn.acts and all(act.is_bad for act in turn.acts) for turn in last):
        said = last[-1].acts[-1]
        message = f"cannot go on: nothing could be done of the model's last {MOST_BAD} answers"
        raise GivenUp(BAD_CALLS, f"{message}; of the last one it was told: {said.reason}", step=last[-1].key)

"""How the work of a model ends: it says so, by a call or by words alone, and what was promised is there."""

from tasks.minds import promises
from tasks.minds.mind import Mind
from tasks.minds.noting import bad, note
from tasks.minds.offer import FINISH, Finish
from tasks.minds.record import Act, Turn
from tasks.runs.steps import GivenUp

MOST_ENDS = 3
"""So often may it say that the work is done without what was promised."""
BROKEN, GAVE_UP = "promise_broken", "gave_up"


def by_words(mind: Mind, turn: Turn) -> bool:
    """The answer calls nothing: whether that is the end."""
    return _kept(mind, turn, 1, {})


def by_call(mind: Mind, turn: Turn, number: int, said: Finish) -> bool:
    """The answer says that the work has ended: whether it has.

    Raises:
        GivenUp: the model says that the task cannot be done.
    """
    arguments = said.model_dump()
    if not said.success:
        note(mind, turn, number, FINISH, arguments, "The task has failed.", title="Gave up", is_last=True)
        raise GivenUp(GAVE_UP, f"cannot finish: the model gave up: {said.summary}", step=f"{turn.key}.{number}")
    if not _kept(mind, turn, number, arguments):
        return False
    note(mind, turn, number, FINISH, arguments, "The work is done.", title="Done", is_last=True)
    return True


def was_it(act: Act) -> bool:
    """Whether that was the end, and an earlier run did not come to write it."""
    return act.tool == FINISH and act.error_code is None and act.arguments.get("success") is True


def _kept(mind: Mind, turn: Turn, number: int, arguments: dict[str, object]) -> bool:
    """Whether everything that was promised is there; else the model is told what is not."""
    problems = promises.broken(mind.run, mind.plan)
    if not problems:
        return True
    said = "; ".join(problems)
    note(mind, turn, number, FINISH, arguments, bad(f"The work is not done: {said}", BROKEN), title="Not done yet")
    if sum(1 for act in mind.acts if act.error_code == BROKEN) >= MOST_ENDS:
        raise GivenUp(BROKEN, f"cannot complete: {said} The model said {MOST_ENDS} times that it was done.")
    return False

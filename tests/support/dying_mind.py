"""Have a model work on one task in processes that are cut off, one at each step, at the point that is named for it.

    python -m tests.support.dying_mind m1/model/step.after_start m1.1/tool/step.after_call …

Each process is forked and works until SIGKILL at its point, then the next takes its place, as in dying.py.  The
arguments are the task's steps in their order.  Prints a line for each process: the step at which it was to die, and
its exit code.
"""

import sys
from dataclasses import dataclass

from sqlalchemy import select

import settings
from models import scope
from models.database import bare_app, reading
from models.step import Step
from tasks.minds import loop, record
from tasks.reconcile import requeue_lost
from tests.support.dying import MOST_PROCESSES, SIGKILLED, answer, count, fork_one

BEGIN, END = "step.before_start", "step.after_finish"
OF_EACH = dict.fromkeys((BEGIN, "step.after_start", "step.after_call", "step.before_finish", END), 1)
PASSES = {
    "model": {**OF_EACH, "model.before_call": 1, "model.after_call": 1},
    # The first model does not answer, the second does.
    "fallback": {**OF_EACH, "model.before_call": 2, "model.after_call": 1},
    "tool": OF_EACH,
    "own": {BEGIN: 1, END: 1},
}
"""How often a step of that kind comes to each point."""


@dataclass(frozen=True)
class Planned:
    """A step, and where its process is to die."""

    key: str
    kind: str
    point: str


def main() -> None:
    assert loop.follow  # imported before the processes are forked: each of them would take seconds for it
    steps = [Planned(*text.split("/")) for text in sys.argv[1:]]
    open_steps = list(steps)
    with bare_app(settings.load()).app_context(), scope.wide("system:dying"):
        for _ in range(MOST_PROCESSES):
            if not count("open"):
                return
            standing = _standing()
            open_steps = [step for step in open_steps if step.key not in standing]
            target = open_steps[0] if open_steps else None
            code = fork_one(f"{target.point}=kill@{_passes(steps, standing, target)}" if target else "")
            if code == SIGKILLED and target:
                open_steps.remove(target)
            print(target.key if target else "end", code, flush=True)
            requeue_lost()
            answer()
    sys.exit("it never ended")


def _standing() -> set[str]:
    with reading() as session:
        return {step.key for step in session.scalars(select(Step)) if record.stands(step)}


def _passes(steps: list[Planned], standing: set[str], target: Planned) -> int:
    """How often a process comes to the point until it is at that step."""
    ahead = [step for step in steps[: steps.index(target) + 1] if step.key not in standing]
    return sum(PASSES[step.kind].get(target.point, 0) for step in ahead)


if __name__ == "__main__":
    main()

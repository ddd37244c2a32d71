"""Cut this process off at a named point: how tests and drills reach the moments between two statements.

    OPSCORE_DEBUG_TRIGGERS="step.after_call=kill@3 claim.before_commit=pause:/tmp/gate"

`kill` sends the process SIGKILL when it comes to the point, `kill@3` when it comes there for the third time.
`pause:FILE` writes its pid to FILE and goes on when somebody has deleted FILE.  Without the variable a point
costs the look into an empty dictionary.  On this floor because a snapshot has a point too.
"""

import os
import signal
import sys
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from models.errors import Misconfigured

VARIABLE = "OPSCORE_DEBUG_TRIGGERS"
POINTS = frozenset(
    {
        "submit.before_commit",
        "submit.between_commit_and_publish",
        "claim.before_commit",
        "claim.after_commit",
        "step.before_start",
        "step.after_start",
        "step.in_the_middle",
        "step.after_call",
        "snapshot.in_the_middle",
        "step.before_finish",
        "step.after_finish",
        "task.before_end",
        "task.after_end",
        "rescue.before_commit",
        "rescue.after_commit",
        "write.before_commit",
        "family.before_commit",
        "family.after_commit",
        "family.before_hearing",
        "family.after_hearing",
        "model.before_call",
        "model.after_call",
        "budget.before_commit",
        "budget.after_reserve",
    }
)
_LOOK_EVERY_S = 0.02


@dataclass
class Triggers:
    """What this process was told to do, and how often it came to each point."""

    wanted: Mapping[str, str]
    passes: Counter[str] = field(default_factory=Counter)

    def reach(self, name: str) -> None:
        """Do what was asked for at this point, if it is time."""
        self.passes[name] += 1
        action, _, which = self.wanted[name].partition("@")
        if action.startswith("pause:"):
            _pause(Path(action.removeprefix("pause:")))
        elif self.passes[name] == int(which or 1):
            sys.stderr.write(f"trigger: {name} ends process {os.getpid()}\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)


def at(name: str) -> None:
    """This process has come to the point of that name."""
    triggers = of_this_process()
    if name in triggers.wanted:
        triggers.reach(name)


def parse(text: str) -> dict[str, str]:
    """Each point's action.

    Raises:
        Misconfigured: names a point that there is none of, or an action that makes no sense.
    """
    wanted = dict(part.partition("=")[::2] for part in text.split())
    problems = [f"{name}: there is no such point" for name in wanted if name not in POINTS]
    problems += [
        f"{name}={action}: say kill, kill@N or pause:FILE" for name, action in wanted.items() if _is_no(action)
    ]
    if problems:
        raise Misconfigured(f"cannot use {VARIABLE}", problems=problems)
    return wanted


@cache
def of_this_process() -> Triggers:
    """What the environment says, read once; a forked child that is told otherwise clears the cache."""
    return Triggers(parse(os.environ.get(VARIABLE, "")))


def _is_no(action: str) -> bool:
    kind, _, which = action.partition("@")
    return not (kind == "kill" and which.isdecimal()) and action != "kill" and not action.startswith("pause:/")


def _pause(gate: Path) -> None:
    gate.write_text(str(os.getpid()), encoding="ascii")
    while gate.exists():
        time.sleep(_LOOK_EVERY_S)

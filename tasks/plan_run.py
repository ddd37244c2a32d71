"""Follow a task's plan, of whichever kind it is: playbook_run.py, minds/."""

from tasks import playbook_run
from tasks.playbook import Playbook
from tasks.steps import Run


def follow(run: Run) -> None:
    """Do what is left of the run's plan; the end of its last step is noted, and not written yet.

    Raises:
        Halted, CutBefore, Parked, StepFailed: the run ends before its last step.
        OpsCoreError: an error that is no step's.
    """
    assert isinstance(run.plan, Playbook)  # noqa: S101  (nothing else can be submitted)
    playbook_run.follow(run, run.plan)

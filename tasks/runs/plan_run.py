"""Follow a task's plan, of whichever kind it is: playbook_run.py, minds/."""

from tasks.plans.model_plan import ModelPlan
from tasks.plans.playbook import Playbook
from tasks.runs import playbook_run
from tasks.runs.steps import Run


def follow(run: Run) -> None:
    """Do what is left of the run's plan; the end of its last step is noted, and not written yet.

    Raises:
        Halted, CutBefore, Parked, GivenUp, StepFailed: the run ends before its last step.
        OpsCoreError: an error that is no step's.
    """
    match run.plan:
        case Playbook() as playbook:
            playbook_run.follow(run, playbook)
        case ModelPlan() as plan:
            # What it needs of others takes seconds to import, and most workers never do.
            from tasks.minds.loop import follow as think

            think(run, plan)

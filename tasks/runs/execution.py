"""Run a claimed task to its end: done, failed, tried again later, or ended because somebody wanted it.

The steps: steps.py.  The folder: place.py.  The writes: ledger.py.  Wishes: wishes.py, heart.py.
"""

from collections.abc import Mapping
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import settings
from models.claim import Claim, Fenced, Lost
from models.errors import OpsCoreError
from tasks.approvals.gate import REJECTED, UNAPPROVED
from tasks.orders.inputs import find_source
from tasks.plans import kept as plans
from tasks.runs import plan_run
from tasks.runs.fenced_writes import Within
from tasks.runs.ledger import Ledger
from tasks.runs.outcome import describe
from tasks.runs.place import Place
from tasks.runs.retry import Failure, decide, policy_of, uses_attempt
from tasks.runs.steps import Cut, CutBefore, GivenUp, Halted, Parked, PlanRefused, Run, StepFailed, begin_plan
from tasks.runs.wishes import Pulse, Wish
from tools import triggers
from tools.refusals import room_for

CHOICES = ("retry", "done", "fail")


def execute(claim: Claim, pulse: Pulse, within: Within | None = None) -> None:
    """Work on the claimed task until its run has ended; `within` is done in the transaction of its success.

    Raises:
        Fenced: another run owns the task by now; nothing was written after it took over.
        Lost: nobody could prove that the task is ours; nothing was written after that.
    """
    ledger = Ledger(claim, pulse)
    with ExitStack() as until:
        try:
            _try(ledger, until, within)
        except Lost:
            raise
        except Fenced as fence:
            _cancel_instead(ledger, fence)


def _try(ledger: Ledger, until: ExitStack, within: Within | None) -> None:
    task = ledger.claim.task
    try:
        plan = plans.plan_of(task)
        source = find_source(settings.load(), plan, task.inputs)
        place = Place(ledger, task, plan, source, until)
        run = Run(ledger, task, plan, source, place, ledger.earlier_steps())
        with room_for("prepare or write the workspace"):
            _work(run, within)
    except Fenced:
        raise
    except OpsCoreError as error:
        _tried_in_vain(ledger, error)


def _work(run: Run, within: Within | None) -> None:
    try:
        begin_plan(run)
        plan_run.follow(run)
        run.place.complete()
        _succeed(run, within)
    except Halted as halted:
        _halt(run.ledger, halted.wish, halted.cut)
    except CutBefore as cut:
        step = cut.step
        asked = {"kind": "once_cut", "step": step.id, "key": step.key, "title": step.title, "tool": step.tool}
        run.ledger.ask({**asked, "choices": list(CHOICES)})
    except Parked as parked:
        run.ledger.ask(parked.question, parked.rows)
    except PlanRefused as refused:
        message = f"cannot begin the task's plan: {refused.reason}"
        run.ledger.fail(refused.code, message, counts=False, by_person=refused.code == REJECTED)
    except GivenUp as end:
        run.ledger.fail(end.code, end.message, end.told)
    except StepFailed as failed:
        _failed(run, failed)


def _succeed(run: Run, within: Within | None) -> None:
    triggers.at("task.before_end")
    run.ledger.succeed(within)
    triggers.at("task.after_end")


def fail_or_cancel(ledger: Ledger, code: str, message: str) -> None:
    """The task failed for this reason, unless somebody wants it cancelled.

    Raises:
        Fenced: another run owns the task.
        Lost: nobody can prove that the task is ours.
    """
    try:
        ledger.fail(code, message)
    except Lost:
        raise
    except Fenced as fence:
        _cancel_instead(ledger, fence)


def _cancel_instead(ledger: Ledger, fence: Fenced) -> None:
    """A run's end is refused as well where its task is to be cancelled, since the last moment: then it is."""
    ledger.look()
    if ledger.pulse.wish is not Wish.CANCEL:
        raise fence
    ledger.cancel(killed=0)


def _halt(ledger: Ledger, wish: Wish, cut: Cut | None) -> None:
    """End the run as was wished; every process of its call has ended."""
    if wish is Wish.CANCEL or wish is Wish.DEADLINE:
        _note_cut(ledger, wish, cut)
    match wish:
        case Wish.CANCEL:
            ledger.cancel(int(cut.outcome.resources.get("processes_killed", 0)) if cut else 0)
        case Wish.DEADLINE:
            until = f"{ledger.claim.task.deadline_at:%Y-%m-%d %H:%M:%S} UTC"
            ledger.fail("deadline", f"cannot finish: its deadline, {until}, has passed", counts=False)
        case Wish.STOP | Wish.PAUSE:
            ledger.pause(wish)


def _note_cut(ledger: Ledger, wish: Wish, cut: Cut | None) -> None:
    """Keep of the call that was cut off what it printed and used."""
    if cut is None:
        return
    said = {Wish.CANCEL: ("cancelled", "was cancelled"), Wish.DEADLINE: ("deadline", "was cut off by the deadline")}
    cut.outcome.error_code, cut.outcome.error_message = said[wish]
    ledger.finish_step(cut.step_id, cut.key, cut.title, cut.outcome)


def _failed(run: Run, failed: StepFailed) -> None:
    """Try the step again later, if its policy has another attempt, or fail."""
    outcome = failed.outcome
    code = outcome.error_code or "tool_failed"
    message = f"cannot finish the step “{failed.title}”: {outcome.error_message}"
    if code in UNAPPROVED:
        run.ledger.fail(code, message, {"step": failed.key}, counts=False, by_person=code == REJECTED)
        return
    wait, elapsed = _seconds(outcome.retry_after_s), run.ledger.tried_for(failed.key)
    policy = policy_of(run.task, run.plan, failed.planned)
    decided = decide(policy, Failure(code, outcome.is_transient, failed.attempt, elapsed, wait))
    told = {"step": failed.key, **decided.told}
    if decided.delay is None:
        run.ledger.fail(code, message, told)
    else:
        _try_later(run.ledger, decided.delay, code, message, told, counts=uses_attempt(code))


def _tried_in_vain(ledger: Ledger, error: OpsCoreError) -> None:
    """An error that is no step's: the folder could not be prepared, or an expression makes no sense."""
    task = ledger.claim.task
    policy = policy_of(task, plans.plan_of(task), None)
    decided = decide(policy, Failure(error.code, error.transient, task.attempts + 1))
    if decided.delay is None:
        ledger.fail(error.code, describe(error), decided.told)
    else:
        _try_later(ledger, decided.delay, error.code, describe(error), decided.told, counts=True)


def _try_later(
    ledger: Ledger, delay: timedelta, code: str, message: str, told: Mapping[str, Any], *, counts: bool
) -> None:
    """Queue the task again, unless a wish is to be obeyed now: the next attempt may be hours away."""
    ledger.pulse.demand()
    if (wish := ledger.pulse.wish) is not None:
        _halt(ledger, wish, None)
    else:
        ledger.retry(delay, code, message, told, counts=counts)


def _seconds(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)

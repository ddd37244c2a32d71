"""What a run writes to the database, each write fenced, each with its line of the timeline.

What belongs together is noted first and sent as one transaction: `settle` before a call that must not happen
unseen, and after each step; the last step's end and the task's are one.  How it is sent: fenced_writes.py.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import Row, Select, delete, insert, select, update
from sqlalchemy.orm import Session, defer, load_only

from models.agent import Agent
from models.approval import Approval, ApprovalState
from models.claim import Claim, Fenced, since
from models.columns import database_now, new_id, now, seconds_since
from models.database import reading, send_together, together
from models.scope import current
from models.states import Move, Stage
from models.step import Step, StepState
from models.task import Task
from models.workspace import Artifact, Workspace
from tasks.broker import publish
from tasks.control.standing import close_steps
from tasks.family.hearing import CHILDREN, note_wait
from tasks.plans.playbook import PlannedStep
from tasks.runs.fenced_writes import Ending, FencedWrites, Within
from tasks.runs.outcome import StepOutcome, clean
from tasks.runs.told import Telling
from tasks.runs.wishes import Pulse, uptime
from tools.limits import Effective

T = TypeVar("T")
SHOWN_AFTER_S = 0.3
"""A call that takes longer is shown as begun, whatever its tool."""


class Ledger:
    """The writes of one claim."""

    def __init__(self, claim: Claim, pulse: Pulse | None = None) -> None:
        self.claim = claim
        self.pulse = pulse or Pulse(claim, timedelta(days=1), uptime())
        self._writes = FencedWrites(claim, self.pulse)
        self._steps_done = claim.task.steps_done
        self._claim_is_fresh = True
        self._asked: dict[str, Approval] | None = None
        self._open: _Begun | None = None
        """The step that runs, as its row is to be; None between steps."""

    def catch_up(self) -> None:
        """Go on where another ledger of this run broke off; what that had only noted is left unsaid."""
        self._writes.catch_up()

    def settle(self) -> None:
        """Write what was noted; returns once it stands."""
        self._writes.send()

    def settle_if_due(self) -> None:
        """Let people see what runs already; where the database is away, later."""
        if self._writes.waiting_s() > SHOWN_AFTER_S:
            self._writes.try_to_send()

    def look(self) -> None:
        """Ask what people want of the run."""
        self._writes.look()

    def earlier_steps(self) -> dict[str, Step]:
        """The live steps that earlier runs left, by key, of whatever epoch."""
        if self.claim.run_number == 1:
            return {}
        live = select(Step).where(Step.task_id == self.claim.task_id, Step.superseded_at.is_(None))
        return {step.key: step for step in self._read(live)}

    def workspace(self) -> Workspace | None:
        """The workspace's row, if a run made one before."""
        if self.claim.run_number == 1:
            return None
        return next(iter(self._read(select(Workspace).where(Workspace.task_id == self.claim.task_id))), None)

    def of_agent(self) -> "OfAgent":
        """What is said of the agent that works on it, now; a claim that was made just now has asked."""
        claim = self.claim
        if claim.limits_of_agent is not None and self._claim_is_fresh:
            self._claim_is_fresh = False
            return OfAgent(claim.limits_of_agent, claim.approvals_of_agent or [])
        named = select(Agent).where(Agent.name == claim.agent).options(load_only(Agent.limits, Agent.approvals))
        found = next(iter(self._read(named)), None)
        return OfAgent(found.limits, found.approvals) if found is not None else OfAgent({}, [])

    def whole_task(self) -> Task:
        """The task's row with what a claim does not read."""
        found: Task = self._read(select(Task).where(Task.id == self.claim.task_id))[0]
        return found

    def agent(self) -> Agent | None:
        """The agent that works on it, as it is now."""
        return next(iter(self._read(select(Agent).where(Agent.name == self.claim.agent))), None)

    def patiently(self, work: Callable[[], T]) -> T:
        """What the work returns, which is tried again while the database is away."""
        return self._writes.patiently(work)

    def asked_before(self) -> dict[str, Approval]:
        """What was asked in this epoch and not withdrawn, by digest; a task that runs asks nothing, so it stays so."""
        if self._asked is None:
            self._asked = self._approvals() if self.claim.run_number > 1 else {}
        return self._asked

    def _approvals(self) -> dict[str, Approval]:
        mine = (Approval.task_id == self.claim.task_id, Approval.epoch == self.claim.epoch)
        stands = select(Approval).where(*mine, Approval.state != ApprovalState.WITHDRAWN).order_by(Approval.id)
        long = (Approval.arguments, Approval.diff)
        return {each.digest: each for each in self._read(stands.options(*(defer(column) for column in long)))}

    def tried_for(self, key: str) -> timedelta:
        """For how long the step has been tried; nothing where its row is still to be written."""
        live = select(seconds_since(Step.tried_since)).where(Step.task_id == self.claim.task_id, Step.key == key)
        return timedelta(seconds=next(iter(self._read(live.where(Step.superseded_at.is_(None)))), None) or 0.0)

    def workspace_ready(self, row: dict[str, Any], told: dict[str, Any]) -> None:
        """Write where the run works; returns once that stands."""

        def rows(session: Session) -> None:
            mine = Workspace.task_id == self.claim.task_id
            known = session.scalars(select(Workspace).where(mine)).one_or_none()
            if known is None:
                known = Workspace(task_id=self.claim.task_id)
                session.add(known)
            for name, value in row.items():
                setattr(known, name, value)

        self._writes.note("workspace.ready", told, rows=rows)
        self.settle()

    def enter_stage(self, stage: Stage) -> None:
        """Note that the work has come to the stage."""
        self._writes.note("stage.entered", {"stage": stage}, {"stage": stage})

    def plan_grew(self, steps: int) -> None:
        """Note that a step repeats over a list: so many steps are planned now."""
        self._writes.note("plan.grew", {"steps": steps}, {"steps_total": steps})

    def start_step(
        self,
        key: str,
        position: int,
        planned: PlannedStep,
        title: str,
        arguments: dict[str, Any],
        limits: Effective,
        before: Step | None = None,
        attempt: int = 1,
        parent_id: str | None = None,
    ) -> str:
        """Note that the step begins, over what an earlier run left of it; returns its id."""
        values = self._new_step(key, position, planned, title, arguments)
        values |= {"limits": limits.as_dict(), "attempt": attempt, "parent_id": parent_id}
        values |= {"tried_since": before.tried_since} if before is not None else {}
        self._open = _Begun(values, before)
        told = {"step": values["id"], "key": key, "title": title, "tool": planned.tool, "position": position}
        again = {"attempt": attempt} if attempt > 1 else {}
        self._writes.note("step.started", {**told, **again}, rows=self._open.write)
        return str(values["id"])

    def told_in_step(self, step_id: str, key: str, told: list[Telling]) -> None:
        """Note what the step's tool told."""
        for kind, details in told:
            self._writes.note(kind, {**details, "step": step_id, "key": key})

    def skip_step(self, key: str, position: int, planned: PlannedStep, title: str, before: Step | None = None) -> None:
        """Note that the step's condition did not hold."""
        self._steps_done += 1
        values = self._new_step(key, position, planned, title, {})
        values |= {"state": StepState.SKIPPED, "finished_at": values["started_at"]}
        told = {"step": values["id"], "key": key, "title": title}
        skipped = _Begun(values, before)
        self._writes.note("step.skipped", told, {"steps_done": self._steps_done}, skipped.write)

    def finish_step(
        self,
        step_id: str,
        key: str,
        title: str,
        outcome: StepOutcome,
        more: Callable[[Session], object] | None = None,
    ) -> None:
        """Note result and snapshot of the step; `more` is written in the same transaction."""
        is_good = outcome.state is StepState.SUCCEEDED
        self._steps_done += is_good
        assert self._open is not None and self._open.values["id"] == step_id  # noqa: S101  (only what was started is finished)
        begun, finished = self._open, {"finished_at": now(), **outcome.columns()}
        self._open = None
        begun.values |= finished

        def rows(session: Session) -> None:
            if begun.written_in is not session:
                session.execute(update(Step).where(Step.id == step_id).values(**finished))
            self._keep_files(session, step_id, outcome)
            if more is not None:
                more(session)

        # Whoever got so far is not why the workers before it died: what is capped is deaths in a row.
        values = {"steps_done": self._steps_done, "losses": 0} if is_good else {}
        told = {"step": step_id, "key": key, "title": title, **outcome.told()}
        self._writes.note("step.finished", told, values, rows)

    def succeed(self, within: Within | None = None) -> None:
        """The task is complete; `within` is done in the same transaction, which may be tried again.

        Raises:
            Fenced: another run owns it, or it is to be cancelled: `look` tells.
        """
        self._writes.note("task.succeeded", {}, {**_ended(), "stage": Stage.COMPLETE}, self._close_steps)
        self._end(Ending(Move.SUCCEED, "succeeded", within=within))

    def fail(
        self,
        code: str,
        message: str,
        told: Mapping[str, Any] | None = None,
        *,
        counts: bool = True,
        by_person: bool = False,
    ) -> None:
        """The task failed for this reason, for good: it is a dead letter now, unless a person wanted it so.

        Raises:
            Fenced: another run owns it, or it is to be cancelled: `look` tells.
        """
        told = {**(told or {}), "code": code, "message": message}
        values = {**_ended(), "error_code": code, "error_message": message}
        values |= {} if by_person else {"dead_letter_at": now()}
        values |= {"attempts": Task.attempts + 1} if counts else {}
        self._writes.note("task.failed", told, values, self._close_steps)
        self._end(Ending(Move.FAIL, "failed"))

    def retry(self, delay: timedelta, code: str, message: str, told: Mapping[str, Any], *, counts: bool) -> None:
        """The task is queued again, to be claimed after the delay."""
        is_now = delay <= timedelta()
        values: dict[str, Any] = {
            "waits_until": None if is_now else database_now(delay),
            "published_at": now() if is_now else None,
        }
        values |= {"attempts": Task.attempts + 1} if counts else {}
        said = {"code": code, "message": message, "delay_s": round(delay.total_seconds(), 3), **told}
        self._writes.note("task.retry_planned", said, values)
        self._end(Ending(Move.RETRY, "retried", after=self._wake if is_now else None))

    def pause(self, why: str) -> None:
        """The task rests until somebody resumes it; `why` is the wish that was fulfilled."""
        values = {"pause_requested_at": None, "stop_requested_at": None}
        self._writes.note("task.paused", {"why": why}, values)
        self._end(Ending(Move.PAUSE, "paused"))

    def ask(self, question: dict[str, Any], rows: Callable[[Session], None] | None = None) -> None:
        """The task waits for an answer; `rows` are written in the same transaction."""
        # The arguments of a call may be long: they stand in the task's row, and in the approval's.
        told = {name: value for name, value in question.items() if name != "arguments"}
        self._writes.note("task.asked", {"question": told}, {"question": question}, rows)
        of_family = question.get("kind") == CHILDREN
        self._end(Ending(Move.WAIT, "waiting", after=self._look_at_children if of_family else None))

    def cancel(self, killed: int) -> None:
        """The task is cancelled: no process of it is left, of which so many were killed."""

        def tell(session: Session, row: Row[Any]) -> Mapping[str, Any]:
            passed = since(session, row.cancel_requested_at)
            return {} if passed is None else {"after_s": round(passed, 3)}

        self._writes.note("task.cancelled", {"killed": killed}, _ended(), self._close_steps)
        self._writes.send(Ending(Move.CANCEL, "cancelled", tell))

    def _end(self, ending: Ending) -> None:
        """Send the end that was noted last; one that is refused was never said.

        Raises:
            Fenced: another run owns the task, or it is to be cancelled: `look` tells.
        """
        try:
            self._writes.send(ending)
        except Fenced:
            self._writes.take_back()
            raise

    def _read(self, statement: Select[Any]) -> list[Any]:
        """What is found; where the database is away, once it is back."""

        def found() -> list[Any]:
            with reading() as session:
                return list(session.scalars(statement))

        return self._writes.patiently(found)

    def _look_at_children(self) -> None:
        note_wait(self.claim.task_id)

    def _wake(self) -> None:
        publish(self.claim.task_id, self.claim.tenant, self.claim.queue)

    def _close_steps(self, session: Session) -> None:
        """Leave no step open behind the task's end, not one of an earlier run either."""
        if self._open is None and self.claim.run_number == 1:
            return
        close_steps(session, self.claim.task_id)

    def _new_step(
        self, key: str, position: int, planned: PlannedStep, title: str, arguments: dict[str, Any]
    ) -> dict[str, Any]:
        return {
            "id": new_id(),
            "tenant": self.claim.tenant,
            "author": current().author,
            "task_id": self.claim.task_id,
            "key": key,
            "epoch": self.claim.epoch,
            "position": position,
            "run_number": self.claim.run_number,
            "title": clean(title)[:200],
            "stage": planned.stage,
            "tool": planned.tool,
            "arguments": clean(arguments),
            "started_at": now(),
        }

    def _keep_files(self, session: Session, step_id: str, outcome: StepOutcome) -> None:
        if outcome.snapshot is None or not outcome.is_kept:
            return
        send_together(session)  # the step, which artifacts refer to
        size: dict[str, Any] = {"files": outcome.files, "size_bytes": outcome.total_bytes}
        if outcome.state is StepState.SUCCEEDED:
            # What a failed step left is there to be looked at; it is tried again from what it began with.
            size["snapshot"] = outcome.snapshot
        session.execute(update(Workspace).where(Workspace.task_id == self.claim.task_id).values(**size))
        touched = [*outcome.changes.get("removed", []), *(artifact.path for artifact in outcome.artifacts)]
        if touched:
            mine = Artifact.task_id == self.claim.task_id
            session.execute(delete(Artifact).where(mine, Artifact.path.in_(touched)))
        named = {"task_id": self.claim.task_id, "step_id": step_id}
        session.add_all(Artifact(**named, **vars(each)) for each in outcome.artifacts)


@dataclass(frozen=True)
class OfAgent:
    """What is said of an agent: what a step may use at most, and before which calls it must ask a person."""

    limits: Mapping[str, Any]
    approvals: Sequence[str]


@dataclass
class _Begun:
    """The row of a step that has begun: it is written once where its end is in the same transaction."""

    values: dict[str, Any]
    before: Step | None
    written_in: Session | None = None

    def write(self, session: Session) -> None:
        if self.before is not None:
            session.execute(delete(Step).where(Step.id == self.before.id))
        together(session, _NEW_STEP, [self.values])
        self.written_in = session


_NEW_STEP = insert(Step.__table__)  # type: ignore[arg-type]  # the mapped class says less than its table is


def _ended() -> dict[str, Any]:
    return {"finished_at": now()}

"""What a run writes to the database, each write fenced, each with its event.

One transaction a call: the fence, the rows and the event stand or fall together.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session, joinedload

from models import event
from models.agent import Agent
from models.claim import Claim, end, fenced
from models.columns import now
from models.database import after_commit, reading, writing
from models.errors import OpsCoreError
from models.states import Move, Stage
from models.step import Step, StepState
from models.task import Task
from models.workspace import Artifact, Workspace
from tasks import live
from tasks.outcome import StepOutcome, clean, describe
from tasks.playbook import PlannedStep
from tasks.told import Telling
from tools.limits import Effective


class Ledger:
    """The writes of one claim."""

    def __init__(self, claim: Claim) -> None:
        self.claim = claim

    def task(self) -> Task:
        """The task as it was claimed."""
        with reading() as session:
            mine = select(Task).where(Task.id == self.claim.task_id).options(joinedload(Task.plan))
            return session.scalars(mine).one()

    def finished_steps(self) -> dict[str, Step]:
        """The steps that an earlier run of this epoch finished well, by key."""
        done = Step.state.in_([StepState.SUCCEEDED, StepState.SKIPPED])
        with reading() as session:
            found = session.scalars(self._steps().where(done))
            return {step.key: step for step in found}

    def workspace(self) -> Workspace | None:
        """The workspace's row, if a run made one before."""
        with reading() as session:
            return session.scalars(select(Workspace).where(Workspace.task_id == self.claim.task_id)).one_or_none()

    def workspace_ready(self, row: dict[str, Any], told: dict[str, Any]) -> None:
        """Note where the run works."""
        with writing() as session:
            self._record(session, fenced(session, self.claim), "workspace.ready", **told)
            mine = Workspace.task_id == self.claim.task_id
            known = session.scalars(select(Workspace).where(mine)).one_or_none()
            if known is None:
                known = Workspace(task_id=self.claim.task_id)
                session.add(known)
            for name, value in row.items():
                setattr(known, name, value)

    def enter_stage(self, stage: Stage) -> None:
        """Say that the work has come to the stage."""
        with writing() as session:
            self._record(session, fenced(session, self.claim, stage=stage), "stage.entered", stage=stage)

    def plan_grew(self, steps: int) -> None:
        """A step repeats over a list: so many steps are planned now."""
        with writing() as session:
            self._record(session, fenced(session, self.claim, steps_total=steps), "plan.grew", steps=steps)

    def limits_of_agent(self) -> dict[str, Any]:
        """What the agent that works on it is allowed now."""
        with reading() as session:
            return session.scalars(select(Agent.limits).where(Agent.name == self.claim.agent)).one_or_none() or {}

    def start_step(
        self,
        key: str,
        position: int,
        planned: PlannedStep,
        title: str,
        arguments: dict[str, Any],
        limits: Effective,
    ) -> str:
        """Write the step as started, over what a cut-off run left of it; returns its id."""
        with writing() as session:
            number = fenced(session, self.claim)
            session.execute(delete(Step).where(*self._key(key)))
            step = self._new_step(key, position, planned, title, arguments)
            step.limits = limits.as_dict()
            session.add(step)
            session.flush()
            told = {"step": step.id, "key": key, "title": title, "tool": planned.tool, "position": position}
            self._record(session, number, "step.started", **told)
            return step.id

    def told_in_step(self, step_id: str, key: str, told: list[Telling]) -> None:
        """Put what the step's tool told on the timeline."""
        with writing() as session:
            for kind, details in told:
                self._record(session, fenced(session, self.claim), kind, **{**details, "step": step_id, "key": key})

    def skip_step(self, key: str, position: int, planned: PlannedStep, title: str) -> None:
        """Write that the step's condition did not hold."""
        with writing() as session:
            number = fenced(session, self.claim, steps_done=Task.steps_done + 1)
            session.execute(delete(Step).where(*self._key(key)))
            step = self._new_step(key, position, planned, title, {})
            step.state, step.finished_at = StepState.SKIPPED, step.started_at
            session.add(step)
            session.flush()
            self._record(session, number, "step.skipped", step=step.id, key=key, title=title)

    def finish_step(self, step_id: str, key: str, title: str, outcome: StepOutcome) -> None:
        """Write result and snapshot in one update."""
        is_good = outcome.state is StepState.SUCCEEDED
        with writing() as session:
            number = fenced(session, self.claim, **({"steps_done": Task.steps_done + 1} if is_good else {}))
            session.execute(update(Step).where(Step.id == step_id).values(finished_at=now(), **outcome.columns()))
            self._keep_artifacts(session, step_id, outcome)
            if outcome.snapshot is not None:
                self._follow_workspace(session, outcome)
            self._record(session, number, "step.finished", step=step_id, key=key, title=title, **outcome.told())

    def succeed(self) -> None:
        """The task is complete."""
        self._end(Move.SUCCEED, "succeeded", "task.succeeded", {}, stage=Stage.COMPLETE)

    def fail(self, error: OpsCoreError) -> None:
        """The task failed for this reason."""
        told = {"code": error.code, "message": describe(error)}
        values = {"error_code": error.code, "error_message": told["message"], "attempts": Task.attempts + 1}
        self._end(Move.FAIL, "failed", "task.failed", told, **values)

    def _end(self, what: Move, outcome: str, kind: str, told: dict[str, Any], **values: Any) -> None:
        finished_at: datetime = now()
        with writing() as session:
            number = end(session, self.claim, what, outcome, finished_at=finished_at, **values)
            # Only a defect of ours leaves a step open behind it.
            left = update(Step).where(Step.task_id == self.claim.task_id, Step.state == StepState.STARTED)
            session.execute(left.values(state=StepState.FAILED, finished_at=finished_at, error_message="was cut off"))
            self._record(session, number, kind, **told)

    def _record(self, session: Session, number: int, kind: str, **told: Any) -> None:
        task_id = self.claim.task_id
        event.record(session, "task", task_id, number, kind, self.claim.tenant, **told)
        after_commit(session, lambda: live.hint("task", task_id, number))

    def _steps(self) -> Any:
        return select(Step).where(Step.task_id == self.claim.task_id, Step.epoch == self.claim.epoch)

    def _key(self, key: str) -> tuple[Any, ...]:
        return Step.task_id == self.claim.task_id, Step.epoch == self.claim.epoch, Step.key == key

    def _new_step(self, key: str, position: int, planned: PlannedStep, title: str, arguments: dict[str, Any]) -> Step:
        return Step(
            task_id=self.claim.task_id,
            key=key,
            epoch=self.claim.epoch,
            position=position,
            run_number=self.claim.run_number,
            title=clean(title)[:200],
            stage=planned.stage,
            tool=planned.tool,
            arguments=clean(arguments),
            started_at=now(),
        )

    def _follow_workspace(self, session: Session, outcome: StepOutcome) -> None:
        size = {"snapshot": outcome.snapshot, "files": outcome.files, "size_bytes": outcome.total_bytes}
        session.execute(update(Workspace).where(Workspace.task_id == self.claim.task_id).values(**size))

    def _keep_artifacts(self, session: Session, step_id: str, outcome: StepOutcome) -> None:
        touched = [*outcome.changes.get("removed", []), *(artifact.path for artifact in outcome.artifacts)]
        mine = Artifact.task_id == self.claim.task_id
        session.execute(delete(Artifact).where(mine, Artifact.path.in_(touched)))
        for each in outcome.artifacts:
            session.add(
                Artifact(
                    task_id=self.claim.task_id,
                    step_id=step_id,
                    path=each.path,
                    size_bytes=each.size_bytes,
                    media_type=each.media_type,
                )
            )

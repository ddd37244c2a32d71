"""Change what an agent may do: its limits, whether it takes tasks, how many, its model, what it asks; each told.

Who an agent is and that it lives is written by its workers: worker/registration.py.  What pauses and numbers do
counts in the claim itself (models/claim.py).  Everything here runs within `acting(…)`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from models.agent import Agent, Worker
from models.columns import now
from models.database import after_commit, writing
from models.errors import InvalidInput, NotFound, Problem
from tasks.plans.plan_checks import unknown_tool
from tasks.plans.plan_fields import WHOLE_PLAN
from tasks.providers import choice as model_choice
from tasks.queueing.queues import check_max_running
from tasks.queueing.waking import wake_queues
from tasks.timeline import record_of_agent
from tools import limits


def change_limits(name: str, given: Mapping[str, Any]) -> None:
    """Set these of the agent's limits, as people write them; None or "" takes one away, the others stay.

    They count from the next step on that it begins.

    Raises:
        InvalidInput: one problem for each limit that is wrong.
        NotFound: there is no such agent.
    """
    wanted = limits.read(given)
    with writing() as session:
        agent = _locked(session, name)
        before = dict(agent.limits)
        after = {key: value for key, value in before.items() if key not in given} | wanted
        if after == before:
            return
        _change(session, agent, limits=after, version=Agent.version + 1)
        record_of_agent(session, agent.id, "agent.limits_changed", before=before, after=after)


def change_approvals(name: str, wanted: Sequence[str]) -> None:
    """Have a person approve the agent's calls of these tools; `plan` for each task as a whole, before its first step.

    They replace those that were, and count from the next step on; for whole plans from the next run on.

    Raises:
        InvalidInput: there is no such tool.
        NotFound: there is no such agent.
    """
    found = [
        Problem(path=f"approvals[{index}]", message=wrong)
        for index, each in enumerate(wanted)
        if each != WHOLE_PLAN and (wrong := unknown_tool(each))
    ]
    if found:
        raise InvalidInput("cannot change the agent", problems=found)
    with writing() as session:
        agent = _locked(session, name)
        before, after = list(agent.approvals), list(dict.fromkeys(wanted))
        if after != before:
            _change(session, agent, approvals=after, version=Agent.version + 1)
            record_of_agent(session, agent.id, "agent.approvals_changed", before=before, after=after)


def pause(name: str) -> None:
    """Let the agent claim nothing more; what it runs goes on.

    Raises:
        NotFound: there is no such agent.
    """
    with writing() as session:
        agent = _locked(session, name)
        if agent.paused_at is None:
            _change(session, agent, paused_at=now())
            record_of_agent(session, agent.id, "agent.paused")


def resume(name: str) -> None:
    """Let the agent claim again.

    Raises:
        NotFound: there is no such agent.
    """
    with writing() as session:
        agent = _locked(session, name)
        if agent.paused_at is not None:
            _change(session, agent, paused_at=None)
            record_of_agent(session, agent.id, "agent.resumed")
            _wake_after_commit(session, agent)


def change_max_running(name: str, wanted: int | None) -> None:
    """Let the agent run so many tasks at a time, on all hosts together; None: as many as its workers have places.

    Raises:
        InvalidInput: the number cannot be.
        NotFound: there is no such agent.
    """
    check_max_running(wanted)
    with writing() as session:
        agent = _locked(session, name)
        before = agent.max_running
        if before != wanted:
            _change(session, agent, max_running=wanted, version=Agent.version + 1)
            record_of_agent(session, agent.id, "agent.max_running_changed", before=before, after=wanted)
            _wake_after_commit(session, agent)


def change_model(name: str, wanted: str | None) -> None:
    """Let the agent think with this model, `provider/model`, from its next answer on; None: by complexity.

    Raises:
        InvalidInput: no such model may be used.
        NotFound: there is no such agent.
    """
    if wanted and (wrong := model_choice.problems([wanted], "model")):
        raise InvalidInput("cannot change this agent", problems=[{**each, "path": "model"} for each in wrong])
    with writing() as session:
        agent = _locked(session, name)
        before, after = agent.model, wanted or None
        if before != after:
            _change(session, agent, model=after, version=Agent.version + 1)
            record_of_agent(session, agent.id, "agent.model_changed", before=before, after=after)


def _locked(session: Session, name: str) -> Agent:
    # Locked: of two changes at the same time the second must see the first.
    agent = session.scalars(select(Agent).where(Agent.name == name).with_for_update()).one_or_none()
    if agent is None:
        raise NotFound("cannot find the agent", agent=name)
    return agent


def _change(session: Session, agent: Agent, **values: Any) -> None:
    changed = update(Agent).where(Agent.id == agent.id).values(**values)
    session.execute(changed.execution_options(synchronize_session=False))


def _wake_after_commit(session: Session, agent: Agent) -> None:
    """While it claimed nothing, its workers took the messages of their queues and left the tasks."""
    serving = select(Worker.queues).where(Worker.agent_id == agent.id, Worker.stopped_at.is_(None))
    names = sorted({name for queues in session.scalars(serving) for name in queues})
    after_commit(session, lambda: wake_queues(names))

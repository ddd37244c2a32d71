"""Agents: who may do work, who runs now, and what they work on."""

from collections import defaultdict
from datetime import datetime

from flask import Response
from flask_openapi import APIBlueprint, Tag
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models.agent import Agent, light
from models.columns import clock
from models.database import db
from models.errors import NotFound
from models.states import State
from models.task_list import Filters, page
from tasks.control import agents as agent_rules
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import AgentChange, AgentPath, Agents, AgentShape, TaskSummary, WorkerShape

part = APIBlueprint(
    "agents_api", __name__, url_prefix="/v1/agents", abp_tags=[Tag(name="Agents")], abp_security=SIGNED_IN
)


@part.get("", operation_id="listAgents", responses=answers(_200=Agents))
def list_agents() -> Response:
    """List the agents with their workers and what they work on."""
    require("agent:read")
    agents = db.session.scalars(select(Agent).options(selectinload(Agent.workers)).order_by(Agent.name))
    running = _running()
    at = _clock()
    return sent(Agents(agents=[_shape(agent, running[agent.name], at) for agent in agents]))


@part.get("/<name>", operation_id="showAgent", responses=answers(404, _200=AgentShape))
def show_agent(path: AgentPath) -> Response:
    """Show one agent."""
    return sent(_found(path.name, "agent:read"))


@part.patch("/<name>", operation_id="changeAgent", responses=answers(400, 404, 413, 415, _200=AgentShape))
def change_agent(path: AgentPath, body: AgentChange) -> Response:
    """Change an agent's limits, model and approvals, which count from its next step on; pause it, limit it."""
    _found(path.name, "agent:change")
    if "limits" in body.model_fields_set:
        agent_rules.change_limits(path.name, body.limits)
    if "approvals" in body.model_fields_set:
        agent_rules.change_approvals(path.name, body.approvals)
    if "max_running" in body.model_fields_set:
        agent_rules.change_max_running(path.name, body.max_running)
    if "model" in body.model_fields_set:
        agent_rules.change_model(path.name, body.model)
    if "is_paused" in body.model_fields_set:
        (agent_rules.pause if body.is_paused else agent_rules.resume)(path.name)
    db.session.rollback()  # what was read before the change is old
    return sent(_found(path.name, "agent:read"))


def _found(name: str, permission: str) -> AgentShape:
    agent = db.session.scalars(
        select(Agent).where(Agent.name == name).options(selectinload(Agent.workers))
    ).one_or_none()
    if agent is None:
        raise NotFound("cannot find the agent: there is none of this name", agent=name)
    require(permission, agent)
    return _shape(agent, _running()[name], _clock())


def _running() -> dict[str, list[TaskSummary]]:
    by_agent = defaultdict(list)
    for task in page(db.session, Filters(state=State.RUNNING), limit=200).tasks:  # type: ignore[arg-type]
        by_agent[task.agent or ""].append(TaskSummary.model_validate(task))
    return by_agent


def _clock() -> datetime:
    """By which the beats of workers are judged."""
    return clock(db.session().connection())


def _shape(agent: Agent, running: list[TaskSummary], at: datetime) -> AgentShape:
    colour, reason = light(agent, at)
    alive = [WorkerShape.model_validate(worker) for worker in agent.workers if worker.stopped_at is None]
    names = (
        "id",
        "name",
        "description",
        "complexity_min",
        "complexity_max",
        "tools",
        "limits",
        "approvals",
        "paused_at",
        "max_running",
        "model",
        "version",
        "created_at",
    )
    columns = {name: getattr(agent, name) for name in names}
    return AgentShape(**columns, light=colour.value, reason=reason, workers=alive, current_tasks=running)

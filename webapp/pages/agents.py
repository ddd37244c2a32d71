"""The agents: a light and its reason for each, where and how it runs, what it does now; one agent with its limits.

What a tier of the sandbox means: tools/tiers.py.  What changing limits, pausing and resuming does:
tasks/control/agents.py.
"""

from collections import defaultdict
from ipaddress import ip_address
from socket import socket

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import selectinload

from models.agent import Agent, Worker, light
from models.budget import BudgetKind
from models.columns import clock
from models.database import db
from models.errors import InvalidInput, NotFound, Problem
from models.service_list import left_alone
from models.spend_list import Filters, SpendBy, by
from models.task import Task
from tasks.control import agents
from tasks.runs.limits import before_a_task
from tasks.spending import budget_limits
from tools.tiers import meaning
from webapp import gate, glance, limit_form
from webapp.amounts import counted
from webapp.ask import Question, ask, done
from webapp.pages.queues import whole

page = Blueprint("agents", __name__)

MOST_RUNNING = 200


@page.app_context_processor
def _words() -> dict[str, object]:
    return {"meaning": meaning}


@page.get("/agents")
def show() -> ResponseReturnValue:
    """The grid; its live part asks for itself again when something changed."""
    gate.allow("agent:read")
    working: dict[str, list[Task]] = defaultdict(list)
    for task in glance.running(db.session(), MOST_RUNNING):
        working[task.agent or ""].append(task)
    every = glance.agents(db.session())
    alone = left_alone(db.session())
    return render_template("pages/agents.html", agents=every, working=working, flower=_flower(), left_alone=alone)


@page.get("/agents/<name>")
def one(name: str) -> ResponseReturnValue:
    """One agent: what its workers' sandbox is and means, and the limits of its steps."""
    agent = _agent(name)
    return _one(agent, limit_form.as_typed(agent.limits), [])


@page.post("/agents/<name>/limits")
def limit(name: str) -> ResponseReturnValue:
    """Change its limits, or show them again with what is wrong."""
    agent = _agent(name)
    gate.allow("agent:change", agent)
    typed = limit_form.sent(request.form)
    try:
        agents.change_limits(name, typed)
    except InvalidInput as error:
        return _one(agent, typed, error.problems), 422
    return redirect(url_for("agents.one", name=name, kept=1, _anchor="limits"), 303)


@page.get("/agents/<name>/pause")
def ask_pause(name: str) -> ResponseReturnValue:
    """What pausing it would hold up."""
    agent = _changed(name)
    return ask(
        Question(
            title=f"Pause the agent {agent.name}?",
            action=url_for("agents.pause", name=agent.name),
            yes="Pause the agent",
            back=url_for("agents.one", name=agent.name),
            says=["Its workers take no further task until it is resumed; other agents are not concerned."],
            stays="What it runs now goes on, and its workers stay up.",
            is_harm=False,
        )
    )


@page.post("/agents/<name>/pause")
def pause(name: str) -> ResponseReturnValue:
    """Let it take nothing more."""
    agent = _changed(name)
    agents.pause(agent.name)
    return done(f"Paused the agent {agent.name}.", url_for("agents.one", name=agent.name), "paused")


@page.post("/agents/<name>/resume")
def resume(name: str) -> ResponseReturnValue:
    """Let it take tasks again."""
    agent = _changed(name)
    agents.resume(agent.name)
    return done(f"Resumed the agent {agent.name}.", url_for("agents.one", name=agent.name))


@page.post("/agents/<name>/most")
def most(name: str) -> ResponseReturnValue:
    """How many tasks it may run at the same time; empty: as many as its workers have places."""
    agent = _changed(name)
    wanted = whole(request.form.get("max_running", ""))
    agents.change_max_running(agent.name, wanted)
    said = f"{agent.name} runs at most {counted(wanted, 'task')} at a time." if wanted else "The limit is gone."
    return done(said, url_for("agents.one", name=agent.name))


@page.post("/agents/<name>/thinking")
def think(name: str) -> ResponseReturnValue:
    """What it thinks with, and before which calls it asks a person."""
    agent = _changed(name)
    wanted = request.form.get("model") or None
    if wanted != agent.model:
        agents.change_model(agent.name, wanted)
    agents.change_approvals(agent.name, request.form.getlist("asks"))
    return done(f"Kept for {agent.name}: it counts from its next step on.", url_for("agents.one", name=agent.name))


def _changed(name: str) -> Agent:
    agent = _agent(name)
    gate.allow("agent:change", agent)
    return agent


def _agent(name: str) -> Agent:
    alive = selectinload(Agent.workers.and_(Worker.stopped_at.is_(None)))
    agent = db.session.scalars(select(Agent).where(Agent.name == name).options(alive)).one_or_none()
    if agent is None:
        raise NotFound("cannot find the agent: no worker has started under this name", agent=name)
    gate.allow("agent:read", agent)
    return agent


def _one(agent: Agent, typed: dict[str, str], problems: list[Problem]) -> str:
    colour, reason = light(agent, clock(db.session().connection()))
    said = {each["path"]: limit_form.begun(each["message"]) for each in problems}
    return render_template(
        "pages/agent.html",
        agent=agent,
        colour=colour,
        reason=reason,
        doing=[task for task in glance.running(db.session(), MOST_RUNNING) if task.agent == agent.name],
        typed=typed,
        before=before_a_task(current_app.config["OPSCORE"], None, has_template=False).all,
        problems=problems,
        wrong=lambda path: said.get(path, ""),
        is_kept="kept" in request.args,
        spent=next(iter(by(db.session(), SpendBy.AGENT, Filters(days=1, agent=agent.name))), None),
        budget=budget_limits.show(BudgetKind.AGENT, agent.name),
        history=glance.happened(db.session(), agent.id),
    )


def _flower() -> str:
    """Flower's address; empty when it does not run or the browser cannot reach it: it listens on loopback only."""
    port = current_app.config["OPSCORE"].flower_port
    if not ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104  (an address to look at)
        return ""
    with socket() as probe:
        probe.settimeout(0.05)
        return f"http://127.0.0.1:{port}" if probe.connect_ex(("127.0.0.1", port)) == 0 else ""

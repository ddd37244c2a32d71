"""The agents: a light and its reason for each, where and how it runs, what it does now."""

from collections import defaultdict
from ipaddress import ip_address
from socket import socket

from flask import Blueprint, current_app, render_template, request
from flask.typing import ResponseReturnValue

from models.columns import now
from models.database import db
from models.task import Task
from webapp import gate, glance

page = Blueprint("agents", __name__)

MOST_RUNNING = 200


@page.get("/agents")
def show() -> ResponseReturnValue:
    """The grid; its live part asks for itself again when something changed."""
    gate.allow("agent:read")
    working: dict[str, list[Task]] = defaultdict(list)
    for task in glance.running(db.session(), MOST_RUNNING):
        working[task.agent or ""].append(task)
    agents = glance.agents(db.session(), now())
    return render_template("pages/agents.html", agents=agents, working=working, flower=_flower())


def _flower() -> str:
    """Flower's address; empty when it does not run or the browser cannot reach it: it listens on loopback only."""
    port = current_app.config["OPSCORE"].flower_port
    if not ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104  (an address to look at)
        return ""
    with socket() as probe:
        probe.settimeout(0.05)
        return f"http://127.0.0.1:{port}" if probe.connect_ex(("127.0.0.1", port)) == 0 else ""

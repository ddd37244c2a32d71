"""The list of tasks: search, filters, a page at a time, rows that stay current.

How a page is read, and why it is quick: models/task_list.py.  One task: pages/task.py.
"""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import load_only
from werkzeug.datastructures import MultiDict

from models.agent import Agent
from models.database import db
from models.errors import InvalidInput, Problem
from models.states import State
from models.task import Task
from models.task_list import COMPLEXITIES, SHOWN, Filters
from models.task_list import page as page_of
from tasks.control.bulk import ACTIONS
from webapp import gate
from webapp.pages.task import checked_id

page = Blueprint("tasks", __name__)

MOST_LIVE_ROWS = 200


@page.app_context_processor
def _words() -> dict[str, object]:
    return {"can_all": can_all}


@page.get("/tasks")
def show() -> ResponseReturnValue:
    """The list; for htmx only its rows."""
    gate.allow("task:read")
    filters = filters_of(request.args)
    found = page_of(db.session(), filters, request.args.get("cursor") or None)
    if "HX-Request" in request.headers:
        template = "parts/task_rows.html" if request.args.get("cursor") else "parts/task_results.html"
        return render_template(template, found=found, filters=filters, where=where_of(filters))
    agents = db.session.scalars(select(Agent.name).order_by(Agent.name)).all()
    return render_template(
        "pages/tasks.html", found=found, filters=filters, agents=agents, where=where_of(filters), states=list(State)
    )


@page.get("/tasks/rows")
def rows() -> ResponseReturnValue:
    """The named rows as they are now, and whether newer tasks than `newest` came; nothing else moves."""
    gate.allow("task:read")
    wanted = [checked_id(each) for each in request.args.getlist("id")[:MOST_LIVE_ROWS]]
    tasks = db.session.scalars(select(Task).where(Task.id.in_(wanted)).options(load_only(*SHOWN)))
    filters = filters_of(request.args)
    first = page_of(db.session(), filters, None, 1).tasks
    has_newer = bool(first) and first[0].id > request.args.get("newest", "")
    return render_template("parts/task_row_updates.html", tasks=tasks, has_newer=has_newer, filters=filters)


def filters_of(given: "MultiDict[str, str]") -> Filters:
    """The filters that stand in an address or a form.

    Raises:
        InvalidInput, NotFound: one cannot be read; left out, it would let pass what nobody asked for.
    """
    return Filters(
        state=_state(state) if (state := given.get("state", "")) else None,
        agent=given.get("agent") or None,
        complexity=_complexity(complexity) if (complexity := given.get("complexity", "")) else None,
        q=given.get("q", "").strip()[:200] or None,
        family=checked_id(family) if (family := given.get("family", "")) else None,
    )


def _state(text: str) -> State:
    if text not in list(State):
        raise _unreadable("state", f"must be one of {', '.join(State)}")
    return State(text)


def _complexity(text: str) -> int:
    if text not in map(str, COMPLEXITIES):
        raise _unreadable("complexity", "must be a whole number from 1 to 10")
    return int(text)


def _unreadable(name: str, message: str) -> InvalidInput:
    problem = Problem(path=name, line=None, message=message)
    return InvalidInput(f"cannot choose tasks: the {name} {message}", problems=[problem])


def can_all(action: str, filters: Filters) -> bool:
    """Whether the filters let pass what the action can be done to."""
    return filters.state is None or filters.state in ACTIONS[action].states


def where_of(filters: Filters) -> dict[str, str]:
    """The filters as the query of an address, without the empty ones."""
    given = {"q": filters.q, "state": filters.state, "agent": filters.agent, "complexity": filters.complexity}
    given["family"] = filters.family
    return {name: str(value) for name, value in given.items() if value}

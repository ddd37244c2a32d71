"""The queues: what waits and runs in each, who serves it, and the rules that people make for it.

What a rule does: tasks/queueing/queues.py.  The stop of all queues at once: pages/standing.py.
"""

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from models.columns import clock
from models.database import db
from models.errors import InvalidInput
from models.queue import Queue
from models.states import State
from models.task import Task
from tasks.queueing import queues
from tasks.queueing.queues import QueueView
from webapp import gate
from webapp.amounts import counted
from webapp.ask import Question, Wanted, ask, done

page = Blueprint("queues", __name__)


@dataclass(frozen=True)
class Row:
    """A queue with what its page shows beside the counts."""

    queue: QueueView
    title: str
    first_since: datetime | None
    """Since when the task waits that is the next."""
    canary: Queue | None


@page.get("/queues")
def show() -> ResponseReturnValue:
    """Every queue; its live part asks for itself again when something changed."""
    gate.allow("queue:read")
    return render_template("pages/queues.html", rows=_rows(db.session()), at=clock(db.session().connection()))


@page.get("/queues/<name>/pause")
def ask_pause(name: str) -> ResponseReturnValue:
    """What pausing it would hold up."""
    gate.allow("queue:change")
    queue = queues.one_queue(name)
    waits = f"{counted(queue.depth, 'task')} {'waits' if queue.depth == 1 else 'wait'} in it now."
    return ask(
        Question(
            title=f"Pause the queue {title_of(name)}?",
            action=url_for("queues.pause", name=name),
            yes="Pause the queue",
            back=url_for("queues.show"),
            says=[f"No agent takes a task from it until it is resumed. {waits}"],
            stays="What runs goes on. New tasks can still be handed in.",
            wants=(Wanted("reason", "Why", "What others should know"),),
            is_harm=False,
        )
    )


@page.post("/queues/<name>/pause")
def pause(name: str) -> ResponseReturnValue:
    """Pause it."""
    gate.allow("queue:change")
    queues.pause(name, request.form.get("reason", ""))
    return done(f"Paused the queue {title_of(name)}.", url_for("queues.show"), "paused")


@page.post("/queues/<name>/resume")
def resume(name: str) -> ResponseReturnValue:
    """Let agents take from it again."""
    gate.allow("queue:change")
    queues.resume(name)
    return done(f"Resumed the queue {title_of(name)}.", url_for("queues.show"))


@page.post("/queues/<name>/limit")
def limit(name: str) -> ResponseReturnValue:
    """How many of its tasks may run at the same time; empty: no limit."""
    gate.allow("queue:change")
    most = whole(request.form.get("max_running", ""))
    queues.limit(name, most)
    said = f"At most {counted(most, 'task')} of {title_of(name)} at a time." if most else "The limit is gone."
    return done(said, url_for("queues.show"))


def whole(text: str) -> int | None:
    """The number that was typed; None for nothing.

    Raises:
        InvalidInput: it is no number.
    """
    typed = text.strip()
    if not typed:
        return None
    if not typed.isdecimal() or len(typed) > 9:
        raise InvalidInput("cannot limit it: write a whole number, or nothing for no limit")
    return int(typed)


def title_of(name: str) -> str:
    """A queue's name as people read it."""
    kind, _, rest = name.partition(".")
    return {"complexity": "Complexity {}", "agent": "For {} alone", "capability": "Needs {}"}.get(kind, "{}").format(
        rest
    )


def _rows(session: Session) -> list[Row]:
    rules = {rule.name: rule for rule in session.scalars(select(Queue))}
    return [
        Row(each, title_of(each.name), _first_since(session, each) if each.depth else None, rules.get(each.name))
        for each in queues.all_queues()
    ]


def _first_since(session: Session, queue: QueueView) -> datetime | None:
    is_queued = Task.state == literal(State.QUEUED.value, literal_execute=True)
    waiting = select(Task.submitted_at).where(Task.queue == queue.name, is_queued, Task.waits_until.is_(None))
    return session.scalar(waiting.order_by(Task.rank_at).limit(1))

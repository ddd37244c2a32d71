"""A task's family: the tree of all parts that were handed on, how they stand together, and their channel.

It looks again while anything of it lives, and when the page's own task has news.  What a family is: tasks/family.
"""

from datetime import datetime

from flask import Blueprint, Response, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from models.columns import new_id
from models.database import db
from models.states import TERMINAL
from models.task import Task
from tasks.family import channel
from tasks.family.progress import progress
from tasks.family.tree import family_of, members
from tools.team.channel import LONGEST
from tools.team.port import Message
from webapp.amounts import when
from webapp.ask import done, is_part
from webapp.pages.task import head_of, the_task

page = Blueprint("family", __name__)

MESSAGES = 100


@page.app_context_processor
def _words() -> dict[str, object]:
    return {"family_in_short": family_in_short, "written_at": written_at}


@page.get("/tasks/<task_id>/family")
def show(task_id: str) -> ResponseReturnValue:
    """The family; for htmx only the part that changes."""
    task = the_task(task_id)
    if "part" in request.args:
        return render_template("parts/family.html", task=task, **_family(task))
    return render_template(
        "pages/task_family.html", tab="family", longest=LONGEST, say_key=new_id(), **head_of(task), **_family(task)
    )


@page.post("/tasks/<task_id>/messages")
def write(task_id: str) -> ResponseReturnValue:
    """Write to the channel."""
    task = the_task(task_id, "task:control")
    text = request.form.get("text", "")
    # The same form with another text, after a way back, is another message.
    key = f"form:{request.form['key']}:{text}" if request.form.get("key") else None
    channel.say(task.id, text, key)
    answer = done("Written to the channel.", url_for("family.show", task_id=task.id))
    if isinstance(answer, Response) and is_part():
        # The field is empty again, and what is written next is another message.
        field = render_template("parts/say_field.html", longest=LONGEST, say_key=new_id())
        answer.set_data(answer.get_data(as_text=True) + field)
    return answer


def family_in_short(task: Task) -> str:
    """`12 of 25 tasks have ended`; empty for a task that handed nothing on."""
    if task.root_id is None:
        return ""
    found = members(db.session(), task.root_id)
    ended = sum(each.state in TERMINAL for each in found)
    return f"{ended} of {len(found)} tasks have ended"


def written_at(message: Message) -> Markup:
    """How long ago it was written."""
    return when(datetime.fromisoformat(message.at))


def _family(task: Task) -> dict[str, object]:
    found = members(db.session(), family_of(task))
    return {
        "family": found,
        "progress": progress(db.session(), found),
        "lives": any(each.state not in TERMINAL for each in found),
        "messages": channel.messages(task.id, limit=MESSAGES, newest=True),
        "most_messages": MESSAGES,
    }

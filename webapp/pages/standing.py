"""What the frame of every page knows of the whole installation, and the emergency stop in it.

What is counted: webapp/standing.py.  What a stop and its release do: tasks/control/emergency.py.
"""

import time
from collections.abc import Callable

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from markupsafe import Markup

from models.database import db
from tasks.control import emergency
from tasks.control.emergency import Emergency
from webapp import gate
from webapp.amounts import counted, number
from webapp.ask import Question, Wanted, ask, done
from webapp.glance import running
from webapp.standing import MOST, Standing, standing

page = Blueprint("standing", __name__)

COUNTED = {"inbox": "wait for an answer", "dead_letters": "failed for good"}
# What is then still left the reconciler does.
PATIENCE_S = 3.0
EXAMPLES = 5
MOST_RUNNING = 200


@page.app_context_processor
def _words() -> dict[str, Callable[..., object]]:
    return {"standing": _standing, "count_mark": count_mark}


@page.get("/standing")
def show() -> ResponseReturnValue:
    """The banner and the counts as they are now, for a page that is open already."""
    gate.allow("task:read")
    return render_template("parts/standing.html", stands=_standing())


@page.get("/stop")
def ask_stop() -> ResponseReturnValue:
    """What stopping everything would do; what the release would, where it is stopped already."""
    gate.allow("system:stop")
    if emergency.standing().is_on:
        return ask_release()
    now = running(db.session(), MOST_RUNNING)
    runs = f"{counted(len(now), 'task')} {'runs' if len(now) == 1 else 'run'} now" if now else "Nothing runs now"
    return ask(
        Question(
            title="Stop everything?",
            action=url_for("standing.stop"),
            yes="Stop everything",
            no="Let it run",
            back=url_for("home.show"),
            says=[
                f"{runs}. Each running task's tool is ended at once with every process it started, and the task is "
                "paused; the step that was cut is begun again after the release.",
                "No agent takes a task from any queue until somebody releases the stop. New tasks can still be "
                "handed in, and wait.",
            ],
            examples=[task.title for task in now[:EXAMPLES]],
            more=max(len(now) - EXAMPLES, 0),
            stays="Finished steps and their files stay. Nothing is cancelled.",
            wants=(Wanted("reason", "Why", "What others should know"),),
        )
    )


@page.post("/stop")
def stop() -> ResponseReturnValue:
    """Stop everything."""
    gate.allow("system:stop")
    reason = request.form.get("reason", "")
    now = _until_done(lambda: emergency.stop(reason))
    return done(f"Everything is stopped; {counted(now.held, 'task')} held.", url_for("home.show"), "failed")


@page.get("/release")
def ask_release() -> ResponseReturnValue:
    """What the release would set going."""
    gate.allow("system:stop")
    now = emergency.standing()
    return ask(
        Question(
            title="Release the stop?",
            action=url_for("standing.release"),
            yes="Release",
            no="Keep everything stopped",
            back=url_for("home.show"),
            says=[
                f"{counted(now.held, 'task')} that the stop paused {'goes' if now.held == 1 else 'go'} on from the "
                "last finished step, and agents take tasks from their queues again.",
                "A step that was cut and must not happen twice, such as sending a mail, asks you first.",
            ],
            stays="Tasks and queues that somebody paused by themselves stay paused.",
            is_harm=False,
        )
    )


@page.post("/release")
def release() -> ResponseReturnValue:
    """Release the stop."""
    gate.allow("system:stop")
    now = _until_done(emergency.release)
    rest = f" {counted(now.held, 'task')} still to be resumed." if now.held else ""
    return done(f"Released: agents take tasks again.{rest}", url_for("home.show"))


def count_mark(name: str, count: int) -> Markup:
    """How many there are, beside an entry of the navigation; nothing for none."""
    shown = number(count) if count < MOST else f"{number(MOST - 1)}+"
    return Markup('{}<span class="unseen"> {}</span>').format(shown, COUNTED[name]) if count else Markup("")


def _standing() -> Standing:
    return standing(db.session())


def _until_done(act: Callable[[], Emergency]) -> Emergency:
    """Call it again and again, until nothing is left that it can do now or a person has waited long enough."""
    until, now = time.monotonic() + PATIENCE_S, act()
    while now.left and time.monotonic() < until:
        before, now = now, act()
        if now.left >= before.left:
            break  # what is left still runs: the reconciler goes on with it
    return now

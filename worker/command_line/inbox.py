"""`inbox`: what waits for a person; `approve ID`: say yes, yes with other arguments, or no."""

import json
from itertools import islice
from typing import TYPE_CHECKING, Any

import click

from tools.terminal_text import one_line, visible
from worker.command_line.frame import MISUSED, Remote, as_json, end, frame
from worker.command_line.words import when

if TYPE_CHECKING:
    from opscore_sdk import Approval, Asked

EMPTY = "Nothing waits for you."


@click.command(cls=Remote, short_help="List what waits for a person.")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many at most.")
def inbox(limit: int) -> None:
    """List what waits for a person, the oldest first: approvals, and steps that were cut off.

    Answer an approval with bin/opscore approve ID, a step that was cut off with bin/opscore task answer TASK.
    """
    with frame().client() as client:
        found = list(islice(client.inbox.all(), limit))
    frame().show({"asked": found}, lambda: _listed(found))


@click.command(cls=Remote, short_help="Approve a call or a plan, or reject it.")
@click.argument("approval_id", metavar="ID")
@click.option("--arguments", metavar="JSON", help="Approve it with these arguments instead, all of them.")
@click.option("--reject", is_flag=True, help="It must not be done.")
@click.option("--reason", default="", help="Why; the agent is told.")
@click.option("--show", is_flag=True, help="Only show what is to be approved.")
@click.option("--digest", metavar="SHA256", help="Only if it is still what has this digest.")
def approve(approval_id: str, arguments: str | None, reject: bool, reason: str, show: bool, digest: str | None) -> None:
    """Approve a call or a plan, or reject it; its task goes on. The first answer wins."""
    edited = _read(arguments)
    if reject and edited is not None:
        end(MISUSED, "say either --reject or --arguments.")
    with frame().client() as client:
        from dataclasses import replace

        asked = client.inbox.approval(approval_id)
        if show:
            frame().show(asked, lambda: _card(asked))
            return
        asked = replace(asked, digest=digest) if digest else asked
        done = client.inbox.reject(asked, reason) if reject else client.inbox.approve(asked, edited, reason=reason)
    words = {"approved": "Approved", "edited": "Approved with other arguments", "rejected": "Rejected"}
    frame().show(done, lambda: f"{words.get(done.state, done.state)}: {one_line(done.title)}\ntask {done.task_id}")


def _read(arguments: str | None) -> dict[str, Any] | None:
    if arguments is None:
        return None
    try:
        found = json.loads(arguments)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        end(MISUSED, '--arguments must be a JSON object, such as \'{"path": "output/a.txt", "text": "yes"}\'.')
    return found


def _listed(found: "list[Asked]") -> Any:
    from rich.text import Text

    if not found:
        return EMPTY
    blocks = []
    for each in found:
        title = one_line(str(each.task["title"]))
        if each.approval is None:
            asks = f"did “{one_line(str(each.question['title']))}” happen?  bin/opscore task answer {each.task['id']}"
            blocks.append(f"{title}\n  {asks}")
        else:
            blocks.append(f"{title}\n{_card(each.approval)}")
    return Text("\n\n".join(blocks))


def _card(asked: "Approval") -> str:
    what = asked.tool or "the whole plan"
    until = f"  until {when(asked.expires_at)}" if asked.expires_at and asked.state == "waiting" else ""
    state = "" if asked.state == "waiting" else f"  {asked.state} by {asked.decided_by or 'nobody'}"
    lines = [f"{one_line(asked.title)}: {what}, {asked.risk} risk{until}{state}", asked.why, asked.id]
    lines.append(f"digest {asked.digest}")
    lines += visible(as_json(asked.arguments)).split("\n")
    lines += visible(asked.diff).rstrip("\n").split("\n") if asked.diff else []
    return "\n".join(f"  {line}" for line in lines)

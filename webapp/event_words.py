"""Each kind of event as a sentence for people; a kind that is not known here shows its data."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from models.event import Event
from webapp.amounts import counted, duration, number, size

Data = Mapping[str, Any]


def words_of(event: Event) -> str:
    """What happened, in one sentence."""
    say = SENTENCES.get(event.kind)
    return say(event.data) if say else _as_it_is(event.data)


def tone_of(event: Event) -> str:
    """The state whose colour the event has."""
    if event.kind in ("task.failed", "task.succeeded", "task.cancelled"):
        return event.kind.partition(".")[2]
    if event.kind == "step.finished":
        return str(event.data.get("state", "succeeded"))
    if event.kind == "network.refused":
        return "waiting"
    if event.kind in ("step.started", "task.claimed"):
        return "running"
    return "waiting" if event.kind == "task.requeued" else "queued"


def _submitted(data: Data) -> str:
    return f"Handed in, to the queue {data.get('queue', 'of its complexity')}."


def _claimed(data: Data) -> str:
    host = f" on {data['host']}" if data.get("host") else ""
    return f"{data.get('agent', 'An agent')} took it{host}, run {data.get('run', 1)}."


def _ready(data: Data) -> str:
    took = f" in {duration(data['wall_ms'] / 1000)}" if "wall_ms" in data else ""
    if "restored" in data:
        return f"Workspace restored from the last snapshot{took}."
    return f"Workspace ready{took}: {counted(data.get('files', 0), 'file')}, {size(data.get('bytes', 0))}."


def _started(data: Data) -> str:
    return f"Step {data.get('position', '')} began: {_title(data)} ({data.get('tool', '')})."


def _finished(data: Data) -> str:
    how = {"succeeded": "finished", "failed": "failed"}.get(str(data.get("state")), "ended")
    parts = [f"Step {how}"]
    if data.get("wall_s") is not None:
        parts.append(f" after {duration(data['wall_s'])}")
    if data.get("exit_code") not in (0, None):
        parts.append(f" with exit code {data['exit_code']}")
    changed = _changed(data.get("changes") or {})
    killed = f"{counted(data['killed'], 'process', 'processes')} ended with the call" if data.get("killed") else ""
    reason = f": {data['error']}" if data.get("error") else ""
    return "; ".join(each for each in ("".join(parts), changed, killed) if each) + reason.rstrip(".") + "."


def _allowed(data: Data) -> str:
    sent, received = size(data.get("sent_bytes", 0)), size(data.get("received_bytes", 0))
    return f"Connection to {_place(data)}: {sent} out, {received} in."


def _refused(data: Data) -> str:
    return f"Connection to {_place(data)} refused: {str(data.get('reason') or 'it is not allowed').rstrip('.')}."


def _place(data: Data) -> str:
    return f"{data.get('host', '?')}:{data.get('port', '?')}"


def _left_out(data: Data) -> str:
    nouns = {"network.allowed": "connections", "network.refused": "refused connections"}
    said = [f"{number(count)} more {nouns.get(kind, kind)}" for kind, count in (data.get("counts") or {}).items()]
    moved = f"; {size(data.get('sent_bytes', 0))} out, {size(data.get('received_bytes', 0))} in"
    return f"Not listed one by one: {', '.join(said)}{moved if 'sent_bytes' in data else ''}."


def _changed(changes: Data) -> str:
    said = [f"{count} {kind}" for kind, count in changes.items() if count]
    return f"{', '.join(said)} in the workspace" if said else ""


def _title(data: Data) -> str:
    return str(data.get("title") or data.get("key") or "")


def _as_it_is(data: Data) -> str:
    return json.dumps(data, sort_keys=True) if data else "–"


SENTENCES: dict[str, Callable[[Data], str]] = {
    "task.submitted": _submitted,
    "task.claimed": _claimed,
    "task.requeued": lambda data: f"Put back into its queue: {data.get('reason', 'the run was lost')}.",
    "task.succeeded": lambda data: "Succeeded: all steps are done.",
    "task.failed": lambda data: f"Failed: {data.get('message') or data.get('code') or 'no reason was given'}",
    "task.cancelled": lambda data: "Cancelled.",
    "stage.entered": lambda data: f"Stage: {data.get('stage', '')}.",
    "workspace.ready": _ready,
    "plan.grew": lambda data: f"The plan grew to {counted(data.get('steps', 0), 'step')}.",
    "step.started": _started,
    "step.finished": _finished,
    "network.allowed": _allowed,
    "network.refused": _refused,
    "events.left_out": _left_out,
    "step.skipped": lambda data: f"Step skipped, its condition did not hold: {_title(data)}.",
}

"""Each kind of event of a task as a sentence for people; a kind that is not known here shows its data.

What happens to agents, queues and the rest: other_event_words.py.  On the terminal: worker/command_line/words.py.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from models.event import Event
from webapp import other_event_words
from webapp.amounts import counted, duration, number, size

Data = Mapping[str, Any]


def words_of(event: Event) -> str:
    """What happened, in one sentence."""
    say = SENTENCES.get(event.kind) or other_event_words.SENTENCES.get(event.kind)
    return say(event.data) if say else _as_it_is(event.data)


def tone_of(event: Event) -> str:
    """The state whose colour the event has."""
    if event.kind in TONES:
        return TONES[event.kind]
    if event.kind == "step.finished":
        return str(event.data.get("state", "succeeded"))
    return "queued"


def next_attempt(data: Data) -> str:
    """`Attempt 2 of 4`: the one that comes after the failure that the event tells of."""
    attempts = f" of {data['attempts']}" if data.get("attempts") else ""
    # Where nothing was called, the attempt is still to come.
    used = data.get("code") != "service_unavailable"
    return f"Attempt {int(data.get('attempt') or 1) + used}{attempts}"


def not_again(data: Data) -> str:
    """Why a failure was for good, of an event that tells it; empty where it does not."""
    attempts, why = int(data.get("attempts") or 1), str(data.get("why") or "")
    if why == "no attempt is left":
        return f"No attempt is left: all {attempts} were made." if attempts > 1 else "One attempt is all that it has."
    if why.endswith("is not tried again"):
        return "A failure of this kind is not tried again."
    return f"{why[:1].upper()}{why[1:]}." if why else ""


def _submitted(data: Data) -> str:
    by = f" by the schedule {data['schedule']}" if data.get("schedule") else ""
    return f"Handed in{by}, to the queue {data.get('queue', 'of its complexity')}."


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


def _fell_back(data: Data) -> str:
    return f"{data.get('next', '?')} was asked in place of {data.get('provider', '?')}: {data.get('reason', '?')}."


def _model_fell_back(data: Data) -> str:
    why = str(data.get("why") or "").rstrip(".")
    return f"{data.get('to', '?')} is asked in place of {data.get('from', '?')}, which {why or 'did not answer'}."


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


def _requeued(data: Data) -> str:
    return f"Put back into its queue: {_reason(data) or 'the run was lost'}. It goes on after its last finished step."


def _cancelled(data: Data) -> str:
    killed = counted(int(data.get("killed") or 0), "process", "processes")
    if data.get("after_s") is None:
        return "Cancelled while nothing of it ran."
    after = f"{data['after_s']:.1f} s" if data["after_s"] < 10 else duration(data["after_s"])
    return f"Cancelled after {after}, {killed} killed." + (
        f" {_reason(data)[0].upper()}{_reason(data)[1:]}." if _reason(data) else ""
    )


def _paused(data: Data) -> str:
    killed = f"; {counted(int(data['killed']), 'process', 'processes')} ended" if data.get("killed") else ""
    reason = f": {_reason(data)}" if _reason(data) else ""
    how = {"pause": " after its step", "stop": " at once"}.get(str(data.get("why")), "")
    return f"Paused{how}{killed}{reason}."


def _resumed(data: Data) -> str:
    return "Resumed: the emergency stop was released." if data.get("is_emergency") else "Resumed."


def _stop_requested(data: Data) -> str:
    what = "everything was stopped" if data.get("is_emergency") else "asked to pause now"
    return f"{what.capitalize()}: the step that runs is ended."


def _reopened(data: Data) -> str:
    again = {"retry": "Retried", "replay": "Replayed"}.get(str(data.get("how")), "Opened again")
    at = f" from “{data['title']}”" if data.get("title") else ""
    kept = f"; {counted(data['kept'], 'finished step')} kept" if data.get("kept") else ""
    return f"{again}{at}{kept}."


def _retried(data: Data) -> str:
    delay = data.get("delay_s")
    soon = "at once" if not delay else f"in {duration(delay)}"
    if data.get("code") == "service_unavailable":
        return f"Not called, since its service is left alone for now. It is asked again {soon}; no attempt is used."
    failed = f"Attempt {data.get('attempt', 1)} failed ({data.get('code') or 'no code'})"
    return f"{failed}. {next_attempt(data)} comes {soon}."


def _failed(data: Data) -> str:
    said = f"Failed: {data.get('message') or data.get('code') or 'no reason was given'}"
    return f"{said.rstrip('.')}. {not_again(data)}" if not_again(data) else said


def _waiting(data: Data) -> str:
    asked = data.get("question") or {}
    title = asked.get("title") or asked.get("key")
    if asked.get("kind") == "approval":
        return f"Asks a person: may “{title}” be done? {asked.get('why', '')}".strip()
    if asked.get("kind") == "children":
        return f"Waits for {counted(len(asked.get('children') or []), 'part')} that it handed on; no worker is held."
    return f"Asks a person: did “{title}” happen before it was cut off?" if title else "Asks a person."


def _answered(data: Data) -> str:
    said = {
        "retry": "do it again", "done": "it has happened", "fail": "give up",
        "approve": "it may be done", "edit": "it may be done, edited", "reject": "it must not be done",
    }  # fmt: skip
    at = f" about “{data['title']}”" if data.get("title") else ""
    changed = f" Changed: {', '.join(data['changed'])}." if data.get("changed") else ""
    reason = f" {_reason(data)}." if _reason(data) else ""
    return f"Answered{at}: {said.get(str(data.get('choice')), data.get('choice') or 'something')}.{reason}{changed}"


def _approval_expired(data: Data) -> str:
    then = "it counts as a no" if data.get("on_expiry") == "reject" else "the task fails"
    return f"Nobody answered whether “{_title(data)}” may be done: {then}."


def _reason(data: Data) -> str:
    return str(data.get("reason") or "").rstrip(".")


TONES = {
    "task.succeeded": "succeeded", "task.failed": "failed", "task.cancelled": "cancelled", "task.claimed": "running",
    "task.paused": "paused", "task.pause_requested": "paused", "task.stop_requested": "paused",
    "task.cancel_requested": "failed", "task.asked": "waiting", "task.approval_expired": "waiting",
    "task.requeued": "waiting",
    "task.retry_planned": "waiting", "step.started": "running", "network.refused": "waiting",
    "model.fell_back": "waiting",
}  # fmt: skip
SENTENCES: dict[str, Callable[[Data], str]] = {
    "task.submitted": _submitted,
    "task.claimed": _claimed,
    "task.requeued": _requeued,
    "task.retry_planned": _retried,
    "task.cancel_requested": lambda data: "Asked to cancel: its processes are being ended.",
    "task.pause_requested": lambda data: "Asked to pause after the step that runs.",
    "task.stop_requested": _stop_requested,
    "task.pause_withdrawn": lambda data: "Asked not to pause after all.",
    "task.paused": _paused,
    "task.resumed": _resumed,
    "task.reopened": _reopened,
    "task.asked": _waiting,
    "task.answered": _answered,
    "task.approval_expired": _approval_expired,
    "task.dismissed": lambda data: "Dismissed: no dead letter any more.",
    "task.restored": lambda data: "A dead letter again.",
    "task.succeeded": lambda data: "Succeeded: all steps are done.",
    "task.failed": _failed,
    "task.cancelled": _cancelled,
    "stage.entered": lambda data: f"Stage: {data.get('stage', '')}.",
    "workspace.ready": _ready,
    "plan.grew": lambda data: f"The plan grew to {counted(data.get('steps', 0), 'step')}.",
    "step.started": _started,
    "step.finished": _finished,
    "network.allowed": _allowed,
    "network.refused": _refused,
    "robots.refused": lambda data: (
        f"The site does not want programs there: {data.get('url', data.get('host', '?'))} (robots.txt)."
    ),
    "search.fell_back": _fell_back,
    "model.fell_back": _model_fell_back,
    "events.left_out": _left_out,
    "step.skipped": lambda data: f"Step skipped, its condition did not hold: {_title(data)}.",
}

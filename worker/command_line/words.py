"""Times, sizes, states and events in words, for the terminal."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opscore_sdk import Event

Data = dict[str, Any]

STATE_STYLES = {
    "queued": "yellow",
    "running": "cyan",
    "waiting": "magenta",
    "paused": "magenta",
    "succeeded": "green",
    "failed": "red",
    "cancelled": "dim",
}
SIGNS = {
    "started": ("…", "cyan"),
    "succeeded": ("✓", "green"),
    "failed": ("✗", "red"),
    "skipped": ("–", "dim"),
}
LIGHTS = {"green": "green", "yellow": "yellow", "red": "red"}


def duration(seconds: float | None) -> str:
    """`0.4 s`, `41 s`, `2 min 05 s`, `3 h 10 min`, `2 d 4 h`."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    if whole < 86400:
        return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
    return f"{whole // 86400} d {whole % 86400 // 3600} h"


def size(count: float) -> str:
    """`812 B`, `3.4 kB`, `21 MB`."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def in_dollars(amount: float) -> str:
    """`$2.50`, `$0.000218`: as many places as it has, two at least."""
    places = f"{amount:.6f}".rstrip("0").partition(".")[2]
    return f"${amount:,.{max(2, len(places))}f}"


def when(at: datetime | None) -> str:
    """The local time with its zone, without the day when that is today."""
    if at is None:
        return "–"
    local = at.astimezone()
    is_today = local.date() == datetime.now(UTC).astimezone().date()
    return f"{local:%H:%M:%S %Z}" if is_today else f"{local:%Y-%m-%d %H:%M %Z}"


def day(at: datetime | None) -> str:
    """As `when`, where there is little room: the day alone when that is not today."""
    shown = when(at)
    return shown.partition(" ")[0] if shown[4:5] == "-" else shown


def in_words(event: "Event") -> str:
    """One line for an event."""
    phrase = _PHRASES.get(event.kind)
    if phrase:
        return phrase(event.data)
    said = ", ".join(f"{name} {value}" for name, value in event.data.items() if isinstance(value, str | int | float))
    kind = event.kind.replace(".", " ")
    return f"{kind}: {said}" if said else kind


def steps_done(done: int, total: int) -> str:
    """`3 of 5 steps`; `11 steps` where nobody knows how many there will be."""
    counted = f"{done} of {total}" if total else f"{done}"
    return f"{counted} step{'' if (total or done) == 1 else 's'}"


def killed(count: int) -> str:
    """`2 processes ended with the call`; empty for none."""
    return f"{count} {'process' if count == 1 else 'processes'} ended with the call" if count else ""


def no_more(data: Data) -> str:
    """`no further attempt: no attempt is left (attempt 3 of 3)`; empty where the event tells nothing of that."""
    if not data.get("why"):
        return ""
    counted = f" (attempt {data.get('attempt', '?')} of {data['attempts']})" if data.get("attempts") else ""
    return f"no further attempt: {data['why']}{counted}"


def _failed(data: Data) -> str:
    told = f"failed: {data.get('message', data.get('code', ''))}"
    return "; ".join(each for each in (told, no_more(data)) if each)


def _step_finished(data: Data) -> str:
    sign = SIGNS.get(str(data.get("state")), ("", ""))[0]
    further = [str(data["error"])] if data.get("error") else []
    further += [killed(data["killed"])] if data.get("killed") else []
    return "; ".join([f"{sign} {_step(data)} ({duration(data.get('wall_s'))})", *further])


def _allowed(data: Data) -> str:
    return f"connection to {_place(data)}: {size(data.get('sent_bytes', 0))} out, " + (
        f"{size(data.get('received_bytes', 0))} in"
    )


def _refused(data: Data) -> str:
    return f"connection to {_place(data)} refused: {data.get('reason', 'it is not allowed')}"


def _place(data: Data) -> str:
    return f"{data.get('host', '?')}:{data.get('port', '?')}"


def _left_out(data: Data) -> str:
    counts = data.get("counts") or {}
    return "not listed one by one: " + ", ".join(f"{count} more {kind}" for kind, count in counts.items())


def _workspace_ready(data: Data) -> str:
    if "restored" in data:
        return "workspace restored as the last finished step left it"
    return f"workspace ready: {data.get('files', 0)} files, {size(data.get('bytes', 0))}"


def _cancelled(data: Data) -> str:
    after = f" after {duration(data['after_s'])}" if data.get("after_s") is not None else ""
    count = int(data.get("killed") or 0)
    return f"cancelled{after}" + (f", {count} {'process' if count == 1 else 'processes'} killed" if after else "")


def _retried(data: Data) -> str:
    attempt, attempts = int(data.get("attempt") or 1), data.get("attempts")
    of = f" of {attempts}" if attempts else ""
    delay = data.get("delay_s")
    soon = f"in {duration(delay)}" if delay else "at once"
    if data.get("code") == "service_unavailable":
        return f"not called, since its service is left alone for now; asked again {soon}"
    return f"attempt {attempt} failed ({data.get('code', '?')}); attempt {attempt + 1}{of} comes {soon}"


def _reopened(data: Data) -> str:
    again = {"retry": "retried", "replay": "replayed"}.get(str(data.get("how")), "opened again")
    at = f" from {data['title']}" if data.get("title") else ""
    return f"{again}{at}" + (
        f", {data['kept']} finished step{'' if data['kept'] == 1 else 's'} kept" if data.get("kept") else ""
    )


def _waiting(data: Data) -> str:
    asked = data.get("question") or {}
    title = asked.get("title") or asked.get("key")
    if asked.get("kind") == "approval":
        return f"asks a person to approve {title} ({asked.get('tool') or 'the whole plan'}): {asked.get('approval')}"
    if asked.get("kind") == "children":
        return "waits for the parts that it handed on"
    return f"asks a person: did {title} happen before it was cut off?" if title else "asks a person"


def _answered(data: Data) -> str:
    at = f" about {data['title']}" if data.get("title") else ""
    reason = f" ({data['reason']})" if data.get("reason") else ""
    return f"answered{at}: {data.get('choice', '?')}{reason}"


def _expired(data: Data) -> str:
    then = "it counts as a no" if data.get("on_expiry") == "reject" else "the task fails"
    return f"nobody approved {data.get('title', 'it')} in time: {then}"


def _reasoned(word: str) -> Callable[[Data], str]:
    return lambda data: f"{word}: {data['reason']}" if data.get("reason") else word


def _step(data: Data) -> str:
    return str(data.get("title") or data.get("key"))


_PHRASES: dict[str, Callable[[Data], str]] = {
    "model.fell_back": lambda data: (
        f"{data.get('to', '?')} is asked in place of {data.get('from', '?')}, which {data.get('why', 'did not answer')}"
    ),
    "task.submitted": lambda data: (
        f"submitted{' by the schedule ' + data['schedule'] if data.get('schedule') else ''} to {data.get('queue', '?')}"
    ),
    "task.claimed": lambda data: f"taken by {data.get('agent', '?')}",
    "stage.entered": lambda data: f"stage {data.get('stage')}",
    "task.requeued": lambda data: f"put back into its queue: {data.get('reason', 'the run was lost')}",
    "task.retry_planned": _retried,
    "task.cancel_requested": lambda data: "asked to cancel: its processes are being ended",
    "task.pause_requested": lambda data: "asked to pause after the step that runs",
    "task.stop_requested": lambda data: "asked to pause now: the step that runs is ended",
    "task.pause_withdrawn": lambda data: "asked not to pause after all",
    "task.cancelled": _cancelled,
    "task.paused": _reasoned("paused"),
    "task.resumed": lambda data: "resumed",
    "task.reopened": _reopened,
    "task.asked": _waiting,
    "task.answered": _answered,
    "task.approval_expired": _expired,
    "task.dismissed": lambda data: "dismissed: no dead letter any more",
    "task.delegated": lambda data: f"hands on {len(data.get('children') or [])} parts",
    "child.ended": lambda data: f"the part {data.get('title', '?')} {data.get('state', 'ended')}",
    "task.children_ended": lambda data: "all parts have ended: it goes on",
    "family.message": lambda data: f"message from {data.get('title', '?')}: {data.get('text', '')}",
    "family.paused": lambda data: f"paused {data.get('tasks', 0)} tasks below",
    "family.resumed": lambda data: f"resumed {data.get('tasks', 0)} tasks below",
    "task.restored": lambda data: "a dead letter again",
    "worker.deaf": lambda data: f"{data.get('worker', 'a worker')} is connected and takes nothing",
    "worker.heard": lambda data: f"{data.get('worker', 'a worker')} takes tasks again",
    "queue.paused": _reasoned("paused"),
    "queue.resumed": lambda data: "resumed",
    "emergency.stopped": _reasoned("everything was stopped"),
    "emergency.released": lambda data: "the emergency stop was released",
    "service.opened": lambda data: f"{data.get('service', '?')} is left alone: {data.get('error', 'it failed')}",
    "service.closed": lambda data: f"{data.get('service', '?')} answers again",
    "call.delayed": lambda data: f"waits {duration(data.get('wait_s', 0))} for its turn at {data.get('service', '?')}",
    "workspace.ready": _workspace_ready,
    "step.started": lambda data: f"… {_step(data)}",
    "step.skipped": lambda data: f"– {_step(data)} (skipped, its condition did not hold)",
    "step.finished": _step_finished,
    "network.allowed": _allowed,
    "network.refused": _refused,
    "robots.refused": lambda data: f"the site's robots.txt does not allow {data.get('url', '?')}",
    "search.fell_back": lambda data: f"asks {data.get('next', '?')} instead: {data.get('reason', '?')}",
    "events.left_out": _left_out,
    "task.failed": _failed,
}

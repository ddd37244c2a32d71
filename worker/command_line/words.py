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


def when(at: datetime | None) -> str:
    """The local time, without the day when that is today."""
    if at is None:
        return "–"
    local = at.astimezone()
    is_today = local.date() == datetime.now(UTC).astimezone().date()
    return f"{local:%H:%M:%S}" if is_today else f"{local:%Y-%m-%d %H:%M}"


def in_words(event: "Event") -> str:
    """One line for an event."""
    phrase = _PHRASES.get(event.kind)
    if phrase:
        return phrase(event.data)
    said = ", ".join(f"{name} {value}" for name, value in event.data.items() if isinstance(value, str | int | float))
    kind = event.kind.replace(".", " ")
    return f"{kind}: {said}" if said else kind


def killed(count: int) -> str:
    """`2 processes ended with the call`; empty for none."""
    return f"{count} {'process' if count == 1 else 'processes'} ended with the call" if count else ""


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


def _step(data: Data) -> str:
    return str(data.get("title") or data.get("key"))


_PHRASES: dict[str, Callable[[Data], str]] = {
    "task.submitted": lambda data: f"submitted to {data.get('queue', '?')}",
    "task.claimed": lambda data: f"taken by {data.get('agent', '?')}",
    "stage.entered": lambda data: f"stage {data.get('stage')}",
    "task.requeued": lambda data: f"put back into its queue: {data.get('reason', 'the run was lost')}",
    "workspace.ready": _workspace_ready,
    "step.started": lambda data: f"… {_step(data)}",
    "step.skipped": lambda data: f"– {_step(data)} (skipped, its condition did not hold)",
    "step.finished": _step_finished,
    "network.allowed": _allowed,
    "network.refused": _refused,
    "events.left_out": _left_out,
    "task.failed": lambda data: f"failed: {data.get('message', data.get('code', ''))}",
}

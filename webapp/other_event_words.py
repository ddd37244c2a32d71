"""What happens to agents, queues, services and schedules, as sentences for people.

Events of tasks: event_words.py, which asks here for every kind that it does not know itself.
"""

from collections.abc import Callable, Mapping
from typing import Any

from webapp import family_words, thinking_event_words
from webapp.amounts import counted, duration, number
from webapp.limit_form import as_typed

Data = Mapping[str, Any]


def _limits_changed(data: Data) -> str:
    before, after = as_typed(data.get("before") or {}), as_typed(data.get("after") or {})
    said = [
        f"{name.replace('_', ' ')} {before.get(name, 'none')} → {after.get(name, 'none')}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    return f"Limits changed: {', '.join(said)}." if said else "Limits changed."


def _registered(data: Data) -> str:
    host = f" on {data['host']}" if data.get("host") else ""
    return f"A worker started{host}, process {data.get('pid', '?')}."


def _limited(data: Data) -> str:
    most = data.get("after", data.get("max_running"))
    return f"At most {counted(most, 'task')} at a time." if most else "No limit on how many tasks run at a time."


def _paused(data: Data) -> str:
    reason = str(data.get("reason") or "").rstrip(".")
    return f"Paused: {reason}." if reason else "Paused."


def _stopped(data: Data) -> str:
    reason = str(data.get("reason") or "").rstrip(".")
    return f"Everything was stopped: {reason}." if reason else "Everything was stopped."


def _opened(data: Data) -> str:
    failures = f" after {number(data['failures'])} failures in a row" if data.get("failures") else ""
    pause = f" for {duration(data['for_s'])}" if data.get("for_s") else ""
    which = f"{data['service']} is left alone" if data.get("service") else "Left alone"
    return f"{which}{pause}{failures}: {data.get('error') or 'it does not answer'}."


def _closed(data: Data) -> str:
    return f"{data['service']} answers again." if data.get("service") else "Answers again."


def _delayed(data: Data) -> str:
    which, rate = data.get("service", "the service"), data.get("rate", "a few times")
    return f"Waits {duration(data.get('wait_s', 0))} for its turn: {which} is called {rate} at most."


SENTENCES: dict[str, Callable[[Data], str]] = {
    **family_words.SENTENCES,
    **thinking_event_words.SENTENCES,
    "agent.limits_changed": _limits_changed,
    "agent.approvals_changed": lambda data: (
        f"Asks a person before {', '.join(data.get('after') or []) or 'nothing by itself'} now."
    ),
    "agent.paused": _paused,
    "agent.resumed": lambda data: "Resumed.",
    "agent.max_running_changed": _limited,
    "worker.registered": _registered,
    "worker.stopped": lambda data: f"A worker ended, process {data.get('pid', '?')}.",
    "worker.lost": lambda data: f"A worker is gone without a word: {data.get('worker', '?')}.",
    "worker.deaf": lambda data: (
        f"{data.get('worker', 'A worker')} is connected and takes nothing; its consumer is restarted."
    ),
    "worker.heard": lambda data: f"{data.get('worker', 'A worker')} takes tasks again.",
    "queue.paused": _paused,
    "queue.resumed": lambda data: "Resumed.",
    "queue.limited": _limited,
    "emergency.stopped": _stopped,
    "emergency.released": lambda data: "The emergency stop was released.",
    "service.opened": _opened,
    "service.closed": _closed,
    "call.delayed": _delayed,
    "service.reset": lambda data: "Set back by a person.",
    "schedule.created": lambda data: f"Schedule {data.get('name', '')} made.",
    "schedule.changed": lambda data: f"Schedule {data.get('name', '')} changed.",
    "schedule.paused": lambda data: f"Schedule {data.get('name', '')} paused.",
    "schedule.resumed": lambda data: f"Schedule {data.get('name', '')} resumed.",
    "schedule.deleted": lambda data: f"Schedule {data.get('name', '')} deleted.",
}

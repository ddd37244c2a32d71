"""What a chaos run came to, told by what can be seen from outside: timelines, the ledger file, files, processes.

A task's state alone proves nothing: what counts is that its timeline has one end and no gap, that the ledger has
one line for each effect that must not happen twice, and that its files are those of an undisturbed run.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from models.database import reading
from models.event import Event
from models.run import Run
from models.states import State
from models.task import Task
from tasks.folders import workspace_of
from worker.chaos.killing import Hit
from worker.chaos.outside import lines_of
from worker.chaos.schedule import KILLS_A_MINUTE, Target
from worker.chaos.work import LOG, expected_log

LONGEST_RECOVERY_S = 45.0
LONGEST_OF_A_CHILD_S = 5.0
BEFORE_S = 5.0
"""A child that was killed so shortly after something bigger waits for that, too."""
ENDS = ("task.succeeded", "task.failed", "task.cancelled")
PROGRESS = ("step.started", "step.finished", "step.skipped", "task.asked", *ENDS)
BIGGER = (Target.WORKER, Target.BROKER, Target.DATABASE, Target.CONNECTION, Target.SUPERVISOR)


@dataclass(frozen=True)
class Recovery:
    """A task that was running where a kill hit, and how long it stood still."""

    target: Target
    task: str
    seconds: float
    is_alone: bool
    """Whether nothing bigger, and no other process of the task, was killed just before it or meanwhile."""


@dataclass
class Findings:
    """The figures of the table, and each violation as a sentence."""

    database: str
    seed: int
    accepted: int = 0
    succeeded: int = 0
    lost: int = 0
    finished_twice: int = 0
    once_doubled: int = 0
    wrong_files: int = 0
    gaps: int = 0
    steps_repeated: int = 0
    answers: dict[str, int] = field(default_factory=dict)
    kills: dict[str, int] = field(default_factory=dict)
    recoveries: int = 0
    longest_recovery_s: float = 0.0
    children_alone: int = 0
    longest_child_s: float = 0.0
    processes_left: list[str] = field(default_factory=list)
    seconds: float = 0.0
    violations: list[str] = field(default_factory=list)
    folder: str | None = None
    """Where logs and data are kept; None when all went well and they were deleted."""

    def as_dict(self) -> dict[str, Any]:
        """For --json."""
        return asdict(self)


@dataclass(frozen=True)
class Seen:
    """All rows and lines of a run, read once."""

    tasks: dict[str, Task]
    events: dict[str, list[Event]]
    runs: list[Run]
    lines: list[dict[str, Any]]


def look(ledger: Path) -> Seen:
    """Read everything.  Runs within `wide(…)`."""
    with reading() as session:
        tasks = {task.id: task for task in session.scalars(select(Task))}
        events: dict[str, list[Event]] = defaultdict(list)
        for event in session.scalars(select(Event).where(Event.subject_kind == "task").order_by(Event.number)):
            events[event.subject_id].append(event)
        runs = list(session.scalars(select(Run)))
    return Seen(tasks, events, runs, lines_of(ledger))


def examine(found: Findings, seen: Seen, accepted: Iterable[str], hits: list[Hit]) -> None:
    """Fill in what rows, ledger and files tell.  Runs within `wide(…)`."""
    wanted = list(accepted)
    found.accepted = len(wanted)
    ended_well = [task for task in wanted if _ends(seen, task) == ["task.succeeded"]]
    found.succeeded = len(ended_well)
    lost = [task for task in wanted if not _ends(seen, task) or task not in seen.tasks]
    failed = [task for task in wanted if _ends(seen, task)[:1] in (["task.failed"], ["task.cancelled"])]
    twice = [task for task in wanted if len(_ends(seen, task)) > 1 or _goes_on(seen.events.get(task, []))]
    gaps = [task for task in seen.tasks if not _is_whole(seen.tasks[task], seen.events.get(task, []))]
    wrong = [task for task in ended_well if not _is_as_expected(seen.tasks[task])]
    calls = Counter((line["idempotency_key"], line["effect"]) for line in seen.lines)
    doubled = [key for (key, effect), times in calls.items() if effect == "once" and times > 1]
    unnoted = [task for task in ended_well if not _has_all_lines(calls, seen.tasks[task])]
    found.lost, found.finished_twice, found.gaps, found.wrong_files = len(lost), len(twice), len(gaps), len(wrong)
    found.once_doubled = len(doubled)
    found.steps_repeated = sum(times - 1 for times in calls.values())
    told = {
        "accepted and never ended": lost,
        "did not succeed": failed,
        "ended twice, or went on after the end": twice,
        "a timeline with gaps": gaps,
        "files unlike those of an undisturbed run": wrong,
        "a `once` effect twice": doubled,
        "succeeded without one of its effects": unnoted,
    }
    found.violations += [f"{what}: {len(which)} ({', '.join(which[:5])})" for what, which in told.items() if which]
    _examine_recoveries(found, list(recoveries(seen, hits)))


def examine_kills(found: Findings, hits: list[Hit], targets: Iterable[Target], minutes: float) -> None:
    """Whether everything was hit, and often enough."""
    counted = Counter(hit.target for hit in hits)
    found.kills = {target.value: counted[target] for target in targets}
    if spared := [name for name, times in found.kills.items() if not times]:
        found.violations.append(f"never hit: {', '.join(spared)}")
    if len(hits) < (least := int(KILLS_A_MINUTE * minutes)):
        found.violations.append(f"too few kills: {len(hits)} of at least {least}")


def recoveries(seen: Seen, hits: list[Hit]) -> Iterable[Recovery]:
    """For each kill and each task that was running where it hit: from the kill to the task's next progress.

    Progress is an event that only a run that lives writes: a step begins or ends, the task ends, or it asks a person.
    """
    for hit in hits:
        for run in seen.runs:
            began, ended = run.started_at.timestamp(), run.ended_at.timestamp() if run.ended_at else None
            if began > hit.at or (ended is not None and ended < hit.at) or (hit.pids and run.pid not in hit.pids):
                continue
            after = (each for each in seen.events.get(run.task_id, []) if each.kind in PROGRESS)
            at = next((each.at.timestamp() for each in after if each.at.timestamp() > hit.at), None)
            if at is not None:
                held = {each.pid for each in seen.runs if each.task_id == run.task_id}
                yield Recovery(hit.target, run.task_id, at - hit.at, _is_alone(hit, at, hits, held))


def _examine_recoveries(found: Findings, all_of_them: list[Recovery]) -> None:
    alone = [each for each in all_of_them if each.target is Target.CHILD and each.is_alone]
    found.recoveries, found.children_alone = len(all_of_them), len(alone)
    found.longest_recovery_s = round(max((each.seconds for each in all_of_them), default=0.0), 1)
    found.longest_child_s = round(max((each.seconds for each in alone), default=0.0), 1)
    slow = [each for each in all_of_them if each.seconds > LONGEST_RECOVERY_S]
    slow += [each for each in alone if each.seconds > LONGEST_OF_A_CHILD_S]
    found.violations += [f"recovered after {each.seconds:.1f} s ({each.target}): task {each.task}" for each in slow]


def _is_alone(hit: Hit, until: float, hits: list[Hit], held: set[int]) -> bool:
    """`held` are the processes that had the task at some time: another of them may have been killed meanwhile."""
    others = (each for each in hits if each is not hit and hit.at - BEFORE_S <= each.at <= until)
    return not any(each.target in BIGGER or held & set(each.pids) for each in others)


def _ends(seen: Seen, task: str) -> list[str]:
    return [event.kind for event in seen.events.get(task, []) if event.kind in ENDS]


def _goes_on(events: list[Event]) -> bool:
    """Whether anything was written after the end."""
    return any(event.kind in ENDS for event in events[:-1])


def _is_whole(task: Task, events: list[Event]) -> bool:
    return [event.number for event in events] == list(range(1, task.event_count + 1))


def _has_all_lines(calls: Counter[tuple[str, str]], task: Task) -> bool:
    keys = {key.rpartition("/")[2] for key, _ in calls if key.startswith(f"{task.id}/")}
    return keys >= {"look", "change", "send", "close"}


def _is_as_expected(task: Task) -> bool:
    if task.state != State.SUCCEEDED:
        return False
    return workspace_of(task).read_bytes(LOG, 10**6) == expected_log()

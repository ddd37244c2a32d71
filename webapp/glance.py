"""What a person wants to see at a glance: what runs, what needs them, what came out, how much got done.

Each function is one quick query along an index; the page that shows them: pages/home.py.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import literal, select
from sqlalchemy.orm import Session, load_only, selectinload

from models import inbox
from models.agent import SILENT_AFTER, Agent, Light, Worker, light
from models.columns import clock
from models.event import Event
from models.states import State
from models.task import Task
from models.task_list import COMPLEXITIES, SHOWN, Filters, page
from models.workspace import Artifact
from webapp import question_words, throughput

UNNOTICED = timedelta(seconds=20)
MOST_HAPPENED = 12
MOST_UNSERVED = 2
"""Of one cause they would fill the list; the queues' page has them all."""
# Written out: only then does the database see that the indexes of these few tasks fit.
_IS_QUEUED = Task.state == literal(State.QUEUED.value, literal_execute=True)


@dataclass(frozen=True)
class Need:
    """A task that does not go on by itself, and why, in words."""

    task: Task
    reason: str

    @property
    def is_asked(self) -> bool:
        """Whether it stands in the inbox."""
        return self.task.state == State.WAITING

    @property
    def is_failed(self) -> bool:
        """Whether it stands among the dead letters."""
        return self.task.state == State.FAILED


@dataclass(frozen=True)
class Result:
    """A task that ended well, and the file to open first, if it left any."""

    task: Task
    artifact: Artifact | None


@dataclass(frozen=True)
class AgentLight:
    """An agent's colour, and the reason in words."""

    agent: Agent
    colour: Light
    reason: str


def running(session: Session, limit: int = 8) -> list[Task]:
    """What runs now, the newest first."""
    return page(session, Filters(state=State.RUNNING), limit=limit).tasks


def needs_you(session: Session, at: datetime, limit: int = 6) -> list[Need]:
    """What asks a person, what nobody can take, what failed and nobody has dealt with, what somebody paused.

    The most urgent first, `limit` at most.  A task leaves the list with what put it there: its question is answered,
    its dead letter retried or dismissed, whoever did that.
    """
    wanted = select(Task).where(inbox.waits_for_a_person()).order_by(Task.number.desc()).limit(limit)
    asking = session.scalars(wanted.options(load_only(*SHOWN, Task.question)))
    failed = select(Task).where(Task.dead_letter_at.is_not(None)).order_by(Task.dead_letter_at.desc()).limit(limit)
    needs = [Need(task, question_words.one_line(task)) for task in asking]
    needs += [Need(task, _nobody(task)) for task in _unserved(session, at, MOST_UNSERVED)]
    letters = session.scalars(failed.options(load_only(*SHOWN)))
    needs += [Need(task, task.error_message or "It failed.") for task in letters]
    paused = page(session, Filters(state=State.PAUSED), limit=limit).tasks
    needs += [Need(task, "It is paused, and goes on when somebody resumes it.") for task in paused]
    return needs[:limit]


def results(session: Session, limit: int = 5) -> list[Result]:
    """The last tasks that ended well, the newest first."""
    ended = select(Task).where(Task.finished_at.is_not(None), Task.state == State.SUCCEEDED)
    newest = ended.order_by(Task.finished_at.desc()).limit(limit).options(load_only(*SHOWN))
    tasks = list(session.scalars(newest))
    found = session.scalars(select(Artifact).where(Artifact.task_id.in_([task.id for task in tasks])))
    by_task: dict[str, list[Artifact]] = {}
    for artifact in found:
        by_task.setdefault(artifact.task_id, []).append(artifact)
    return [Result(task, next(iter(best_first(by_task.get(task.id, []))), None)) for task in tasks]


def best_first(artifacts: Iterable[Artifact]) -> list[Artifact]:
    """In the order in which a person wants to open them: pages, tables, pictures, anything else."""
    order = ("text/html", "application/pdf", "text/csv", "image/")

    def rank(artifact: Artifact) -> tuple[int, str]:
        found = (index for index, kind in enumerate(order) if artifact.media_type.startswith(kind))
        return next(found, len(order)), artifact.path

    return sorted(artifacts, key=rank)


def artifacts_of(session: Session, task: Task) -> list[Artifact]:
    """What the task has to show, the best first."""
    return best_first(session.scalars(select(Artifact).where(Artifact.task_id == task.id)))


def last_hour(session: Session, at: datetime) -> throughput.Throughput:
    """What succeeded or failed in the hour before that time."""
    since = at - throughput.SPAN
    tried = Task.state.in_([State.SUCCEEDED, State.FAILED])
    ended = select(Task.finished_at, Task.state).where(Task.finished_at > since, tried)
    rows = session.execute(ended.order_by(Task.finished_at.desc()).limit(throughput.MOST))
    return throughput.of([(when, state) for when, state in rows if when is not None], at)


def agents(session: Session) -> list[AgentLight]:
    """Every agent with its light, by name; by the database's clock, as the workers' beats are."""
    at = clock(session.connection())
    wanted = select(Agent).options(selectinload(Agent.workers.and_(Worker.stopped_at.is_(None)))).order_by(Agent.name)
    return [AgentLight(agent, *light(agent, at)) for agent in session.scalars(wanted)]


def is_new(session: Session) -> bool:
    """Whether nobody has asked for anything yet."""
    return session.scalar(select(Task.number).limit(1)) is None


def happened(session: Session, subject_id: str) -> list[Event]:
    """The last events of a timeline, the latest first."""
    mine = select(Event).where(Event.subject_id == subject_id).order_by(Event.number.desc())
    return list(session.scalars(mine.limit(MOST_HAPPENED)))


def _unserved(session: Session, at: datetime, limit: int) -> list[Task]:
    """Queued tasks that no worker alive listens for, those that are due first of each queue."""
    alive = select(Worker.queues).where(Worker.stopped_at.is_(None), Worker.last_seen_at > at - SILENT_AFTER)
    served = {queue for queues in session.scalars(alive) for queue in queues}
    queues = [*(f"complexity.{level}" for level in COMPLEXITIES), *map("agent.{}".format, _names(session))]
    found: list[Task] = []
    # One short look along the claims' index for each queue: together they would have to be sorted.
    for queue in sorted(set(queues) - served):
        claimable = (_IS_QUEUED, Task.queue == queue, Task.waits_until.is_(None))
        waiting = select(Task).where(*claimable, Task.submitted_at < at - UNNOTICED)
        found += session.scalars(waiting.order_by(Task.rank_at).limit(limit).options(load_only(*SHOWN)))
    return found[:limit]


def _names(session: Session) -> Sequence[str]:
    return session.scalars(select(Agent.name)).all()


def _nobody(task: Task) -> str:
    kind, _, name = task.queue.partition(".")
    return f"No running agent takes {'complexity ' + name if kind == 'complexity' else 'work for ' + name}."

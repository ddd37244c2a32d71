"""What a transcript tells of a task, part by part: the head, every call, every decision, files, totals, timeline."""

from collections.abc import Iterator

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.approval import Approval, ApprovalState
from models.columns import now
from models.errors import NotFound
from models.event import Event
from models.step import Step
from models.task import Task
from settings import VERSION
from tasks import prompts
from tasks.folders import workspace_of
from tasks.masking import Masks
from webapp.amounts import between, duration, number, size, utc
from webapp.event_words import words_of
from webapp.glance import artifacts_of
from webapp.transcript import bounds
from webapp.transcript.blocks import Block, Code, Heading, Part, Rows, Words, cut, facts, json_text
from webapp.transcript.bounds import left_out, within
from webapp.transcript.calls import call
from webapp.transcript.totals import Totals, totals_of
from webapp.words import state_word, who

SAID = {
    ApprovalState.WAITING: "nobody has answered yet",
    ApprovalState.APPROVED: "approved",
    ApprovalState.EDITED: "approved with other arguments",
    ApprovalState.REJECTED: "rejected",
    ApprovalState.EXPIRED: "nobody answered in time",
    ApprovalState.WITHDRAWN: "withdrawn: it was not needed any more",
}


def of(session: Session, task: Task, masks: Masks) -> list[Block]:
    """Everything that its bounds leave room for (bounds.py), in the order of reading."""
    totals = totals_of(session, task)
    return [
        *_head(task),
        *_asked(task, masks),
        *_totals(task, totals),
        *_prompts(totals),
        *_steps(session, task, totals.steps, masks),
        *_parts(session, task),
        *_approvals(session, task, masks),
        *_files(session, task),
        *_timeline(session, task),
    ]


def _head(task: Task) -> list[Block]:
    plan = f"template {task.template} {task.template_version or ''}".rstrip() if task.template else "a plan of its own"
    pairs: list[tuple[str, object]] = [
        ("Task", task.id),
        ("State", state_word(task.state)),
        ("Plan", plan),
        ("Part of", task.parent_id),
        ("Agent", task.agent),
        ("Complexity", task.complexity),
        ("Priority", task.priority),
        ("Handed in", utc(task.submitted_at)),
        ("Started", utc(task.started_at) if task.started_at else None),
        ("Ended", utc(task.finished_at) if task.finished_at else None),
        ("Failed because", task.error_message),
        ("Exported", f"{utc(now())} by OpsCore {VERSION}"),
    ]
    return [facts(pairs)]


def _asked(task: Task, masks: Masks) -> list[Block]:
    blocks: list[Block] = []
    if task.description:
        blocks += [Heading("What was asked"), Words(cut(task.description, masks))]
    told = [str(task.plan.content[name]) for name in ("instructions", "additions") if task.plan.content.get(name)]
    if told:
        blocks += [Heading("Instructions"), *(Words(cut(each, masks)) for each in told)]
    if task.inputs:
        blocks += [Heading("Inputs"), Code("Given", cut(json_text(masks.value(task.inputs)), masks), "json")]
    return blocks


def _totals(task: Task, totals: Totals) -> list[Block]:
    total = totals.spent
    said = ", ".join(f"{count:,} {state_word(state).lower()}" for state, count in sorted(totals.states.items()))
    pairs = [
        ("Steps", f"{totals.steps:,} ({said})" if totals.steps else "none"),
        ("Model calls", total.calls or None),
        ("Tokens", f"{number(total.input)} in, {number(total.output)} out" if total.calls else None),
        ("Cost", total.cost_in_words if total.calls else None),
        ("Time in steps", duration(totals.seconds)),
        ("Time in all", duration(between(task.started_at, task.finished_at)) if task.started_at else None),
        ("Runs", task.run_number or None),
        ("Workers lost", task.losses or None),
    ]
    return [Heading("Totals"), facts(pairs)]


def _prompts(totals: Totals) -> list[Block]:
    """The texts that conversations began with, as far as they are still the same."""
    blocks: list[Block] = []
    for name, told in totals.prompts.items():
        label = f"{name}, version {told.get('version')}, {told.get('digest')}"
        found = prompts.find(name) if name in prompts.names() else None
        if found is not None and found.told == told:
            blocks.append(Code(label, found.text, "", is_long=True))
        else:
            blocks.append(Words(f"{label}: this installation has another text by now."))
    return [Heading("Prompts"), *blocks] if blocks else []


def _parts(session: Session, task: Task) -> list[Block]:
    """What was handed on to others; their own transcripts tell more."""
    mine = select(Task).where(Task.parent_id == task.id).order_by(Task.number).limit(bounds.MOST_TASKS)
    rows = [[each.title, state_word(each.state), each.agent or "", each.id] for each in session.scalars(mine)]
    count = session.scalar(select(func.count(Task.number)).where(Task.parent_id == task.id)) or 0
    note = left_out("tasks", len(rows), count)
    return [Heading("Handed on"), Rows(["Task", "State", "Agent", "Id"], rows, note)] if rows else []


def _by(author: str | None) -> str | None:
    """Who did something, for readers who are not here: `who` says "you"."""
    if author is None or not author.startswith("person:"):
        return author and who(author)
    return f"a person ({author.removeprefix('person:')})"


def _steps(session: Session, task: Task, count: int, masks: Masks) -> list[Block]:
    if not count:
        return [Heading("Steps"), Words("No step has begun.")]
    shown = within(_calls(session, task, masks), bounds.STEPS_BYTES)
    note = left_out("steps", len(shown), count)
    return [Heading("Steps"), *shown, *([Words(f"{note} The totals are of all.")] if note else [])]


def _calls(session: Session, task: Task, masks: Masks) -> Iterator[Block]:
    mine = select(Step).where(Step.task_id == task.id).order_by(Step.epoch, Step.position, Step.started_at)
    few = mine.limit(bounds.MOST_STEPS).execution_options(yield_per=bounds.AT_ONCE)
    with session.scalars(few) as steps:
        for index, step in enumerate(steps, 1):
            yield Part(call(step, index, masks))


def _approvals(session: Session, task: Task, masks: Masks) -> list[Block]:
    asked = select(Approval).where(Approval.task_id == task.id).order_by(Approval.asked_at, Approval.id)
    found = session.scalars(asked.limit(bounds.MOST_APPROVALS))
    count = session.scalar(select(func.count(Approval.id)).where(Approval.task_id == task.id)) or 0
    shown: list[Block] = within((Part(_approval(each, masks)) for each in found), bounds.APPROVALS_BYTES)
    note = left_out("approvals", len(shown), count)
    return [Heading("Approvals"), *shown, *([Words(note)] if note else [])] if count else []


def _approval(each: Approval, masks: Masks) -> list[Block]:
    pairs = [
        ("For", each.tool or "the whole plan"),
        ("Demanded by", each.why),
        ("Risk", each.risk),
        ("Asked", utc(each.asked_at)),
        ("Answer", SAID[ApprovalState(each.state)]),
        ("By", _by(each.decided_by)),
        ("At", utc(each.decided_at) if each.decided_at else None),
        ("Reason", each.reason),
        ("Bound to", each.digest),
    ]
    blocks: list[Block] = [Heading(each.title, 3), facts(pairs)]
    blocks.append(Code("Shown", cut(json_text(masks.value(each.arguments)), masks), "json"))
    if each.diff:
        blocks.append(Code("Diff of what was shown", cut(each.diff, masks), "diff"))
    if each.decided_arguments is not None:
        changed = cut(json_text(masks.value(each.decided_arguments)), masks)
        blocks.append(Code("Changed to", changed, "json"))
    return blocks


def _files(session: Session, task: Task) -> list[Block]:
    results = {each.path: (each.size_bytes, each.media_type) for each in artifacts_of(session, task)}
    rows = [[path, size(count), kind] for path, (count, kind) in sorted(results.items())]
    try:
        page = workspace_of(task).page(".", bounds.MOST_FILES, is_deep=True, skip="folder")
    except NotFound:
        note = "The workspace is not there any more." if rows else ""
    else:
        rows += [[each.path, size(each.size), ""] for each in page.entries if each.path not in results]
        note = "Not all files are shown." if page.next else ""
    shown = within(rows[: bounds.MOST_FILES], bounds.FILES_BYTES)
    note = "Not all files are shown." if len(shown) < len(rows) else note
    return [Heading("Files"), Rows(["Path", "Size", "Kind"], shown, note)] if rows else []


def _timeline(session: Session, task: Task) -> list[Block]:
    mine = select(Event).where(Event.subject_id == task.id).order_by(Event.number).limit(bounds.MOST_EVENTS)
    told = ([str(each.number), utc(each.at), words_of(each), _by(each.author) or ""] for each in session.scalars(mine))
    rows = within(told, bounds.EVENTS_BYTES)
    note = left_out("events", len(rows), task.event_count)
    return [Heading("Timeline"), Rows(["No.", "Time", "What happened", "By"], rows, note)]

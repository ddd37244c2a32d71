"""What a person says to an approval, and what becomes of one that nobody answers.

The first answer wins: of two that come together the task's row, locked, lets one through; the other finds it decided.
Whoever answers names the digest of what they were shown, so an answer never reaches another call.  Within `acting(…)`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from models.approval import Approval, ApprovalState, OnExpiry
from models.columns import clock, database_now, now
from models.database import reading, writing
from models.errors import Conflict, InvalidInput, NotFound, Problem
from models.scope import current
from models.states import Move, State, move
from models.task import Task
from tasks.approvals import card
from tasks.approvals.gate import EXPIRED
from tasks.control.answered import go_on
from tasks.control.repetition import once
from tasks.control.standing import failure, locked, written
from tasks.runs.outcome import clean
from tasks.timeline import record_of_task
from tools.registry import find

LONGEST_REASON = 1000
EXPIRED_AT_ONCE = 50
_WAS_EXPIRED = "nobody answered in time, and it has expired"
# Written out: only then does the database see that the index of those that wait fits.
_WAITS = Approval.state == literal(ApprovalState.WAITING.value, literal_execute=True)
DUE = _WAITS & (Approval.expires_at <= database_now())


@dataclass(frozen=True)
class Said:
    """What a person says: "approve", "edit" or "reject", to what has this digest."""

    choice: str
    digest: str
    arguments: Mapping[str, Any] | None = None
    """Of "edit": all of the call's."""
    reason: str = ""

    @property
    def asked(self) -> str:
        """All of it, for telling one request from another."""
        return f"approval {self.choice} {self.digest} {self.arguments} {self.reason}"


def find_approval(approval_id: str) -> Approval:
    """The approval as it stands.

    Raises:
        NotFound: there is none.
    """
    with reading() as session:
        return _found(session, approval_id)


def decide(approval_id: str, said: Said, key: str | None = None) -> Approval:
    """Answer it, and let its task go on.  Asked again with the same `key`, nothing happens a second time.

    Raises:
        NotFound: there is none.
        InvalidInput: no such answer, or the tool cannot use these arguments; its problems name the fields.
        Conflict: it has been answered, expired or was withdrawn; or the digest is another call's.
    """
    task_id = find_approval(approval_id).task_id
    with writing() as session:
        task = locked(session, task_id)
        once(session, task, f"{approval_id} {said.asked}", key, lambda: _decide(session, task, approval_id, said))
        return _found(session, approval_id)


def _decide(session: Session, task: Task, approval_id: str, said: Said) -> Task:
    approval = _found(session, approval_id)
    _check_stands(session, task, approval, said.digest)
    state, arguments = _meant(approval, said)
    reason = clean(said.reason.strip())[:LONGEST_REASON]
    approval.state, approval.decided_arguments, approval.reason = state, arguments, reason
    approval.decided_at, approval.decided_by = now(), current().author
    session.flush()
    changed = [name for name, value in (arguments or {}).items() if approval.arguments.get(name) != value]
    told = {"choice": said.choice, "reason": reason, **({"changed": changed} if changed else {})}
    return _queued(session, task, "task.answered", {**_named(approval), **told})


def _check_stands(session: Session, task: Task, approval: Approval, digest: str) -> None:
    if digest != approval.digest:
        cure = "look at it again, and send the digest that is shown with it"
        raise Conflict(f"cannot answer: the digest is of another call; {cure}", approval_id=approval.id)
    if approval.state != ApprovalState.WAITING:
        raise Conflict(f"cannot answer: {_was(approval)}", approval_id=approval.id, state=str(approval.state))
    if task.state != State.WAITING or (task.question or {}).get("approval") != approval.id:
        raise Conflict("cannot answer: the task does not ask this any more", approval_id=approval.id)
    if approval.expires_at is not None and approval.expires_at <= clock(session.connection()):
        # Whoever ends such questions may come late, or not run at all.
        state = str(ApprovalState.EXPIRED)
        raise Conflict(f"cannot answer: {_WAS_EXPIRED}", approval_id=approval.id, state=state)


def _was(approval: Approval) -> str:
    by = f" by {approval.decided_by}" if approval.decided_by else ""
    return {
        ApprovalState.EXPIRED: _WAS_EXPIRED,
        ApprovalState.WITHDRAWN: "it was withdrawn, since the task ended or does something else by now",
        ApprovalState.REJECTED: f"it was rejected{by} already",
    }.get(ApprovalState(approval.state), f"it was approved{by} already")


def _meant(approval: Approval, said: Said) -> tuple[ApprovalState, dict[str, Any] | None]:
    """What the answer makes of it, and the arguments where they were changed."""
    if said.arguments is not None and said.choice != "edit":
        raise _wrong("arguments", "are only for the choice edit")
    match said.choice:
        case "approve":
            return ApprovalState.APPROVED, None
        case "reject":
            return ApprovalState.REJECTED, None
        case "edit" if approval.tool:
            arguments = _checked(approval.tool, said.arguments)
            is_same = arguments == approval.arguments
            return (ApprovalState.APPROVED, None) if is_same else (ApprovalState.EDITED, arguments)
    choices = "approve, edit, reject" if approval.tool else "approve, reject: a whole plan cannot be edited"
    raise _wrong("choice", f"must be one of {choices}")


def _checked(tool: str, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """The arguments as the tool will be handed them.

    Raises:
        InvalidInput: it cannot use them; the paths of the problems begin with `arguments`.
    """
    if arguments is None:
        raise _wrong("arguments", "are missing: say all of the call's, as they are to be")
    try:
        return card.exactly(find(tool).parse(arguments))
    except InvalidInput as error:
        found = [Problem(path=f"arguments.{each['path']}", message=each["message"]) for each in error.problems]
        raise InvalidInput("cannot approve it with these arguments", problems=found, tool=tool) from error


def _wrong(path: str, message: str) -> InvalidInput:
    return InvalidInput("cannot answer", problems=[Problem(path=path, message=message)])


def expire_due() -> int:
    """End the approvals whose time is over, by the database's clock; returns how many.  In the wide scope."""
    with reading() as session:
        due = select(Approval.id, Approval.task_id).where(DUE).order_by(Approval.expires_at)
        found = session.execute(due.limit(EXPIRED_AT_ONCE)).all()
    return sum(_expire(approval_id, task_id) for approval_id, task_id in found)


def _expire(approval_id: str, task_id: str) -> bool:
    with writing() as session:
        # Passed over where somebody answers at this moment: the next round comes in a second.
        mine = select(Task).where(Task.id == task_id).with_for_update(skip_locked=True)
        task = session.scalars(mine).one_or_none()
        approval = session.scalars(select(Approval).where(Approval.id == approval_id, DUE)).one_or_none()
        if task is None or approval is None:
            return False
        approval.state, approval.decided_at = ApprovalState.EXPIRED, now()
        session.flush()
        if task.state != State.WAITING or (task.question or {}).get("approval") != approval.id:
            return True
        told = {**_named(approval), "on_expiry": approval.on_expiry}
        if approval.on_expiry == OnExpiry.REJECT:
            _queued(session, task, "task.approval_expired", told)
        else:
            _fail(session, written(session, task, "task.approval_expired", told), approval)
        return True


def _queued(session: Session, task: Task, kind: str, told: dict[str, Any]) -> Task:
    return go_on(session, task, kind, told)


def _fail(session: Session, task: Task, approval: Approval) -> None:
    message = f"cannot go on: nobody approved “{approval.title}” in time"
    failed = failure(EXPIRED, message)
    task = move(session, Move.FAIL, Task.id == task.id, Task.state == State.WAITING, question=None, **failed)
    record_of_task(session, task, "task.failed", code=EXPIRED, message=message)


def _named(approval: Approval) -> dict[str, Any]:
    named = {name: getattr(approval, name) for name in ("key", "tool", "title")}
    return {"approval": approval.id, **named}


def _found(session: Session, approval_id: str) -> Approval:
    found = session.scalars(select(Approval).where(Approval.id == approval_id)).one_or_none()
    if found is None:
        raise NotFound("cannot find the approval: there is none with this id", approval_id=approval_id)
    return found

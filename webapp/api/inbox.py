"""The inbox: everything that waits for a person; and approvals, which are answered here."""

from uuid import UUID

from flask import Response
from flask_openapi import APIBlueprint, Tag
from sqlalchemy import select

from models import inbox
from models.approval import Approval
from models.database import db
from models.errors import NotFound
from tasks.approvals import decisions
from tasks.approvals.decisions import Said
from webapp.api.gate import require
from webapp.api.inbox_shapes import ApprovalPath, ApprovalShape, AskedShape, InboxQuery, InboxShape, NewDecision
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import KeyHeader, QuestionShape, TaskSummary

part = APIBlueprint("inbox_api", __name__, url_prefix="/v1", abp_tags=[Tag(name="Inbox")], abp_security=SIGNED_IN)


@part.get("/inbox", operation_id="listInbox", responses=answers(_200=InboxShape))
def list_inbox(query: InboxQuery) -> Response:
    """List the tasks that wait for a person, the oldest first: approvals, and steps that were cut off."""
    require("task:read")
    found = inbox.page(db.session(), str(query.cursor) if query.cursor else None, query.limit)
    cursor = UUID(found.next_cursor) if found.next_cursor else None
    return sent(InboxShape(asked=[_asked(each) for each in found.asked], next_cursor=cursor))


@part.get("/approvals/<id>", operation_id="showApproval", responses=answers(404, _200=ApprovalShape))
def show_approval(path: ApprovalPath) -> Response:
    """Show one approval: what is to happen, its digest, and what was said to it."""
    return sent(ApprovalShape.model_validate(_found(path, "task:read")))


@part.post(
    "/approvals/<id>", operation_id="decideApproval", responses=answers(400, 404, 409, 413, 415, _200=ApprovalShape)
)
def decide_approval(path: ApprovalPath, header: KeyHeader, body: NewDecision) -> Response:
    """Approve a call as it was shown or with other arguments, or reject it; its task goes on.

    The first answer wins: a second one answers 409, and so does the digest of another call. Arguments that the tool
    cannot use answer 422 with the fields, and it waits on. May be repeated with the same `Idempotency-Key`.
    """
    approval = _found(path, "task:control")
    said = Said(body.choice, body.digest, body.arguments, body.reason)
    return sent(ApprovalShape.model_validate(decisions.decide(approval.id, said, header.idempotency_key)))


def _found(path: ApprovalPath, permission: str) -> Approval:
    approval = db.session.scalars(select(Approval).where(Approval.id == str(path.id))).one_or_none()
    if approval is None:
        raise NotFound("cannot find the approval: there is none with this id", approval_id=str(path.id))
    require(permission, approval)
    return approval


def _asked(each: inbox.Asked) -> AskedShape:
    return AskedShape(
        task=TaskSummary.model_validate(each.task),
        question=QuestionShape.model_validate(each.task.question),
        approval=ApprovalShape.model_validate(each.approval) if each.approval else None,
    )

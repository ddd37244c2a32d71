"""The inbox: everything that waits for a person, the oldest first; and a page for each approval, where it is answered.

The GET of an approval shows it and changes nothing; only a POST answers, with the digest of what was shown.  The card:
webapp/approval_card.py.  What an answer does: tasks/approvals/decisions.py; a step that was cut off is answered by
pages/control.py.
"""

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from models import inbox
from models.approval import Approval, ApprovalState
from models.database import db
from models.errors import Conflict, InvalidInput, NotFound
from models.task import Task
from tasks.approvals import decisions
from tasks.approvals.decisions import Said
from webapp import approval_form, gate, question_words
from webapp.amounts import counted
from webapp.approval_card import Card, card_of, open_card, short_card
from webapp.ask import Question, ask, done
from webapp.pages.task import checked_id

page = Blueprint("inbox", __name__)

AT_ONCE = 25
DONE = {
    ApprovalState.APPROVED: "Approved: it is done now.",
    ApprovalState.EDITED: "Approved with your changes: it is done now.",
    ApprovalState.REJECTED: "Rejected: it is not done.",
}


@page.get("/inbox")
def show() -> ResponseReturnValue:
    """What waits, a page of it."""
    gate.allow("task:read")
    found = inbox.page(db.session(), request.args.get("cursor") or None, AT_ONCE)
    asked = [(each.task, short_card(each.approval, each.task) if each.approval else None) for each in found.asked]
    return render_template(
        "pages/inbox.html", asked=asked, next_cursor=found.next_cursor, one_line=question_words.one_line
    )


@page.get("/inbox/<approval_id>")
def one(approval_id: str) -> ResponseReturnValue:
    """One approval, with the form that answers it."""
    approval, task = _approval(approval_id, "task:read")
    return _shown(open_card(approval, task, as_json="json" in request.args), is_editing="edit" in request.args)


@page.post("/inbox/<approval_id>")
def decide(approval_id: str) -> ResponseReturnValue:
    """Answer it; where the arguments cannot be used, the form again as it was sent."""
    approval, task = _approval(approval_id, "task:control")
    choice, given = request.form.get("choice", ""), request.form
    form = approval_form.sent(approval.tool, approval.arguments, given) if choice == "edit" else None
    try:
        arguments = approval_form.arguments_of(form) if form else None
        said = Said(choice, given.get("digest", ""), arguments, given.get("reason", ""))
        decided = decisions.decide(approval.id, said)
    except InvalidInput as error:
        if form is None:
            raise
        approval_form.show_problems(form, error.problems)
        return _shown(card_of(approval, task, form), is_editing=True), 422
    back = url_for("task.show", task_id=task.id) if given.get("back") == "task" else url_for("inbox.show")
    return done(DONE[ApprovalState(decided.state)], back, "succeeded" if choice != "reject" else "cancelled")


@page.post("/inbox")
def ask_many() -> ResponseReturnValue:
    """Which of them would be answered so, before anything is."""
    gate.allow("task:control")
    picked, choice = request.form.getlist("picked"), request.form.get("choice", "")
    names = [_approval(each.partition(":")[0], "task:control")[0].title for each in picked[:AT_ONCE]]
    verb = "Reject" if choice == "reject" else "Approve"
    return ask(
        Question(
            title=f"{verb} {counted(len(names), 'call')}?" if names else "Nothing is chosen",
            action=url_for("inbox.decide_many") if names else url_for("inbox.show"),
            yes=verb if names else "",
            back=url_for("inbox.show"),
            says=["Each is answered as it was shown; what somebody has answered meanwhile is left alone."]
            if names
            else ["Choose some in the inbox first."],
            examples=names,
            is_harm=False,
            hidden={"picked": " ".join(picked[:AT_ONCE]), "choice": choice},
        )
    )


@page.post("/inbox/many")
def decide_many() -> ResponseReturnValue:
    """Answer those that were chosen, each by its digest."""
    gate.allow("task:control")
    choice, answered, late = request.form.get("choice", ""), 0, 0
    for each in request.form.get("picked", "").split():
        name, _, digest = each.partition(":")
        try:
            decisions.decide(_approval(name, "task:control")[0].id, Said(choice, digest))
            answered += 1
        except Conflict:
            late += 1
    rest = f" {counted(late, 'other')} had been answered already." if late else ""
    return done(f"{'Rejected' if choice == 'reject' else 'Approved'} {answered}.{rest}", url_for("inbox.show"))


def _shown(card: Card, *, is_editing: bool) -> str:
    return render_template("pages/approval.html", card=card, is_editing=is_editing)


def _approval(approval_id: str, permission: str) -> tuple[Approval, Task]:
    """The approval and its task.

    Raises:
        NotFound: there is none.
    """
    mine = Approval.id == checked_id(approval_id)
    found = db.session.execute(select(Approval, Task).join(Task, Task.id == Approval.task_id).where(mine)).one_or_none()
    if found is None:
        raise NotFound("cannot find the approval", id=approval_id)
    gate.allow(permission, found.Approval)
    return found.Approval, found.Task

"""An approval as a card: the exact arguments, the risk, who demands it, what would change.

Drawn by templates/parts/approval.html, in the inbox, on a page of its own and on its task's page.  How its values are
written: approval_values.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.approval import Approval, ApprovalState, OnExpiry
from models.task import Task
from tools import terminal_text
from webapp import approval_form, approval_values
from webapp.approval_form import Form
from webapp.approval_values import Value, beginning, text_of
from webapp.diff_lines import Line, lines_of

MOST_IN_A_LIST = 4000
"""Characters of the arguments, or of the diff: what is longer is shown in part in a list, and answered on its page."""
RISKS = {
    "low": ("succeeded", "Low risk", "It changes at most the task's own files, whose history is kept."),
    "medium": ("waiting", "Medium risk", "It runs programs, or reaches other hosts."),
    "high": ("failed", "High risk", "It cannot be taken back, or acts with a secret."),
}
"""The tone, the word, and what it means."""
SAID = {
    ApprovalState.APPROVED: "It was approved",
    ApprovalState.EDITED: "It was approved with other arguments",
    ApprovalState.REJECTED: "It was rejected",
    ApprovalState.EXPIRED: "Nobody answered in time",
    ApprovalState.WITHDRAWN: "It was withdrawn: the task ended, or does something else by now",
}
EXPIRES = {OnExpiry.REJECT: "then it counts as a no", OnExpiry.FAIL: "then the task fails"}


@dataclass
class Card:
    """What the card shows; `form` only where it can be edited in place."""

    approval: Approval
    task: Task
    values: list[Value]
    calls: list[dict[str, Any]]
    diff: list[Line]
    left_out: int
    form: Form | None = None
    is_cut: bool = False
    """Whether not all of it is shown; then it cannot be answered here."""

    @property
    def risk(self) -> tuple[str, str, str]:
        """Its tone, word and meaning."""
        return RISKS.get(self.approval.risk, ("queued", "Risk unknown", ""))

    @property
    def diff_title(self) -> str:
        """What the lines are: a change, or something that is used as it is."""
        is_change = any(line.kind in ("added", "removed") for line in self.diff)
        return "What would change in the files" if is_change else "What it would run"

    @property
    def is_open(self) -> bool:
        """Whether an answer is still wanted."""
        return self.approval.state == ApprovalState.WAITING

    @property
    def said(self) -> str:
        """What became of it."""
        return SAID.get(ApprovalState(self.approval.state), "")

    @property
    def then(self) -> str:
        """What follows if nobody answers."""
        return EXPIRES[OnExpiry(self.approval.on_expiry)]


def card_of(approval: Approval, task: Task, form: Form | None = None) -> Card:
    """The card of the approval, which the task asks for."""
    shown = dict(approval.decided_arguments or approval.arguments)
    calls = shown.pop("calls", []) if not approval.tool else []
    values = approval_values.of_call(shown) if approval.tool else approval_values.of_plan(shown)
    calls = [{**call, "arguments": text_of(call["arguments"])} for call in calls]
    lines, left_out = lines_of(terminal_text.visible(approval.diff)) if approval.diff else ([], 0)
    return Card(approval, task, values, calls, lines, left_out, form)


def short_card(approval: Approval, task: Task) -> Card:
    """The card for a list: of a long one the beginning."""
    card = card_of(approval, task)
    told = sum(value.length for value in card.values) + sum(len(call["arguments"]) for call in card.calls)
    if told <= MOST_IN_A_LIST and len(approval.diff) <= MOST_IN_A_LIST:
        return card
    values = [value.beginning for value in card.values]
    calls = [{**call, "arguments": beginning(call["arguments"])} for call in card.calls]
    return replace(card, values=values, calls=calls, diff=[], left_out=0, is_cut=True)


def open_card(approval: Approval, task: Task, *, as_json: bool = False) -> Card:
    """The card with its form."""
    form = approval_form.form_of(approval.tool, approval.arguments, as_json=as_json) if approval.tool else None
    return card_of(approval, task, form)


def asked_of(session: Session, task: Task) -> Card | None:
    """The card of what the waiting task asks; None where it asks something else."""
    asked: Mapping[str, Any] = task.question or {}
    if asked.get("kind") != "approval":
        return None
    approval = session.scalars(select(Approval).where(Approval.id == asked["approval"])).one_or_none()
    return open_card(approval, task) if approval is not None else None

"""The pages that a task and its family really fetched, read from the steps: tools/research/pages.py with the database.

What web.fetch noted when it was done is the truth; no file of a workspace can add to it.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import load_only

from models.database import reading
from models.step import Step, StepState
from models.task import Task
from tools.research.pages import FetchedPage

TOOL = "web.fetch"
MOST = 1000


@dataclass(frozen=True)
class FamilyPages:
    """The pages of one task, and of all that it works with."""

    task_id: str

    def fetched(self) -> Sequence[FetchedPage]:
        """See `Pages`."""
        # Looked up here: a run knows no more of its task's row than what every run needs.
        root = select(Task.root_id).where(Task.id == self.task_id).scalar_subquery()
        family = select(Task.id).where((Task.root_id == root) | (Task.id == self.task_id))
        fetched = select(Step).where(Step.task_id.in_(family), Step.tool == TOOL, Step.superseded_at.is_(None))
        wanted = fetched.where(Step.state == StepState.SUCCEEDED)
        columns = load_only(Step.tool, Step.state, Step.arguments, Step.output, Step.finished_at, Step.started_at)
        with reading() as session:
            return of_steps(session.scalars(wanted.options(columns).order_by(Step.id.desc()).limit(MOST)))


def of_steps(steps: Iterable[Step]) -> list[FetchedPage]:
    """The pages that these steps fetched well, in their order."""
    return [_page(each) for each in steps if each.tool == TOOL and each.state == StepState.SUCCEEDED]


def _page(step: Step) -> FetchedPage:
    found: dict[str, Any] = step.output

    def said(name: str) -> str:
        return str(found.get(name) or "")

    return FetchedPage(
        asked=str(step.arguments.get("url") or ""),
        url=said("url"),
        at=step.finished_at or step.started_at,
        title=said("title"),
        authors=said("author"),
        published=said("date"),
        site=said("site"),
        text=said("text"),
        text_path=said("text_path"),
        text_sha256=said("text_sha256"),
        text_problem=said("text_problem"),
    )

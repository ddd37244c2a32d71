"""Whether the task left what it promised: files that are there and not empty, and pass the check that is named."""

from collections.abc import Iterator

from models.errors import InvalidInput, NotFound
from tasks import checks
from tasks.plans.model_plan import ModelPlan, Promise
from tasks.research.pages import FamilyPages
from tasks.runs.steps import Run


def broken(run: Run, plan: ModelPlan) -> list[str]:
    """What is missing or wrong, each a sentence for the model; nothing where all is well."""
    if not plan.promises:
        return []
    run.ledger.settle()  # what the checks read
    return [problem for promise in plan.promises for problem in _of(run, promise)]


def _of(run: Run, promise: Promise) -> Iterator[str]:
    workspace = run.place.workspace
    try:
        entry = workspace.entry(promise.path)
    except (NotFound, InvalidInput):
        yield f"{promise.path} is promised and not there: write it."
        return
    if entry.kind != "file":
        yield f"{promise.path} is promised as a file and is none."
    elif entry.size == 0:
        yield f"{promise.path} is promised and empty."
    elif promise.check is not None:
        # As the research tools see them: a quote is held to the page that it was noted from.
        fetched = run.ledger.patiently(FamilyPages(run.task.id).fetched)
        yield from checks.find(promise.check)(workspace, fetched, promise.path)

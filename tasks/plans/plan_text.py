"""A plan of either kind as text: a playbook, or with `kind: model` a model plan.

Their formats: docs/reference/playbooks.md, docs/reference/model-plans.md.
"""

from pydantic import ValidationError

from models.errors import InvalidInput, Problem
from tasks.plans import model_checks, plan_checks, playbook
from tasks.plans.kept import AnyPlan
from tasks.plans.model_plan import ModelPlan
from tasks.plans.yaml_text import Document, read


def parse(text: str) -> AnyPlan:
    """The plan of a YAML or JSON text.

    Raises:
        InvalidInput: its `problems` name every mistake, with path and line.
    """
    document = read(text)
    if document.problems or not isinstance(document.value, dict) or document.value.get("kind") != "model":
        return playbook.parse(text)
    plan = _model_plan(document)
    if document.problems or plan is None:
        raise InvalidInput("cannot use this plan", problems=document.problems)
    return plan


def problems(text: str) -> list[Problem]:
    """Everything that is wrong with the text; empty when it is a plan."""
    try:
        parse(text)
    except InvalidInput as error:
        return error.problems
    return []


def _model_plan(document: Document) -> ModelPlan | None:
    try:
        plan = ModelPlan.model_validate(document.value)
    except ValidationError as error:
        plan_checks.complain_of_form(document, error)
        return None
    model_checks.complain_of_contents(document, plan)
    return plan

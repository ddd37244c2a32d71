"""Templates and playbooks: what can be submitted, and what is wrong with what you wrote."""

from flask import Response
from flask_openapi import APIBlueprint, Tag

from models.errors import InvalidInput
from tasks.plans import catalog
from tasks.plans.plan_text import parse
from tasks.plans.playbook import check_inputs, dry_run, with_defaults
from webapp.api.gate import require
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.shapes import (
    Check,
    FieldProblemShape,
    NewCheck,
    PlannedCallShape,
    PlannedStepShape,
    TemplateDetail,
    TemplatePath,
    Templates,
    TemplateShape,
)
from webapp.api.tasks import playbook_text

part = APIBlueprint(
    "templates_api", __name__, url_prefix="/v1", abp_tags=[Tag(name="Templates")], abp_security=SIGNED_IN
)


@part.get("/templates", operation_id="listTemplates", responses=answers(_200=Templates))
def list_templates() -> Response:
    """List the templates that a task can be made from."""
    require("template:read")
    shapes = [TemplateShape.model_validate(template) for template in catalog.templates()]
    return sent(Templates(templates=shapes))


@part.get("/templates/<slug>", operation_id="showTemplate", responses=answers(404, _200=TemplateDetail))
def show_template(path: TemplatePath) -> Response:
    """Show a template with its steps."""
    require("template:read")
    template = catalog.find(path.slug)
    steps = [PlannedStepShape.model_validate(step) for step in template.plan.steps]
    plain = TemplateShape.model_validate(template)
    return sent(TemplateDetail(**plain.model_dump(), steps=steps))


@part.post("/playbooks/check", operation_id="checkPlaybook", responses=answers(400, 413, 415, _200=Check))
def check_playbook(body: NewCheck) -> Response:
    """Look a playbook over.

    Answers with every mistake, or with what each step would call; of a model plan nobody knows that before. Nothing
    is run and nothing is kept.
    """
    require("playbook:check")
    return sent(_checked(playbook_text(body.playbook) or "", body.inputs))


def _checked(text: str, inputs: dict[str, object]) -> Check:
    try:
        playbook = parse(text)
    except InvalidInput as error:
        problems = [FieldProblemShape(**{"line": None, **each}) for each in error.problems]
        return Check(is_valid=False, problems=problems, calls=[])
    # Without inputs the plan itself is asked about; its required inputs are for whoever runs it.
    wrong = check_inputs(playbook, with_defaults(playbook, inputs)) if inputs else []
    calls = [PlannedCallShape.model_validate(call) for call in dry_run(playbook, inputs)]
    shown = [FieldProblemShape(**{"line": None, **each}) for each in wrong]
    return Check(is_valid=not wrong, problems=shown, calls=calls)

"""A playbook: a plan as data.  Parse it, say everything that is wrong with it, show what it would call.

The format is explained in docs/reference/playbooks.md.  What must hold beyond its form: playbook_checks.py; line
numbers: yaml_text.py; what `{{ … }}` may contain: expressions.py.
"""

from typing import Any

from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from models.errors import InvalidInput, Problem
from models.states import Stage
from tasks.plans import expressions, playbook_checks, retry_fields
from tasks.plans.plan_fields import PlanFields
from tasks.plans.yaml_text import read
from tools.registry import find

MOST_STEPS = 500


class PlannedStep(BaseModel):
    """One step as the playbook says it."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    name: str = Field("", pattern=r"^([A-Za-z_][A-Za-z0-9_]{0,59})?$")
    title: str = Field("", max_length=200)
    stage: Stage
    tool: str
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")
    when: str | bool | None = None
    repeat: str | list[Any] | None = None
    limits: dict[str, Any] = Field(default_factory=dict)
    """As they were written; tools/limits.py reads them."""
    retry: dict[str, Any] = Field(default_factory=dict)
    """As it was written; retry_fields.py reads it."""
    approval: bool = False
    """Whether a person must approve its call."""


class Playbook(PlanFields):
    """A plan whose steps are known."""

    steps: list[PlannedStep] = Field(min_length=1, max_length=MOST_STEPS)

    def model_post_init(self, _context: Any) -> None:
        for position, step in enumerate(self.steps, 1):
            step.name = step.name or f"{step.tool.replace('.', '_')}_{position}"
            step.title = step.title or step.name.replace("_", " ").capitalize()

    @property
    def stages(self) -> list[Stage]:
        return [*dict.fromkeys(step.stage for step in self.steps), Stage.COMPLETE]


class PlannedCall(BaseModel):
    """What a step would call; an expression that only the run can know stands as it was written."""

    key: str
    title: str
    stage: Stage
    tool: str
    arguments: dict[str, Any]
    when: str | bool | None = None
    retry: dict[str, Any] = Field(default_factory=dict)
    """What the playbook and the step say of trying it again; empty where they say nothing."""
    approval: bool = False
    """Whether a person must approve it, whatever agent does it."""

    @property
    def retry_in_words(self) -> str:
        """Such as `5 attempts, first wait 10 s`."""
        return retry_fields.in_words(self.retry)


def parse(text: str) -> Playbook:
    """The playbook of a YAML or JSON text.

    Raises:
        InvalidInput: its `problems` name every mistake, with path and line.
    """
    playbook, found = _examine(text)
    if found or playbook is None:
        raise InvalidInput("cannot use this playbook", problems=found)
    return playbook


def problems(text: str) -> list[Problem]:
    """Everything that is wrong with the text; empty when it is a playbook."""
    return _examine(text)[1]


def check_inputs(playbook: PlanFields, inputs: dict[str, Any]) -> list[Problem]:
    """What is wrong with these inputs, one problem a field; paths begin with `inputs`."""
    validator = Draft202012Validator(playbook.inputs)
    return [
        Problem(path=".".join(["inputs", *map(str, _field_of(error))]), line=None, message=_said_plainly(error))
        for error in sorted(validator.iter_errors(inputs), key=lambda each: list(map(str, each.path)))
    ]


def with_defaults(playbook: PlanFields, inputs: dict[str, Any]) -> dict[str, Any]:
    """The inputs, and the schema's default for each one that was not given."""
    fields = playbook.inputs.get("properties", {})
    return {**{name: field["default"] for name, field in fields.items() if "default" in field}, **inputs}


def dry_run(playbook: PlanFields, inputs: dict[str, Any]) -> list[PlannedCall]:
    """What would be called with these inputs, in order; nothing is run.  Nobody knows that of a model plan."""
    if not isinstance(playbook, Playbook):
        return []
    names = {"inputs": with_defaults(playbook, inputs), "task": {"title": playbook.title}}
    return [
        PlannedCall(
            key=step.name,
            title=step.title,
            stage=step.stage,
            tool=step.tool,
            arguments=_as_far_as_known(step.with_, names),
            when=step.when,
            retry={**retry_fields.read(playbook.retry), **retry_fields.read(step.retry)},
            approval=step.approval or step.tool in playbook.approvals or find(step.tool).approval,
        )
        for step in playbook.steps
    ]


def _as_far_as_known(value: Any, names: dict[str, Any]) -> Any:
    if isinstance(value, dict):
        return {key: _as_far_as_known(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_far_as_known(item, names) for item in value]
    try:
        return expressions.render(value, names)
    except InvalidInput:
        return value


def _examine(text: str) -> tuple[Playbook | None, list[Problem]]:
    document = read(text)
    if document.problems:
        return None, document.problems
    if not isinstance(document.value, dict):
        document.complain((), "must be a mapping with `steps`")
        return None, document.problems
    try:
        playbook = Playbook.model_validate(document.value)
    except ValidationError as error:
        playbook_checks.complain_of_form(document, error)
        return None, document.problems
    playbook_checks.complain_of_contents(document, playbook)
    return playbook, document.problems


def _field_of(error: Any) -> list[str | int]:
    """The field that the person must mend: for a missing one its own name."""
    if error.validator == "required":
        # One error for each missing field, which only its message names.
        missing = [name for name in error.validator_value if error.message.startswith(f"{name!r} ")]
        return [*error.path, *missing[:1]]
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        unknown = [name for name in error.instance if name not in error.schema.get("properties", {})]
        return [*error.path, unknown[0]]
    return list(error.path)


def _said_plainly(error: Any) -> str:
    if error.validator == "required":
        return "is missing"
    if error.validator == "additionalProperties":
        return f"is not an input of this playbook; there are {', '.join(error.schema.get('properties', {})) or 'none'}"
    return str(error.message)

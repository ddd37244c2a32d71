"""A plan that is kept, as the text that a person would have written: what nobody needs to say is left out.

Used where a task is run again by its own plan: pages/new_task.py.  The formats: tasks/plans/playbook.py, model_plan.py.
"""

from typing import Any

import yaml
from pydantic import BaseModel

from tasks.plans.model_plan import ModelPlan
from tasks.plans.playbook import PlannedStep, Playbook

WIDEST = 1 << 20


def as_written(content: dict[str, Any]) -> str:
    """The plan as YAML, which reads back as the same plan."""
    if content.get("kind") == "model":
        return _yaml(_model_plan(content))
    top = _said(Playbook, content)
    top["steps"] = [_step(each, position) for position, each in enumerate(content["steps"], 1)]
    return _yaml(top)


def _yaml(top: dict[str, Any]) -> str:
    return yaml.dump(top, Dumper=_Legible, sort_keys=False, allow_unicode=True, width=WIDEST)


class _Legible(yaml.SafeDumper):
    """Writes texts of several lines as such, and never an alias, which no playbook may have."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Legible.add_representer(str, _text)


def _model_plan(content: dict[str, Any]) -> dict[str, Any]:
    without = ModelPlan().model_dump(mode="json")
    said = {name: value for name, value in content.items() if value != without.get(name)}
    if "budget" in said:
        said["budget"] = {name: value for name, value in said["budget"].items() if value is not None}
    return {"kind": "model", **said}


def _step(step: dict[str, Any], position: int) -> dict[str, Any]:
    said = _said(PlannedStep, step)
    bare = Playbook(steps=[PlannedStep(name=step.get("name", ""), stage=step["stage"], tool=step["tool"])]).steps[0]
    if said.get("title") == bare.title:
        del said["title"]
    if said.get("name") == f"{step['tool'].replace('.', '_')}_{position}":
        del said["name"]
    return said


def _said(model: type[BaseModel], values: dict[str, Any]) -> dict[str, Any]:
    """Those of the values that are not what the field is without being written."""
    without = {
        field.alias or name: field.get_default(call_default_factory=True) for name, field in model.model_fields.items()
    }
    return {name: value for name, value in values.items() if name not in without or value != without[name]}

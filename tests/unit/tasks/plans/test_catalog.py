"""Every template of the library is a plan that could run."""

import pytest

from models.errors import NotFound
from tasks.orders.inputs import source_field
from tasks.plans import catalog
from tasks.plans.model_plan import ModelPlan
from tools.registry import find as find_tool

SLUGS = [template.slug for template in catalog.templates()]


def test_library_has_its_templates() -> None:
    assert {"survey-code-base", "analyse-table", "research-question", "write-program"} <= set(SLUGS)


@pytest.mark.parametrize("slug", SLUGS)
def test_template_has_what_people_choose_it_by(slug: str) -> None:
    template = catalog.find(slug)
    assert template.plan.name == slug
    assert template.title and template.description and template.version
    assert 1 <= template.complexity <= 10
    fields = template.inputs["properties"]
    assert all(field.get("title") for field in fields.values())
    assert source_field(template.plan) in fields or isinstance(template.plan, ModelPlan)


@pytest.mark.parametrize("slug", SLUGS)
def test_files_that_a_templates_steps_run_are_brought_along(slug: str) -> None:
    playbook = catalog.find(slug).plan
    for step in playbook.steps:
        assert find_tool(step.tool)
        if step.tool == "python.run":
            assert step.with_["file"] in playbook.files


def test_unknown_template_is_not_found_with_those_that_there_are() -> None:
    with pytest.raises(NotFound) as missing:
        catalog.find("survey")
    assert missing.value.details["known"] == sorted(SLUGS)

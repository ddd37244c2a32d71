"""Tools are offered under names that every provider takes, within what plan and agent allow."""

import re

import pytest
from pydantic import ValidationError

from tasks.minds.offer import EnterStage, offer
from tools.registry import all_tools


def test_every_tool_has_a_name_of_its_own_that_providers_take() -> None:
    found = offer([tool.name for tool in all_tools()], None)
    names = [each.name for each in found.all]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in names)


def test_a_tool_is_found_by_its_name_there_and_here() -> None:
    found = offer(["files.write"], None)
    for name in ("files_write", "files.write"):
        assert found.find(name) is found.all[0]
    assert found.find("files_read") is None


def test_only_the_engine_says_that_the_work_is_complete() -> None:
    found = offer([], None).find("stage_enter")
    assert found is not None
    assert found.schema["properties"]["stage"]["enum"] == ["design", "build", "test", "review"]
    with pytest.raises(ValidationError):
        EnterStage.model_validate({"stage": "complete"})


def test_only_what_plan_and_agent_both_allow_is_offered() -> None:
    found = offer(["files.write", "python.run", "gone.tool"], ["files.write"])
    assert [each.tool for each in found.all] == ["files.write", "stage.enter", "task.finish"]

"""Tools are found by being there."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import tools
from models.errors import Misconfigured, NotFound
from tools import registry

NEW_TOOL = """
from tools.contract import Arguments, Effect, Tool, ToolResult, Values

class Echo(Tool):
    name = "{name}"
    purpose = "Say nothing."
    effect = Effect.PURE
    Input = Arguments
    Output = Values

    def run(self, call, context):
        return ToolResult()
"""


@pytest.fixture
def folder_of_tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose modules are part of the package `tools` for one test."""
    monkeypatch.setattr(tools, "__path__", [*tools.__path__, str(tmp_path)])
    registry.all_tools.cache_clear()
    yield tmp_path
    registry.all_tools.cache_clear()
    for path in tmp_path.glob("*.py"):
        sys.modules.pop(f"tools.{path.stem}", None)


def test_tool_is_added_by_adding_a_file(folder_of_tools: Path) -> None:
    (folder_of_tools / "added_echo.py").write_text(NEW_TOOL.format(name="echo.run"))
    assert registry.find("echo.run").purpose == "Say nothing."


def test_two_tools_of_one_name_are_refused(folder_of_tools: Path) -> None:
    (folder_of_tools / "added_twin.py").write_text(NEW_TOOL.format(name="files.read"))
    with pytest.raises(Misconfigured, match=r"files\.read"):
        registry.all_tools()


def test_unknown_tool_is_not_found_and_the_known_are_named() -> None:
    with pytest.raises(NotFound) as caught:
        registry.find("no.such")
    assert "python.run" in caught.value.details["known"]


def test_first_tools_are_there() -> None:
    assert {tool.name for tool in registry.all_tools()} >= {
        "archive.unpack", "files.delete", "files.list", "files.move", "files.read", "files.write",
        "python.run", "terminal.run",
    }  # fmt: skip

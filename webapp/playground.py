"""Try a tool once: its form, the task that it becomes, and what that came to.

A try is a real task of one step, so that sandbox, limits, queue and timeline are the real ones; its workspace is a new
one, in which at most the one file lies that the form brought.  The page: pages/playground.py.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from models.errors import InvalidInput, NotFound, Problem
from models.task import Task
from tasks.orders.submission import Order
from tools.contract import Effect, Tool
from tools.registry import all_tools, find
from webapp import schema_form

NAME = "playground"
LONG = frozenset({"code", "text", "stdin", "description"})
"""Fields in which people write more than a line."""
KEPT = ("type", "title", "description", "format", "enum")
"""What a plan needs to say of an input, so that the task can be run again with a form like this one."""
HIDDEN = ("drill.",)
"""Tools of exercises, which refuse without their ledger."""
FILE = "file.path"
CONTENT = "file.text"
EFFECTS = {
    Effect.PURE: "Changes nothing.",
    Effect.IDEMPOTENT: "Changes its workspace; twice is the same as once.",
    Effect.ONCE: "Has an effect that must not happen twice: what it does is real, also from here.",
}


def tools() -> list[Tool]:
    """Those that can be tried."""
    return [tool for tool in all_tools() if not tool.name.startswith(HIDDEN)]


def the_tool(name: str) -> Tool:
    """The tool of that name, if it can be tried.

    Raises:
        NotFound: there is none.
    """
    if name.startswith(HIDDEN):
        raise NotFound("cannot try this tool: it is for exercises", name=name)
    return find(name)


def schema_of(tool: Tool) -> dict[str, Any]:
    """The tool's input as JSON Schema, in the words that forms are made from."""
    whole = tool.Input.model_json_schema()
    fields = {name: _plain(name, each) for name, each in whole.get("properties", {}).items()}
    return {**whole, "properties": fields}


def _plain(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """A field that may be None is one that may be left out; one for long texts says so."""
    found = schema_form.plain(schema)
    return {**found, "format": "text"} if found.get("type") == "string" and name in LONG else found


def _loose(schema: dict[str, Any]) -> dict[str, Any]:
    """The field as a plan's inputs have it: the tool has checked the value, and checks it again."""
    return {name: schema[name] for name in KEPT if name in schema}


@dataclass
class Try:
    """What stands in the form of one tool."""

    tool: Tool
    inputs: dict[str, Any] = field(default_factory=dict)
    file: str = ""
    content: str = ""
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def sent(cls, tool: Tool, form: Mapping[str, str]) -> "Try":
        """What was sent, with everything that is wrong with it."""
        made = schema_form.inputs_of(schema_form.fields_of(schema_of(tool), {}), form)
        tried = cls(tool, made, form.get(FILE, "").strip(), form.get(CONTENT, "").replace("\r\n", "\n"))
        try:
            tool.parse(made)
        except InvalidInput as error:
            tried.problems = [_shown(each) for each in error.problems]
        return tried

    @classmethod
    def of(cls, task: Task) -> "Try":
        """As the task was made.

        Raises:
            NotFound: it is no try of a tool.
        """
        content = task.plan.content
        if content.get("name") != NAME or content.get("kind") == "model":
            raise NotFound("cannot show this task here: nobody tried a tool with it", task=task.id)
        file, text = next(iter(content.get("files", {}).items()), ("", ""))
        return cls(the_tool(content["steps"][0]["tool"]), dict(task.inputs), file, text)

    @property
    def fields(self) -> Sequence[schema_form.Field]:
        """The form's fields, with values and problems."""
        fields = schema_form.fields_of(schema_of(self.tool), self.inputs)
        schema_form.show_problems(fields, self.problems)
        return fields

    @property
    def order(self) -> Order:
        """The task that it becomes; what was typed is an input and no expression."""
        fields = schema_of(self.tool)["properties"]
        known = {name: _loose(each) for name, each in fields.items() if name in self.inputs}
        step = {
            "name": "try",
            "title": self.tool.name,
            "stage": "build",
            "tool": self.tool.name,
            "with": {name: f"{{{{ inputs.{name} }}}}" for name in self.inputs},
        }
        plan = {
            "name": NAME,
            "title": f"Playground: {self.tool.name}",
            "complexity": 1,
            "inputs": {"type": "object", "properties": known},
            "files": {self.file: self.content} if self.file else {},
            # Who tries something wants to see what happens, not what happens the third time.
            "retry": {"attempts": 1},
            "steps": [step],
        }
        return Order(playbook=json.dumps(plan), inputs=self.inputs)


def _shown(problem: Problem) -> Problem:
    """The problem as the rest of the form says such things."""
    path = problem["path"]
    return Problem(path=f"inputs.{path}" if path else "form", message=problem["message"])

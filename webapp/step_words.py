"""What a step called, in one line: the command as one would type it, or the tool's arguments in short."""

import shlex
from collections.abc import Mapping
from typing import Any

from models.step import Step, StepState
from webapp.amounts import counted

LONGEST = 400
# What tells most about a call, in this order.
TELLING = ("file", "path", "source", "target", "into", "code", "text", "content")


def command_of(step: Step) -> str:
    """The command line; cut at LONGEST characters."""
    said = _command(step.tool, step.arguments or {})
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 1]}…"


def noted(step: Step) -> str:
    """What a call said that only tells where the work stands, in a sentence; empty for every other step."""
    if step.state != StepState.SUCCEEDED:
        return ""
    arguments = step.arguments or {}
    if step.tool == "stage.enter":
        return f"It went on to the stage {arguments.get('stage', '')}."
    if step.tool == "task.finish":
        return "It said that the task is done." if arguments.get("success", True) else "It said that it cannot be done."
    return ""


def prompt_of(usage: Mapping[str, Any]) -> str:
    """The prompt that a model was asked with: `agent, version 3`."""
    prompt = usage.get("prompt")
    if isinstance(prompt, Mapping):
        return f"{prompt.get('name', '?')}, version {prompt.get('version', '?')}"
    return str(prompt or "")


def _command(tool: str, arguments: dict[str, Any]) -> str:
    command = arguments.get("command")
    if isinstance(command, list):
        return shlex.join(str(part) for part in command)
    if tool == "python.run":
        if "file" in arguments:
            return shlex.join(["python", str(arguments["file"]), *map(str, arguments.get("args") or [])])
        return "python -c " + shlex.quote(_first_line(str(arguments.get("code", ""))))
    if tool == "team.delegate" and isinstance(arguments.get("tasks"), list):
        return _parts(arguments["tasks"])
    known = [name for name in TELLING if name in arguments]
    names = known + [name for name in arguments if name not in known]
    return " ".join(f"{name}={_short(arguments[name])}" for name in names)


def _parts(parts: list[Any]) -> str:
    """`2 parts: North, South`."""
    titles = [_first_line(str(each.get("title", ""))) for each in parts if isinstance(each, Mapping)]
    named = ", ".join(title for title in titles if title)
    return f"{counted(len(parts), 'part')}{f': {named}' if named else ''}"


def _short(value: Any) -> str:
    if isinstance(value, list):
        value = ", ".join(map(str, value))
    text = _first_line(value if isinstance(value, str) else repr(value))
    return shlex.quote(text if len(text) <= 80 else f"{text[:79]}…")


def _first_line(text: str) -> str:
    lines = text.strip().splitlines()
    return f"{lines[0]} …" if len(lines) > 1 else "".join(lines)

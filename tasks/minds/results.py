"""What a model is told of a call that it made: the result as data from outside, its head and tail where it is long.

Kept in the step's row to the letter, so that a run that goes on tells the same.  The marks around it: prompts/agent.md.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from models.step import DONE_BY_PERSON, Step, StepState
from tasks.minds.fitting import fitted
from tasks.runs.outcome import StepOutcome

MOST_CHARS = 12_000
HEAD = 8_000
MOST_OF_VALUES = 10_000
"""What else is told, such as which files were written, has the rest."""
MOST_PATHS = 20
_MARK = re.compile(r"<(?=/?tool_result)", re.IGNORECASE)


def of_outcome(outcome: StepOutcome, tool: str, arguments: Mapping[str, Any], asked: Mapping[str, Any]) -> str:
    """What came of the call; `asked` are the arguments that the model gave, where a person changed them."""
    changed = f"A person changed the arguments to {_json(arguments)}." if dict(arguments) != dict(asked) else ""
    files = _files(outcome.changes)
    parts = [
        changed,
        outcome.error_message or "",
        _output(outcome.output),
        outcome.stdout,
        _stderr(outcome.stderr),
        files,
    ]
    return marked(tool, _status(outcome.state, outcome.exit_code), parts)


def of_row(row: Step) -> str:
    """The same of a row that has no text yet: a person ended its step."""
    if row.state != StepState.SUCCEEDED:
        return marked(row.tool, "failed", [row.error_message or "It failed."])
    output = {} if row.output == DONE_BY_PERSON else row.output
    parts = [_output(output), row.stdout, _stderr(row.stderr)]
    return marked(row.tool, "ok", parts if any(parts) else ["A person said that this was done."])


def marked(tool: str, status: str, parts: list[str]) -> str:
    """The parts between marks that none of them can end."""
    text = "\n".join(part.strip("\n") for part in parts if part.strip())
    return f'<tool_result tool="{tool}" status="{status}">\n{bounded(_MARK.sub("‹", text))}\n</tool_result>'


def bounded(text: str) -> str:
    """Its head and tail, and how much is left out between them."""
    if len(text) <= MOST_CHARS:
        return text
    tail = MOST_CHARS - HEAD
    return f"{text[:HEAD]}\n… {len(text) - MOST_CHARS:,} characters left out …\n{text[-tail:]}"


def _status(state: StepState, exit_code: int | None) -> str:
    if state is StepState.SUCCEEDED:
        return "ok"
    return "failed" if exit_code in (None, 0) else f"failed, exit code {exit_code}"


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False, default=str) if value else ""


def _output(values: Mapping[str, Any]) -> str:
    """The values as JSON, but for texts of several lines, which are easier to read as they are."""
    texts = {name: value for name, value in values.items() if isinstance(value, str) and "\n" in value}
    short = {name: value for name, value in values.items() if name not in texts}
    return "\n".join(
        [_json(fitted(short, MOST_OF_VALUES)), *(f"{name}:\n{text}" for name, text in texts.items())]
    ).strip("\n")


def _stderr(text: str) -> str:
    return f"Error output:\n{text}" if text.strip() else ""


def _files(changes: Mapping[str, list[str]]) -> str:
    said = []
    for how, paths in changes.items():
        if paths:
            more = f" and {len(paths) - MOST_PATHS} more" if len(paths) > MOST_PATHS else ""
            said.append(f"{how}: {', '.join(paths[:MOST_PATHS])}{more}")
    return f"Files {'; '.join(said)}" if said else ""

"""What was said and done so far, as the steps have it: answers of the model, and what became of each call in them.

An answer is the step `m3`; what it called are the steps `m3.1`, `m3.2`.  Read from the rows of earlier runs and kept
on by this one, in the same form.  What a model is sent of it: conversation.py.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from models.errors import InvalidInput
from models.step import CUT_SHORT, MODEL_CALL, Step, StepState
from tasks.minds import results
from tasks.spending.token_estimate import Counted

BAD_CALL = "bad_call"
"""Error code of a call that makes no sense: no such tool, or not with these arguments."""
CUT_ANSWER = "answer_cut"
"""Error code of what stands in an answer that was cut off by its length."""
ENDS_RUN = frozenset({"sandbox_unavailable", "misconfigured"}) | CUT_SHORT
"""Error codes of calls that are no result: the run ended with them, and the next one calls again."""
MOST_DEPTH = 100
"""Of arguments: no tool takes more, and what is much deeper cannot be kept."""


@dataclass(frozen=True)
class Called:
    """A call that an answer asks for, as it was written."""

    id: str
    name: str
    arguments: str
    """JSON, or what was meant to be."""


@dataclass(frozen=True)
class Act:
    """What became of a call, or of an answer that calls nothing."""

    key: str
    tool: str
    arguments: dict[str, Any]
    text: str
    """What the model is told of it."""
    epoch: int
    error_code: str | None = None
    reason: str = ""
    """What people read of a failure."""

    @property
    def is_bad(self) -> bool:
        """Whether the model has to mend what it said."""
        return self.error_code in (BAD_CALL, CUT_ANSWER)

    @property
    def digest(self) -> str:
        """The same for the same call with the same result."""
        return json.dumps([self.tool, self.arguments, self.error_code, self.text], sort_keys=True, default=str)


@dataclass
class Turn:
    """One answer, and what was done then."""

    number: int
    step_id: str
    epoch: int
    text: str
    calls: list[Called]
    finish_reason: str
    message: dict[str, Any]
    model: str
    """`provider/model`."""
    input_tokens: int
    output_tokens: int
    acts: list[Act] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"m{self.number}"

    def counted(self, messages: int) -> Counted | None:
        """What its server counted, after so many messages; None where it did not say."""
        return Counted(messages, self.input_tokens, self.output_tokens) if self.input_tokens else None


def turn_of(number: int, row: Step) -> Turn:
    """The answer that the row keeps."""
    kept, usage = row.output, row.usage
    return Turn(
        number,
        row.id,
        row.epoch,
        row.stdout,
        [Called(**call) for call in kept.get("calls", [])],
        kept.get("finish_reason", "stop"),
        kept["message"],
        usage.get("model", ""),
        usage.get("input_tokens") or 0,
        usage.get("output_tokens") or 0,
    )


def kept(answer: Any) -> dict[str, Any]:
    """What the row of an answer keeps of it, for `turn_of` and for whoever reads along."""
    return {
        "text": answer.text,
        "finish_reason": answer.finish_reason,
        "calls": [vars(call) for call in answer.calls],
        "message": answer.message,
    }


def act_of(row: Step) -> Act:
    """What the row says became of its call."""
    text = row.for_model if row.for_model is not None else results.of_row(row)
    return Act(row.key, row.tool, row.arguments, text, row.epoch, row.error_code, row.error_message or "")


def is_answered(row: Step | None) -> bool:
    """Whether the row is an answer that was given whole."""
    return row is not None and row.state == StepState.SUCCEEDED


def is_done(row: Step | None) -> bool:
    """Whether the row is of a call whose result the model was told, or is to be."""
    if row is None:
        return False
    if row.state == StepState.FAILED:
        return (row.error_code or "") not in ENDS_RUN
    return row.state in (StepState.SUCCEEDED, StepState.SKIPPED)


def stands(row: Step) -> bool:
    """Whether the next run takes what the row says."""
    return is_answered(row) if row.tool == MODEL_CALL else is_done(row)


def arguments_of(call: Called) -> dict[str, Any]:
    """The arguments of the call.

    Raises:
        InvalidInput: they are no JSON object, or one that is nested too deeply.
    """
    try:
        found = json.loads(call.arguments or "{}")
    except ValueError as error:
        raise InvalidInput(f"cannot read the arguments as JSON: {error}; send a JSON object") from error
    except RecursionError as error:
        raise _too_deep() from error
    if not isinstance(found, dict):
        raise InvalidInput("cannot use the arguments: they are no JSON object")
    if not _is_within(found, MOST_DEPTH):
        raise _too_deep()
    return found


def _too_deep() -> InvalidInput:
    return InvalidInput(f"cannot use the arguments: they are nested more than {MOST_DEPTH} deep; send flatter ones")


def _is_within(value: Any, depth: int) -> bool:
    """Whether it is nested at most so deep."""
    level = [value]
    for _ in range(depth):
        level = [item for each in level for item in _inside(each)]
        if not level:
            return True
    return False


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()

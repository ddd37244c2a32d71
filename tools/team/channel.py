"""team.say and team.read: the channel of a family, where its agents and people write to each other."""

from dataclasses import asdict
from typing import Any

from pydantic import Field

from tools.contract import Arguments, Context, Effect, Tool, ToolResult, Values

LONGEST = 4000
READ_AT_ONCE = 200


class Say(Tool):
    """Write to the channel."""

    name = "team.say"
    purpose = "Write a message to all who work on this task and its parts, and to the people who watch it."
    effect = Effect.IDEMPOTENT
    uses_workspace = False

    class Input(Arguments):
        text: str = Field(min_length=1, max_length=LONGEST, description="The message.")

    class Output(Values):
        number: int = Field(description="Of the message, to read on from.")

    def run(self, call: Input, context: Context) -> ToolResult:
        return ToolResult(output={"number": context.family.say(call.text).number})


class Read(Tool):
    """Read the channel."""

    name = "team.read"
    purpose = "Read what agents and people have written to the channel of this task and its parts."
    effect = Effect.PURE
    uses_workspace = False

    class Input(Arguments):
        since: int = Field(0, ge=0, description="Only messages with a higher number.")
        limit: int = Field(50, ge=1, le=READ_AT_ONCE, description="Most messages to read.")

    class Output(Values):
        messages: list[dict[str, Any]] = Field(description="number, author, title of its task, text, at.")
        last: int = Field(description="To be named as `since` the next time.")

    def run(self, call: Input, context: Context) -> ToolResult:
        found = [asdict(each) for each in context.family.messages(call.since, call.limit)]
        return ToolResult(output={"messages": found, "last": found[-1]["number"] if found else call.since})

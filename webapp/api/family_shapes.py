"""What goes into and comes out of the API about families; see shapes.py."""

from datetime import datetime
from uuid import UUID

from pydantic import Field

from models.states import State
from tools.team.channel import LONGEST, READ_AT_ONCE
from webapp.api.shapes import LARGEST_NUMBER, Answer, Question, TaskSummary


class MemberShape(TaskSummary):
    """A task of a family."""

    parent_id: UUID | None = Field(description="The task that handed it on; null for the first.")
    depth: int = Field(description="How often it was handed on.")


class ProgressShape(Answer):
    """Sums over all tasks of a family."""

    tasks: int
    ended: int
    states: dict[State, int] = Field(description="How many are in each state that occurs.")
    steps_done: int
    steps_total: int = Field(description="How many steps are planned so far.")
    calls: int = Field(description="How often models were called.")
    tokens: int = Field(description="Input and output together.")
    cost: float = Field(description="US dollars.")
    unpriced: int = Field(description="Calls whose price nobody knows; `cost` is without them.")


class FamilyShape(Answer):
    """A task, the parts that it handed on, the parts of those, and so on."""

    id: UUID = Field(description="Id of the first task.")
    progress: ProgressShape
    tasks: list[MemberShape] = Field(description="The first one first, each before its parts.")


class MessageQuery(Question):
    since: int = Field(0, ge=0, le=LARGEST_NUMBER, description="Only messages with a higher number.")
    limit: int = Field(50, ge=1, le=READ_AT_ONCE, description="Most messages of an answer.")
    newest: bool = Field(False, description="Of more than `limit` the newest instead of the first.")


class NewMessage(Question):
    """What is to be written to the channel."""

    text: str = Field(min_length=1, max_length=LONGEST)


class MessageShape(Answer):
    """A message of a family's channel."""

    number: int = Field(description="Grows, not without gaps.")
    author: str = Field(description="Who wrote it, such as `person:local` or `agent:scout`.")
    text: str
    at: datetime
    task_id: UUID = Field(description="The task of the family that it was written from.")
    title: str = Field(description="Of that task.")


class Messages(Answer):
    """Messages of a family's channel, in order."""

    messages: list[MessageShape]

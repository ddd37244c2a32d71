"""The script of a demo model: its answers, and when each of them fits.  Which one is given: choice.py.

A script is data (YAML or JSON) from a person who tries something out: every mistake in it is said with its place.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.errors import InvalidInput, Problem
from tools.mistakes import of_error

FIRST = Path(__file__).with_name("first_script.yaml")
"""What is played where no other script is named."""


def _readable(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


Pattern = Annotated[str, AfterValidator(_readable)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class When(_Part):
    """What must hold of a request, all of it; nothing named: any request."""

    model: str | list[str] | None = None
    turn: int | None = None
    """So many answers has the conversation."""
    prompt: str | None = None
    """Stands in what the system and the person said."""
    result: str | None = None
    """Stands in what the tools of the last answer returned."""
    results: int | None = None
    """So many results of tools has the conversation."""
    offers: str | None = None
    """The tool is offered."""


class ToolCall(_Part):
    """A call that the answer asks for; arguments that are text are sent as they stand, valid JSON or not."""

    name: str
    arguments: dict[str, Any] | str = Field(default_factory=dict)
    if_offered: bool = False
    """Leave the call out where the request offers no such tool."""


class Usage(_Part):
    """What the answer says that it used; what is not named is estimated from the texts."""

    input: int | None = None
    output: int | None = None
    cost: float | None = None
    """Dollars; said only by a server in the shape of OpenRouter."""
    missing: bool = False
    """Say nothing of it at all, as some servers do."""


class Answer(_Part):
    """One answer, or one way to fail."""

    name: str = ""
    when: When = When()
    times: int | None = Field(None, ge=1)
    """Only for the first so many requests with the very same conversation; then the next that fits."""
    find: Pattern = ""
    """A pattern in what the last tools returned: `${found}` is its first group, or all of it."""
    text: str = ""
    tool_calls: list[ToolCall] = []
    refusal: str = ""
    finish_reason: str | None = None
    usage: Usage = Usage()
    status: int = Field(200, ge=200, le=599)
    message: str = ""
    """Of an error."""
    retry_after_s: float | None = None
    break_after: int | None = Field(None, ge=0)
    """The connection breaks after so many pieces of the stream; one that does not stream breaks in its middle."""
    delay_s: float = Field(0, ge=0)
    """Before the first byte."""
    piece_delay_s: float = Field(0, ge=0)
    """Before each piece of a stream."""
    endless: bool = False
    """As the last turn: it is also the answer to every later one."""


class Play(_Part):
    """The answers for one conversation: rules come first, then the turns by their number."""

    about: Pattern = ""
    """A pattern in what the system and the person said: such conversations are played by this."""
    rules: list[Answer] = []
    turns: list[list[Answer]] = []

    @field_validator("turns", mode="before")
    @classmethod
    def _each_a_list(cls, turns: Any) -> Any:
        return [each if isinstance(each, list) else [each] for each in turns] if isinstance(turns, list) else turns


class Offer(_Part):
    """A model that the server says it has; prices are dollars for a million tokens."""

    id: str
    input_price: float | None = None
    output_price: float | None = None
    context_length: int = 32_768


class Script(Play):
    """All of it: what the server is like, and the plays.  Its own turns are for what no other is about."""

    shape: Literal["openai", "openrouter", "ollama"] = "openai"
    key: str | None = None
    """The API key that it asks for; None asks for none."""
    models: list[Offer] = [Offer(id="demo", input_price=0, output_price=0)]
    conversations: list[Play] = []

    @field_validator("models", mode="before")
    @classmethod
    def _names_are_offers(cls, models: Any) -> Any:
        if not isinstance(models, list):
            return models
        return [{"id": each} if isinstance(each, str) else each for each in models]

    def offer(self, model: str) -> Offer | None:
        """The model of that name."""
        return next((each for each in self.models if each.id == model), None)


def parse(value: Any) -> Script:
    """The script of this data; a bare list is its turns.

    Raises:
        InvalidInput: it is none; the problems say why, each with its place.
    """
    try:
        return Script.model_validate({"turns": value} if isinstance(value, list) else value)
    except ValidationError as error:
        problems = [Problem(path=".".join(map(str, each["loc"])), message=of_error(each)) for each in error.errors()]
        raise InvalidInput("cannot read the script: correct what is named", problems=problems) from error


def load(file: Path) -> Script:
    """The script in the file.

    Raises:
        InvalidInput: there is none in it.
    """
    try:
        return parse(yaml.safe_load(file.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InvalidInput(f"cannot read {file} as YAML: {error}") from error

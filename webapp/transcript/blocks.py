"""The parts that a transcript is made of, whatever it is written as."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.masking import Masks
from tools.terminal_text import harmless, plain

LONGEST = 40_000
"""Characters of one text; of a longer one the middle is left out."""


@dataclass(frozen=True)
class Heading:
    """`level` 2 is a part of the transcript, 3 a thing in it."""

    text: str
    level: int = 2
    tone: str = ""


@dataclass(frozen=True)
class Facts:
    """Names and values."""

    pairs: list[tuple[str, str]]


@dataclass(frozen=True)
class Words:
    """What people or models wrote; an answer of a model may use Markdown."""

    text: str
    is_answer: bool = False


@dataclass(frozen=True)
class Code:
    """What was given or printed, sign by sign; `is_long` may be folded away."""

    label: str
    text: str
    language: str = ""
    is_long: bool = False


@dataclass(frozen=True)
class Rows:
    """A table."""

    heads: list[str]
    rows: list[list[str]]
    note: str = ""


@dataclass(frozen=True)
class Part:
    """Blocks that belong together."""

    blocks: list["Block"] = field(default_factory=list)


Block = Heading | Facts | Words | Code | Rows | Part


def cut(text: str, masks: Masks) -> str:
    """The text without secrets; of a long one its first and its last part."""
    # Masked before it is cut: no mask finds half a secret.
    text = masks.text(plain(text))
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n… {len(text) - LONGEST:,} characters left out …\n{text[-half:]}"


def masked(blocks: Iterable[Block], masks: Masks) -> list[Block]:
    """The blocks without secrets, and without what would steer a terminal: every text of every block passes here."""
    return [_masked(each, masks) for each in blocks]


def _masked(block: Block, masks: Masks) -> Block:
    shown = {name: _inside(value, masks) for name, value in vars(block).items()}
    return type(block)(**shown)


def _inside(value: Any, masks: Masks) -> Any:
    match value:
        case str():
            return masks.text(harmless(value).replace("\r", ""))
        case tuple():
            return tuple(_inside(each, masks) for each in value)
        case list():
            return [_inside(each, masks) for each in value]
        case Heading() | Facts() | Words() | Code() | Rows() | Part():
            return _masked(value, masks)
    return value


def json_text(value: Any) -> str:
    """A value as JSON laid out for reading."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=str)


def facts(pairs: Sequence[tuple[str, object]]) -> Facts:
    """The pairs that have a value."""
    return Facts([(name, str(value)) for name, value in pairs if value not in (None, "")])

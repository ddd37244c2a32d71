"""One step of a transcript: a tool's call, or a model's with what it cost and said."""

from typing import Any

from models.step import MODEL_CALL, Step, StepState
from tasks.masking import Masks
from webapp.amounts import between, counted, duration, number, utc
from webapp.money import money
from webapp.transcript.blocks import Block, Code, Heading, Words, cut, facts, json_text
from webapp.words import state_word

FOLDED_FROM = 600
"""Longer texts are folded away where that is possible."""


def call(step: Step, index: int, masks: Masks) -> list[Block]:
    """The step that is told as the `index`-th."""
    pairs = [
        ("Tool", step.tool),
        ("State", state_word(step.state) + (", replaced by a retry or replay" if step.superseded_at else "")),
        ("Stage", step.stage),
        ("Began", utc(step.started_at)),
        ("Took", _took(step)),
        ("Exit code", step.exit_code),
        ("Attempt", step.attempt if step.attempt > 1 else None),
        *_usage(step.usage or {}),
        ("Files", _changes(step.changes or {})),
        ("Error", step.error_message),
    ]
    blocks: list[Block] = [Heading(f"{index}. {step.title}", 3, str(step.state)), facts(pairs)]
    if step.tool == MODEL_CALL:
        return blocks + _answer(step, masks)
    blocks += _code("Given", step.arguments, masks)
    blocks += _printed("Error output", step.stderr, masks)
    blocks += _printed("Output", step.stdout, masks)
    blocks += _code("Returned", step.output, masks)
    return blocks + _folded("What the model was told of it", step.for_model or "", masks)


def _answer(step: Step, masks: Masks) -> list[Block]:
    """What the model said; what it asked for follows as steps of their own, with their arguments."""
    output = step.output or {}
    pairs = [
        ("Asks for", ", ".join(str(each.get("name")) for each in output.get("calls", []))),
        ("Could call", ", ".join(map(str, (step.arguments or {}).get("tools", [])))),
        ("Ended by", output.get("finish_reason")),
    ]
    said: list[Block] = [Words(cut(step.stdout, masks), is_answer=True)] if step.stdout else []
    return [*said, facts(pairs)]


def _took(step: Step) -> str | None:
    if step.state == StepState.SKIPPED or step.finished_at is None:
        return None
    return duration((step.resources or {}).get("wall_s") or between(step.started_at, step.finished_at))


def _usage(usage: dict[str, Any]) -> list[tuple[str, object]]:
    if not usage:
        return []
    tokens = ", ".join(
        f"{number(usage[name])} {way}" for name, way in (("input_tokens", "in"), ("output_tokens", "out"))
        if usage.get(name) is not None
    )  # fmt: skip
    return [
        ("Model", usage.get("model")),
        ("Prompt", _prompt(usage.get("prompt"))),
        ("Tokens", tokens or "unknown"),
        ("Cost", money(usage.get("cost"))),
    ]


def _prompt(prompt: Any) -> str:
    if isinstance(prompt, dict):
        name, version, digest = (prompt.get(each) for each in ("name", "version", "digest"))
        return f"{name} version {version}" + (f" ({digest})" if digest else "")
    return str(prompt or "")


def _changes(changes: dict[str, list[str]]) -> str:
    said = [f"{counted(len(paths), 'file')} {how}: {', '.join(paths[:10])}" for how, paths in changes.items() if paths]
    return "; ".join(said)


def _code(label: str, value: Any, masks: Masks) -> list[Block]:
    if not value:
        return []
    text = cut(json_text(masks.value(value)), masks)
    return [Code(label, text, "json", len(text) > FOLDED_FROM)]


def _printed(label: str, text: str, masks: Masks) -> list[Block]:
    shown = cut(text or "", masks)
    return [Code(label, shown, "", len(shown) > FOLDED_FROM)] if shown.strip() else []


def _folded(label: str, text: str, masks: Masks) -> list[Block]:
    shown = cut(text, masks)
    return [Code(label, shown, "", is_long=True)] if shown.strip() else []

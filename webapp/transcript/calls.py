"""One step of a transcript: a tool's call, or a model's with what it cost and said."""

import json
from typing import Any

from models.step import Step, StepState
from tasks.masking import Masks
from webapp.amounts import between, counted, duration, number, utc
from webapp.money import money
from webapp.transcript.blocks import Block, Code, Heading, Words, cut, facts
from webapp.words import state_word

MODEL_CALL = "model.call"
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
    if step.tool == MODEL_CALL and (said := said_in(step.output or {})):
        blocks.append(Words(cut(said), is_answer=True))
    blocks += _code("Given", masks.value(step.arguments or {}))
    blocks += _printed("Error output", step.stderr)
    blocks += _printed("Output", step.stdout)
    return blocks + _code("Returned", masks.value(step.output or {}))


def said_in(output: dict[str, Any]) -> str:
    """The text of a model's answer."""
    return str(output.get("text") or "")


def _took(step: Step) -> str | None:
    if step.state == StepState.SKIPPED or step.finished_at is None:
        return None
    return duration((step.resources or {}).get("wall_s") or between(step.started_at, step.finished_at))


def _usage(usage: dict[str, Any]) -> list[tuple[str, object]]:
    if not usage:
        return []
    model = "/".join(str(usage[name]) for name in ("provider", "model") if usage.get(name))
    tokens = ", ".join(
        f"{number(usage[name])} {way}" for name, way in (("input_tokens", "in"), ("output_tokens", "out"))
        if usage.get(name) is not None
    )  # fmt: skip
    return [
        ("Model", model),
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


def _code(label: str, value: Any) -> list[Block]:
    if not value:
        return []
    text = cut(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    return [Code(label, text, "json", len(text) > FOLDED_FROM)]


def _printed(label: str, text: str) -> list[Block]:
    shown = cut(text or "")
    return [Code(label, shown, "", len(shown) > FOLDED_FROM)] if shown.strip() else []

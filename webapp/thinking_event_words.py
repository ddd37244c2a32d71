"""What happens around models, their providers and what they may cost, as sentences for people.

Other kinds of events: event_words.py, other_event_words.py, which takes these up.
"""

from collections.abc import Callable, Mapping
from typing import Any

from webapp.amounts import duration, number
from webapp.money import money

Data = Mapping[str, Any]
LIMITS: dict[str, tuple[str, Callable[[Any], str]]] = {
    "max_cost": ("money", money),
    "max_tokens": ("tokens", number),
    "max_calls": ("model calls", number),
    "max_wall_ms": ("time", lambda most: duration(most / 1000)),
}


def _budget(data: Data) -> str:
    before, after = data.get("before") or {}, data.get("after") or {}
    said = [
        f"{title} {_amount(before.get(name), say)} → {_amount(after.get(name), say)}"
        for name, (title, say) in LIMITS.items()
        if before.get(name) != after.get(name)
    ]
    whose = {"day": "of a day", "agent": "of the agent, each day"}.get(str(data.get("budget")), "")
    return f"Budget{' ' + whose if whose else ''} changed: {', '.join(said) or 'nothing'}."


def _amount(most: Any, say: Callable[[Any], str]) -> str:
    return "none" if most is None else say(most)


def _model(data: Data) -> str:
    return str(data.get("after") or "the one that covers the complexity")


def _tested(data: Data) -> str:
    if data.get("error"):
        return f"Tested: {str(data['error']).rstrip('.')}."
    return f"Tested: it answers, and lists {number(int(data.get('models') or 0))} models."


def _of(words: str) -> Callable[[Data], str]:
    return lambda data: words.format(provider=data.get("provider", "a provider"), model=data.get("model", "a model"))


SENTENCES: dict[str, Callable[[Data], str]] = {
    "budget.changed": _budget,
    "agent.model_changed": lambda data: f"Thinks with {_model(data)}.",
    "provider.added": _of("Provider {provider} added."),
    "provider.changed": _of("Provider {provider} changed."),
    "provider.tested": _tested,
    "provider.disabled": _of("Provider {provider} switched off."),
    "provider.enabled": _of("Provider {provider} switched on."),
    "provider.removed": _of("Provider {provider} removed."),
    "provider.encrypted_again": _of("The credential of {provider} was encrypted again."),
    "provider.model_added": _of("Model {model} of {provider} added."),
    "provider.model_changed": _of("Model {model} of {provider} changed."),
    "provider.model_disabled": _of("Model {model} of {provider} switched off."),
    "provider.model_enabled": _of("Model {model} of {provider} switched on."),
    "provider.model_removed": _of("Model {model} of {provider} removed."),
}

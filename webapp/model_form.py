"""The forms of a provider and of a model: what was typed, read as tasks/providers/ wants it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from models.errors import Problem
from models.provider import LanguageModel, ProviderKind
from tasks.providers.records import USUAL_URLS
from webapp.limit_form import begun
from webapp.money import price_typed
from webapp.thinking_form import whole

__all__ = ["FIELDS", "KINDS", "Kind", "begun", "read", "sent", "typed"]

PRICES = ("input_price", "output_price")
WHOLE = ("complexity_min", "complexity_max", "output_tokens", "context_tokens")
FIELDS = (*PRICES, *WHOLE)


@dataclass(frozen=True)
class Kind:
    """One kind of provider, as it is chosen."""

    value: ProviderKind
    title: str
    short: str
    words: str
    name: str
    """What a provider of it is called unless somebody says otherwise."""
    key_hint: str

    @property
    def base_url(self) -> str:
        return USUAL_URLS.get(self.value, "")


KINDS = (
    Kind(
        ProviderKind.OPENROUTER, "OpenRouter", "OpenRouter",
        "Hundreds of models of many makers, by one account and one key.",
        "openrouter", "From openrouter.ai, under Keys.",
    ),
    Kind(
        ProviderKind.OLLAMA, "Ollama on this host", "Ollama", "Models that run on your own machine. They cost nothing.",
        "ollama", "Ollama asks for none.",
    ),
    Kind(
        ProviderKind.OPENAI, "Another server", "OpenAI protocol",
        "Any server that speaks the OpenAI protocol: vLLM, llama.cpp, LM Studio, a company's gateway.",
        "server", "Leave it empty where the server asks for none.",
    ),
)  # fmt: skip


def typed(model: LanguageModel) -> dict[str, str]:
    """The model as somebody would type it."""
    prices = {name: price_typed(getattr(model, name)) for name in PRICES}
    numbers = {name: getattr(model, name) for name in WHOLE}
    return prices | {name: "" if number is None else str(number) for name, number in numbers.items()}


def sent(form: Mapping[str, str]) -> dict[str, str]:
    """What was sent, as it was typed."""
    return {name: form.get(name, "").strip() for name in FIELDS}


def read(form: Mapping[str, str]) -> tuple[dict[str, Any], list[Problem]]:
    """The changes for provider_models.change, and what cannot be read; an empty price is an unknown one."""
    text = sent(form)
    values: dict[str, Any] = {name: text[name] or None for name in PRICES}
    wrong: list[Problem] = []
    for name in WHOLE:
        try:
            values[name] = whole(text[name]) if text[name] else None
        except ValueError as error:
            wrong.append(Problem(path=name, line=None, message=str(error)))
    return values, wrong

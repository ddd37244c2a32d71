"""Providers and their models as rows, for tests."""

from typing import Any

from models import scope
from models.database import writing
from models.provider import LanguageModel, Provider, ProviderKind

FREE = {"input_price": 0, "output_price": 0}


def configure(base_url: str = "http://127.0.0.1:9/v1", *models: str, name: str = "local", **columns: Any) -> None:
    """Write a provider with these models, each asked before the next; `columns` are those of every model.

    They cost nothing unless told: one whose price nobody knows needs a limit in tokens.
    """
    forget(name)
    with scope.acting("person:alice"), writing() as session:
        provider = Provider(name=name, kind=ProviderKind.OPENAI, base_url=base_url)
        for position, model in enumerate(models or ("small",)):
            provider.models.append(LanguageModel(name=model, position=position, **{**FREE, **columns}))
        session.add(provider)


def forget(*names: str) -> None:
    """Delete the providers of these names, all without one."""
    with scope.acting("person:alice"), writing() as session:
        found = session.query(Provider)
        for provider in found.filter(Provider.name.in_(names)) if names else found:
            session.delete(provider)

"""Who offers language models, and which tasks may use: `client.providers.add("local", "ollama")`, `.test(…)`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Shape


@dataclass(frozen=True, kw_only=True)
class LanguageModel(Shape):
    """A model; prices are US dollars per million tokens, None where they are unknown."""

    id: str
    name: str
    full_name: str
    input_price: float | None = None
    output_price: float | None = None
    output_tokens: int = 0
    context_tokens: int | None = None
    complexity_min: int = 1
    complexity_max: int = 10
    position: int = 0
    is_disabled: bool = False


@dataclass(frozen=True, kw_only=True)
class Provider(Shape):
    """A server of models; `credential` is masked, None where it has none."""

    name: str
    kind: str
    base_url: str
    credential: str | None = None
    is_disabled: bool = False
    tested_at: datetime | None = None
    test_error: str | None = None
    models: list[LanguageModel] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class ProviderTest(Shape):
    """What a test found; `error` says what is wrong and what to do, None where all is well."""

    is_reachable: bool
    is_accepted: bool | None
    models: int
    error: str | None


@dataclass(frozen=True, kw_only=True)
class OfferedModel(Shape):
    """A model as its provider lists it; None is not said, and never free."""

    name: str
    input_price: float | None = None
    output_price: float | None = None
    context_tokens: int | None = None
    output_tokens: int | None = None


class Providers:
    """The providers of one installation."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Provider]:
        """Every provider by name, each with its models in the order in which they are asked."""
        found = self._connection.json("GET", "/v1/providers", is_safe=True)
        return [_provider(each) for each in found["providers"]]

    def named(self, name: str) -> Provider:
        """The provider of that name."""
        return _provider(self._connection.json("GET", _path(name), is_safe=True))

    def add(self, name: str, kind: str = "openai", base_url: str = "", credential: str | None = None) -> Provider:
        """Add a provider: "openrouter", "ollama", or "openai" for any server that speaks like it."""
        body = {"name": name, "kind": kind, "base_url": base_url, "credential": credential}
        return _provider(self._connection.json("POST", "/v1/providers", json=body))

    def change(self, name: str, *, base_url: str | None = None, credential: str | None = None) -> Provider:
        """Give it another address, with the credential again, or another credential; "" takes it away."""
        return self._change(name, {"base_url": base_url, "credential": credential})

    def disable(self, name: str) -> Provider:
        """Have none of its models asked for now."""
        return self._change(name, {"is_disabled": True})

    def enable(self, name: str) -> Provider:
        """Have its models asked again."""
        return self._change(name, {"is_disabled": False})

    def remove(self, name: str) -> None:
        """Forget it, its models and its credential."""
        self._connection.json("DELETE", _path(name))

    def test(self, name: str) -> ProviderTest:
        """Ask its server whether it is there and takes the credential; no model is called."""
        return ProviderTest.read(self._connection.json("POST", f"{_path(name)}/test", json={}))

    def offered(self, name: str) -> list[OfferedModel]:
        """The models that its server offers."""
        found = self._connection.json("GET", f"{_path(name)}/offered", is_safe=True)
        return [OfferedModel.read(each) for each in found["models"]]

    def models(self) -> list[LanguageModel]:
        """The models of all providers in the order in which they are asked."""
        found = self._connection.json("GET", "/v1/models", is_safe=True)
        return [LanguageModel.read(each) for each in found["models"]]

    def model(self, model_id: str) -> LanguageModel:
        """The model with this id."""
        return LanguageModel.read(self._connection.json("GET", f"/v1/models/{model_id}", is_safe=True))

    def add_model(self, provider: str, name: str, **fields: Any) -> LanguageModel:
        """Let tasks be done with this model; `fields` as `LanguageModel` has them, prices in dollars."""
        body = {"name": name, **fields}
        return LanguageModel.read(self._connection.json("POST", f"{_path(provider)}/models", json=body))

    def take_over(self, provider: str, names: Sequence[str]) -> list[LanguageModel]:
        """Add these models of the provider's own list, with its prices."""
        body = {"models": list(names)}
        found = self._connection.json("POST", f"{_path(provider)}/models/take-over", json=body)
        return [LanguageModel.read(each) for each in found["models"]]

    def change_model(self, model_id: str, **fields: Any) -> LanguageModel:
        """Set these fields of the model; `is_disabled` too."""
        return LanguageModel.read(self._connection.json("PATCH", f"/v1/models/{model_id}", json=fields))

    def remove_model(self, model_id: str) -> None:
        """Forget the model."""
        self._connection.json("DELETE", f"/v1/models/{model_id}")

    def encrypt_again(self) -> int:
        """Encrypt every credential by the first of the keys; how many there are."""
        return int(self._connection.json("POST", "/v1/providers/encrypt-again", json={})["credentials"])

    def _change(self, name: str, given: dict[str, Any]) -> Provider:
        body = {key: value for key, value in given.items() if value is not None}
        return _provider(self._connection.json("PATCH", _path(name), json=body))


def _provider(value: dict[str, Any]) -> Provider:
    read = [LanguageModel.read(each) for each in value.get("models", ())]
    return replace(Provider.read({**value, "models": read}), raw=value)


def _path(name: str) -> str:
    return f"/v1/providers/{quote(name, safe='')}"

"""What goes into and comes out of the API about providers and their models.  A credential only ever goes in."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from models.money import MICRO
from models.provider import LanguageModel, Provider, ProviderKind
from tasks.providers import records as providers
from tasks.providers.answers import Found, Offered
from webapp.api.shapes import LARGEST_NUMBER, Answer, Complexity, Question

Price = Annotated[
    str | float | None,
    Field(description="US dollars per million tokens; null where it is unknown, 0 where it costs nothing."),
]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
Position = Annotated[int, Field(ge=0, le=1_000_000)]
Credential = Annotated[str, Field(description="The key that its server asks for; kept encrypted, never shown again.")]


class ProviderPath(Question):
    name: str = Field(description="The provider's name.", min_length=1, max_length=80, pattern=r"^[a-z0-9][a-z0-9_-]*$")


class ModelPath(Question):
    id: UUID


class NewProvider(Question):
    name: str = Field(description="Small letters, digits, - and _; models are called `provider/model`.")
    kind: str = Field("openai", description="`openrouter`, `ollama`, or `openai`: any server that speaks as it does.")
    base_url: str = Field("", description="Its address, `/v1` included; empty: the usual one of its kind.")
    credential: Credential | None = None


class ProviderChange(Question):
    """What is left out stays."""

    base_url: str | None = None
    credential: Credential | None = Field(None, description="Empty takes it away; a new address wants it again.")
    is_disabled: bool | None = None


class NewModel(Question):
    name: str = Field(description="As its provider calls it.", max_length=1000)
    input_price: Price = None
    output_price: Price = None
    output_tokens: Tokens = Field(4096, description="Most that one answer may have; so much is reserved for each call.")
    context_tokens: Tokens | None = None
    complexity_min: Complexity = 1
    complexity_max: Complexity = 10
    position: Position | None = Field(None, description="The lowest is asked first; null: behind all others.")


class ModelChange(Question):
    """What is left out stays; null says of a price or of `context_tokens` that it is unknown, else it is refused."""

    input_price: Price = None
    output_price: Price = None
    output_tokens: Tokens | None = None
    context_tokens: Tokens | None = None
    complexity_min: Complexity | None = None
    complexity_max: Complexity | None = None
    position: Position | None = None
    is_disabled: bool | None = None


class TakeOver(Question):
    models: list[str] = Field(description="Names as the provider's list has them.", min_length=1, max_length=200)


class ModelShape(Answer):
    id: str
    name: str
    full_name: str = Field(description="`provider/model`, as tasks and agents name it.")
    input_price: float | None = Field(description="US dollars per million tokens; null is unknown, never free.")
    output_price: float | None
    output_tokens: int
    context_tokens: int | None
    complexity_min: int
    complexity_max: int
    position: int
    is_disabled: bool


class ProviderShape(Answer):
    name: str
    kind: ProviderKind
    base_url: str
    credential: str | None = Field(description="Masked: its end alone; null where it has none.")
    is_disabled: bool
    tested_at: datetime | None
    test_error: str | None = Field(description="What the last test said; null where it went well or there was none.")
    models: list[ModelShape]


class ProviderList(Answer):
    providers: list[ProviderShape]


class TestShape(Answer):
    is_reachable: bool
    is_accepted: bool | None = Field(description="Whether it took the credential; null where it was not asked for.")
    models: int = Field(description="How many models it lists.")
    error: str | None = Field(description="What is wrong, and what to do; null where all is well.")


class OfferedShape(Answer):
    name: str
    input_price: float | None = Field(description="US dollars per million tokens; null where its list does not say.")
    output_price: float | None
    context_tokens: int | None
    output_tokens: int | None


class OfferedList(Answer):
    models: list[OfferedShape]


class ModelList(Answer):
    models: list[ModelShape]


class EncryptedAgain(Answer):
    credentials: int = Field(description="How many are encrypted by the first key now.", le=LARGEST_NUMBER)


def of_provider(provider: Provider) -> ProviderShape:
    """The provider, its credential masked."""
    same = {name: getattr(provider, name) for name in ("name", "kind", "base_url", "tested_at", "test_error")}
    models = [of_model(provider.name, each) for each in provider.models]
    about: dict[str, Any] = {**same, "credential": providers.masked(provider), "models": models}
    return ProviderShape(**about, is_disabled=provider.disabled_at is not None)


def of_model(provider_name: str, model: LanguageModel) -> ModelShape:
    """The model, its prices in dollars."""
    made = {"full_name", "input_price", "output_price", "is_disabled"}
    same = {name: getattr(model, name) for name in ModelShape.model_fields if name not in made}
    about: dict[str, Any] = {**same, **_prices(model), "full_name": f"{provider_name}/{model.name}"}
    return ModelShape(**about, is_disabled=model.disabled_at is not None)


def of_offered(offered: Offered) -> OfferedShape:
    """What the provider's list says, its prices in dollars."""
    about: dict[str, Any] = {"name": offered.name, **_prices(offered)}
    return OfferedShape(**about, context_tokens=offered.context_tokens, output_tokens=offered.output_tokens)


def of_test(found: Found) -> TestShape:
    """What a test found."""
    return TestShape.model_validate(found)


def _prices(model: LanguageModel | Offered) -> dict[str, float | None]:
    prices = {"input_price": model.input_price, "output_price": model.output_price}
    return {name: None if price is None else price / MICRO for name, price in prices.items()}

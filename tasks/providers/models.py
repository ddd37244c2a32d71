"""The models of a provider: which tasks each is for, what it costs, in which order they are asked.  Within `acting(…)`.

Prices are written as people know them, dollars per million tokens, and kept as whole micro-dollars.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session, joinedload

from models.columns import new_id, now
from models.database import reading, writing
from models.errors import InvalidInput, NotFound, Problem
from models.money import micro_dollars
from models.provider import LanguageModel, Provider, ProviderKind
from tasks.providers.answers import Offered
from tasks.providers.records import locked, offered, problem, written

LONGEST_NAME = 200
MOST_TOKENS = 100_000_000
USUAL_OUTPUT_TOKENS = 4096


@dataclass(frozen=True)
class ModelWanted:
    """A model as somebody describes it; the values may be wrong."""

    name: str
    input_price: str | float | None = None
    """Dollars per million tokens; None where it is unknown, 0 where it costs nothing."""
    output_price: str | float | None = None
    output_tokens: int = USUAL_OUTPUT_TOKENS
    context_tokens: int | None = None
    complexity_min: int = 1
    complexity_max: int = 10
    position: int | None = None
    """None: behind all others."""


def add(provider_name: str, wanted: ModelWanted) -> LanguageModel:
    """Let tasks be done with a model of the provider; one of Ollama costs nothing unless something is said.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
        NotFound: there is no such provider.
    """
    with writing() as session:
        return _add(session, locked(session, provider_name), wanted)


def change(provider_name: str, name: str, changes: Mapping[str, Any]) -> LanguageModel:
    """Set these fields of `ModelWanted` but the name; the others stay.

    Raises:
        InvalidInput: its `problems` name every field that is wrong.
        NotFound: there is no such provider or model.
    """
    with writing() as session:
        provider = locked(session, provider_name)
        model = _found(session, provider, name)
        known = {key: getattr(model, key) for key in _WHOLE}
        read, found = _columns({**known, **changes})
        found += [
            problem(key, "cannot be changed; there is no such field") for key in changes if key not in _CHANGEABLE
        ]
        if found:
            raise InvalidInput(f"cannot change the model {name}", problems=found)
        values = {key: read[key] for key in changes}
        return _write(session, provider, model, "provider.model_changed", **values) if values else model


def disable(provider_name: str, name: str) -> LanguageModel:
    """Have it not asked any more.

    Raises:
        NotFound: there is no such provider or model.
    """
    return _set_disabled(provider_name, name, "provider.model_disabled", is_disabled=True)


def enable(provider_name: str, name: str) -> LanguageModel:
    """Have it asked again.

    Raises:
        NotFound: there is no such provider or model.
    """
    return _set_disabled(provider_name, name, "provider.model_enabled", is_disabled=False)


def remove(provider_name: str, name: str) -> None:
    """Forget the model; what was spent with it stays.

    Raises:
        NotFound: there is no such provider or model.
    """
    with writing() as session:
        provider = locked(session, provider_name)
        model = _found(session, provider, name)
        gone = delete(LanguageModel).where(LanguageModel.id == model.id)
        session.execute(gone.execution_options(synchronize_session=False))
        written(session, provider, "provider.model_removed", {"model": name})


def take_over(provider_name: str, names: Sequence[str]) -> list[LanguageModel]:
    """Add these models of the provider's own list with what it says of them; those that are there get its prices.

    Raises:
        InvalidInput: its list has no such model.
        ServiceUnavailable, ToolFailed: it does not answer, or not with a list.
        NotFound: there is no such provider.
    """
    known = {each.name: each for each in offered(provider_name)}
    missing = [problem(f"models[{at}]", f"it offers no {name}") for at, name in enumerate(names) if name not in known]
    if missing:
        raise InvalidInput(f"cannot add models of {provider_name}", problems=missing)
    with writing() as session:
        provider = locked(session, provider_name)
        return [_take_over(session, provider, known[name]) for name in dict.fromkeys(names)]


def one(model_id: str) -> LanguageModel:
    """The model with this id, its provider beside it.

    Raises:
        NotFound: there is none.
    """
    with reading() as session:
        found = select(LanguageModel).where(LanguageModel.id == model_id).options(joinedload(LanguageModel.provider))
        model = session.scalars(found).one_or_none()
    if model is None:
        raise NotFound("cannot find the model: there is none with this id", model=model_id)
    return model


def _take_over(session: Session, provider: Provider, told: Offered) -> LanguageModel:
    prices = {"input_price": told.input_price, "output_price": told.output_price}
    found = session.scalars(_named(provider, told.name)).one_or_none()
    if found is not None:
        # A price that the list does not say is no news; one that a person wrote stays.
        known = {key: value for key, value in prices.items() if value is not None}
        return _write(session, provider, found, "provider.model_changed", context_tokens=told.context_tokens, **known)
    most = min(USUAL_OUTPUT_TOKENS, told.output_tokens or USUAL_OUTPUT_TOKENS)
    wanted = ModelWanted(told.name, output_tokens=most, context_tokens=told.context_tokens)
    return _add(session, provider, wanted, **{key: value for key, value in prices.items() if value is not None})


def _add(session: Session, provider: Provider, wanted: ModelWanted, **known: int) -> LanguageModel:
    """Add what is wanted; `known` are columns as they are kept."""
    values, found = _columns(asdict(wanted))
    name = wanted.name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        found.append(problem("name", "write the model's name as its provider calls it, such as gpt-oss:20b"))
    elif session.scalars(_named(provider, name)).one_or_none() is not None:
        found.append(problem("name", "the provider has this model already"))
    if found:
        raise InvalidInput(f"cannot add this model to {provider.name}", problems=found)
    if provider.kind == ProviderKind.OLLAMA:
        values |= {key: 0 for key in _PRICES if values[key] is None}
    if values["position"] is None:
        values["position"] = (session.scalar(select(func.max(LanguageModel.position))) or 0) + 1
    model = LanguageModel(id=new_id(), provider_id=provider.id, tenant=provider.tenant, **{**values, **known})
    model.name = name
    session.add(model)
    session.flush()
    written(session, provider, "provider.model_added", _told(model))
    return model


def _columns(wanted: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The columns, and what is wrong."""
    values: dict[str, Any] = {}
    found: list[Problem] = []
    for name in _PRICES:
        written_price = wanted.get(name)
        try:
            values[name] = None if written_price in (None, "") else micro_dollars(written_price)
        except ValueError as error:
            found.append(problem(name, f"{error}, per million tokens"))
    for name, (least, most) in _WHOLE.items():
        values[name] = number = wanted.get(name)
        if number is None and name in ("context_tokens", "position"):
            continue
        if not isinstance(number, int) or isinstance(number, bool) or not least <= number <= most:
            found.append(problem(name, f"must be a whole number from {least} to {most:,}"))
    if not found and values["complexity_min"] > values["complexity_max"]:
        found.append(problem("complexity_max", "must not be below complexity_min"))
    return values, found


def _set_disabled(provider_name: str, name: str, kind: str, *, is_disabled: bool) -> LanguageModel:
    with writing() as session:
        provider = locked(session, provider_name)
        model = _found(session, provider, name)
        if (model.disabled_at is not None) == is_disabled:
            return model
        return _write(session, provider, model, kind, disabled_at=now() if is_disabled else None)


def _write(session: Session, provider: Provider, model: LanguageModel, kind: str, **values: Any) -> LanguageModel:
    changed = update(LanguageModel).where(LanguageModel.id == model.id).values(values).returning(LanguageModel)
    options = {"synchronize_session": False, "populate_existing": True}
    model = session.scalars(changed.execution_options(**options)).one() if values else model
    written(session, provider, kind, _told(model))
    return model


def _told(model: LanguageModel) -> dict[str, Any]:
    return {"model": model.name, **{name: getattr(model, name) for name in (*_PRICES, *_WHOLE)}}


def _named(provider: Provider, name: str) -> Any:
    return select(LanguageModel).where(LanguageModel.provider_id == provider.id, LanguageModel.name == name)


def _found(session: Session, provider: Provider, name: str) -> LanguageModel:
    model: LanguageModel | None = session.scalars(_named(provider, name)).one_or_none()
    if model is None:
        raise NotFound("cannot find the model: its provider has none of that name here", model=name)
    return model


_PRICES = ("input_price", "output_price")
_WHOLE = {
    "output_tokens": (1, MOST_TOKENS),
    "context_tokens": (1, MOST_TOKENS),
    "complexity_min": (1, 10),
    "complexity_max": (1, 10),
    "position": (0, 1_000_000),
}
_CHANGEABLE = (*_PRICES, *_WHOLE)

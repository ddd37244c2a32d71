"""Providers of language models: add, change, test and remove them, and the models that tasks may think with."""

from collections.abc import Set

from flask import Response, url_for
from flask_openapi import APIBlueprint, Tag

from models.errors import InvalidInput, Problem
from models.provider import LanguageModel, Provider
from tasks.providers import models as provider_models
from tasks.providers import records as providers
from tasks.providers.models import ModelWanted
from webapp.api.gate import require
from webapp.api.provider_shapes import (
    EncryptedAgain,
    ModelChange,
    ModelList,
    ModelPath,
    ModelShape,
    NewModel,
    NewProvider,
    OfferedList,
    ProviderChange,
    ProviderList,
    ProviderPath,
    ProviderShape,
    TakeOver,
    TestShape,
    of_model,
    of_offered,
    of_provider,
    of_test,
)
from webapp.api.reference import SIGNED_IN, answers, sent
from webapp.api.schedule_shapes import NothingMore
from webapp.api.shapes import Question

part = APIBlueprint(
    "providers_api", __name__, url_prefix="/v1", abp_tags=[Tag(name="Providers")], abp_security=SIGNED_IN
)


@part.get("/providers", operation_id="listProviders", responses=answers(_200=ProviderList))
def list_providers() -> Response:
    """List the providers by name, each with its models in the order in which they are asked."""
    require("provider:read")
    return sent(ProviderList(providers=[of_provider(each) for each in providers.listed()]))


@part.post("/providers", operation_id="addProvider", responses=answers(400, 413, 415, _201=ProviderShape))
def add_provider(body: NewProvider) -> Response:
    """Add a provider; it has no models yet."""
    require("provider:change")
    made = providers.create(providers.Wanted(body.name, body.kind, body.base_url, body.credential))
    answer = sent(of_provider(providers.find(made.name)), 201)
    answer.headers["Location"] = url_for("providers_api.show_provider", name=made.name)
    return answer


@part.get("/providers/<name>", operation_id="showProvider", responses=answers(404, _200=ProviderShape))
def show_provider(path: ProviderPath) -> Response:
    """Show one provider."""
    return sent(of_provider(_allowed(path.name, "provider:read")))


@part.patch(
    "/providers/<name>", operation_id="changeProvider", responses=answers(400, 404, 413, 415, _200=ProviderShape)
)
def change_provider(path: ProviderPath, body: ProviderChange) -> Response:
    """Change a provider's address or credential, or have it not asked for now."""
    _allowed(path.name, "provider:change")
    _refuse_null(body, frozenset({"base_url", "credential", "is_disabled"}))
    if body.base_url is not None or body.credential is not None:
        providers.change(path.name, body.base_url, body.credential)
    if body.is_disabled is not None:
        (providers.disable if body.is_disabled else providers.enable)(path.name)
    return sent(of_provider(providers.find(path.name)))


@part.delete("/providers/<name>", operation_id="removeProvider", responses=answers(404, _200=NothingMore))
def remove_provider(path: ProviderPath) -> Response:
    """Forget a provider, its models and its credential; what was spent there stays."""
    providers.remove(_allowed(path.name, "provider:change").name)
    return sent(NothingMore())


@part.post("/providers/<name>/test", operation_id="testProvider", responses=answers(400, 404, 413, 415, _200=TestShape))
def test_provider(path: ProviderPath, body: NothingMore) -> Response:
    """Ask the provider's server whether it is there and takes the credential; no model is called."""
    return sent(of_test(providers.test(_allowed(path.name, "provider:change").name)))


@part.get(
    "/providers/<name>/offered", operation_id="listOfferedModels", responses=answers(404, 502, 503, _200=OfferedList)
)
def list_offered(path: ProviderPath) -> Response:
    """List the models that the provider's server offers, with the prices that its list says."""
    found = providers.offered(_allowed(path.name, "provider:read").name)
    return sent(OfferedList(models=[of_offered(each) for each in found]))


@part.post("/providers/<name>/models", operation_id="addModel", responses=answers(400, 404, 413, 415, _201=ModelShape))
def add_model(path: ProviderPath, body: NewModel) -> Response:
    """Let tasks be done with a model of the provider."""
    provider = _allowed(path.name, "provider:change")
    made = provider_models.add(provider.name, ModelWanted(**dict(body)))
    answer = sent(of_model(provider.name, made), 201)
    answer.headers["Location"] = url_for("providers_api.show_model", id=made.id)
    return answer


@part.post(
    "/providers/<name>/models/take-over",
    operation_id="takeOverModels",
    responses=answers(400, 404, 413, 415, 502, 503, _200=ModelList),
)
def take_over_models(path: ProviderPath, body: TakeOver) -> Response:
    """Add models of the provider's own list with its prices; those that are there get the prices of today."""
    provider = _allowed(path.name, "provider:change")
    made = provider_models.take_over(provider.name, body.models)
    return sent(ModelList(models=[of_model(provider.name, each) for each in made]))


@part.get("/models", operation_id="listModels", responses=answers(_200=ModelList))
def list_models() -> Response:
    """List the models of all providers in the order in which they are asked."""
    require("provider:read")
    found = [(each, provider) for provider in providers.listed() for each in provider.models]
    found.sort(key=lambda pair: (pair[0].position, pair[1].name, pair[0].name))
    return sent(ModelList(models=[of_model(provider.name, each) for each, provider in found]))


@part.get("/models/<id>", operation_id="showModel", responses=answers(404, _200=ModelShape))
def show_model(path: ModelPath) -> Response:
    """Show one model."""
    found = _allowed_model(path, "provider:read")
    return sent(of_model(found.provider.name, found))


@part.patch("/models/<id>", operation_id="changeModel", responses=answers(400, 404, 413, 415, _200=ModelShape))
def change_model(path: ModelPath, body: ModelChange) -> Response:
    """Change what a model costs, which tasks it is for and when it is asked, or have it not asked for now."""
    model = _allowed_model(path, "provider:change")
    _refuse_null(body, type(body).model_fields.keys() - _MAY_BE_UNKNOWN)
    named = (model.provider.name, model.name)
    said = {key: getattr(body, key) for key in body.model_fields_set if key != "is_disabled"}
    model = provider_models.change(*named, said)
    if body.is_disabled is not None:
        model = (provider_models.disable if body.is_disabled else provider_models.enable)(*named)
    return sent(of_model(named[0], model))


@part.delete("/models/<id>", operation_id="removeModel", responses=answers(404, _200=NothingMore))
def remove_model(path: ModelPath) -> Response:
    """Forget a model; what was spent with it stays."""
    model = _allowed_model(path, "provider:change")
    provider_models.remove(model.provider.name, model.name)
    return sent(NothingMore())


@part.post(
    "/providers/encrypt-again", operation_id="encryptAgain", responses=answers(400, 413, 415, _200=EncryptedAgain)
)
def encrypt_again(body: NothingMore) -> Response:
    """Encrypt every credential by the first of OPSCORE_ENCRYPTION_KEYS, so that the others may go."""
    require("provider:change")
    return sent(EncryptedAgain(credentials=providers.encrypt_again()))


def _allowed(name: str, permission: str) -> Provider:
    require(permission)
    provider = providers.find(name)
    require(permission, provider)
    return provider


def _allowed_model(path: ModelPath, permission: str) -> LanguageModel:
    require(permission)
    model = provider_models.one(str(path.id))
    require(permission, model.provider)
    return model


def _refuse_null(body: Question, names: Set[str]) -> None:
    said = sorted(name for name in names & body.model_fields_set if getattr(body, name) is None)
    if said:
        message = "must not be null; leave it out, and it stays"
        found = [Problem(path=name, line=None, message=message) for name in said]
        raise InvalidInput("cannot change this", problems=found)


_MAY_BE_UNKNOWN = frozenset({"input_price", "output_price", "context_tokens"})

"""The language models: which is asked about what, in which order, for what price; and who offers them.

Providers are added in provider.py and looked after there; here is the list of all models, and each one's form.
What is done: tasks/providers/models.py; the lists: webapp/model_list.py.
"""

from typing import Any

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models.database import db
from models.errors import InvalidInput, NotFound, Problem
from models.provider import LanguageModel
from tasks.providers import models as provider_models
from tasks.providers import records as providers
from webapp import gate, model_form, model_list, model_uses
from webapp.ask import Question, ask, done
from webapp.pages.task import checked_id

page = Blueprint("models", __name__)


@page.app_template_filter("model_named")
def _named(model: LanguageModel) -> str:
    return model_list.named(model)


@page.app_context_processor
def _words() -> dict[str, object]:
    return {
        "asked_for": model_list.asked_for,
        "kinds": model_form.KINDS,
        "model_name": model_list.named,
        "named_first": _named_first,
        "usable_models": lambda: model_list.usable(db.session()),
    }


@page.get("/models")
def show() -> ResponseReturnValue:
    """Every model in the order in which they are asked, and every provider."""
    gate.allow("provider:read")
    every = model_list.in_order(db.session())
    may_be_asked = [model for model in every if model_list.is_usable(model)]
    return render_template(
        "pages/models.html",
        rows=model_list.picture(may_be_asked),
        resting=[model for model in every if model not in may_be_asked],
        uncovered=model_list.uncovered(may_be_asked),
        providers=model_list.providers(db.session()),
        masked=providers.masked,
    )


@page.get("/models/<model_id>")
def one(model_id: str) -> ResponseReturnValue:
    """The form of one model."""
    model = _model(model_id)
    return _form(model, model_form.typed(model), [])


@page.post("/models/<model_id>")
def change(model_id: str) -> ResponseReturnValue:
    """Change its prices, its range and how long its answers may be; or show them again with what is wrong."""
    model = _changed(model_id)
    values, wrong = model_form.read(request.form)
    try:
        if wrong:
            raise InvalidInput("cannot change this model", problems=wrong)
        provider_models.change(model.provider.name, model.name, values)
    except InvalidInput as error:
        return _form(model, model_form.sent(request.form), error.problems), 422
    return done(f"{model_list.named(model)} is kept as it stands in the form.", url_for("models.show"))


@page.post("/models/<model_id>/move/<way>")
def move(model_id: str, way: str) -> ResponseReturnValue:
    """Ask it earlier or later than its neighbour in the list."""
    model = _changed(model_id)
    order = [each for each in model_list.in_order(db.session()) if model_list.is_usable(each)]
    at = next((place for place, each in enumerate(order) if each.id == model.id), None)
    to = None if at is None else at + (-1 if way == "up" else 1)
    if at is not None and to is not None and 0 <= to < len(order):
        order.insert(to, order.pop(at))
        _number(order)
    return done(f"{model_list.named(model)} is asked {'earlier' if way == 'up' else 'later'}.", url_for("models.show"))


@page.post("/models/<model_id>/disable")
def disable(model_id: str) -> ResponseReturnValue:
    """Have it not asked any more."""
    model = _changed(model_id)
    provider_models.disable(model.provider.name, model.name)
    undo = url_for("models.enable", model_id=model.id)
    return done(f"{model_list.named(model)} is not asked any more.", url_for("models.show"), undo=undo)


@page.post("/models/<model_id>/enable")
def enable(model_id: str) -> ResponseReturnValue:
    """Have it asked again."""
    model = _changed(model_id)
    provider_models.enable(model.provider.name, model.name)
    return done(f"{model_list.named(model)} is asked again.", url_for("models.show"))


@page.get("/models/<model_id>/remove")
def ask_remove(model_id: str) -> ResponseReturnValue:
    """What removing it would hit."""
    model = _changed(model_id)
    named = model_list.named(model)
    uses = model_uses.of(db.session(), [named])
    return ask(
        Question(
            title=f"Remove {named}?",
            action=url_for("models.remove", model_id=model.id),
            yes="Remove the model",
            back=url_for("models.one", model_id=model.id),
            says=["Nothing is asked of it any more.", *uses.sentences],
            examples=uses.examples,
            more=uses.more,
            stays="What it answered and what that cost stays with the tasks.",
        )
    )


@page.post("/models/<model_id>/remove")
def remove(model_id: str) -> ResponseReturnValue:
    """Forget it."""
    model = _changed(model_id)
    named = model_list.named(model)
    provider_models.remove(model.provider.name, model.name)
    return done(f"Removed {named}.", url_for("models.show"))


def _named_first(names: list[str]) -> LanguageModel | None:
    """The first of those that are named that may be asked."""
    known = {model_list.named(model): model for model in model_list.usable(db.session())}
    return next((known[name] for name in names if name in known), None)


def _form(model: LanguageModel, values: dict[str, str], wrong: list[Problem]) -> str:
    said = {each["path"]: model_form.begun(each["message"]) for each in wrong}
    told: dict[str, Any] = {"model": model, "typed": values, "problems": wrong, "problem_of": said.get}
    return render_template("pages/model.html", **told)


def _number(order: list[LanguageModel]) -> None:
    """Let the models stand in this order; those that stand right already are left alone."""
    for position, model in enumerate(order, 1):
        if model.position != position:
            provider_models.change(model.provider.name, model.name, {"position": position})


def _changed(model_id: str) -> LanguageModel:
    model = _model(model_id)
    gate.allow("provider:change", model)
    return model


def _model(model_id: str) -> LanguageModel:
    found = select(LanguageModel).where(LanguageModel.id == checked_id(model_id))
    model = db.session.scalars(found.options(joinedload(LanguageModel.provider))).one_or_none()
    if model is None:
        raise NotFound("cannot find the model: it was removed", model=model_id)
    gate.allow("provider:read", model)
    return model

"""One provider of language models: add it, test it, choose among what it offers, change it, take it away.

What is done: tasks/providers/records.py, tasks/providers/models.py.  The list of all models: models.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from models.database import db
from models.errors import InvalidInput, OpsCoreError, Problem
from models.provider import Provider, ProviderKind
from tasks.providers import models as provider_models
from tasks.providers import records as providers
from tasks.providers.answers import Offered
from tasks.providers.records import Wanted
from webapp import gate, model_uses
from webapp.amounts import counted
from webapp.api.problems import STATUS
from webapp.ask import Question, ask, done, is_part
from webapp.limit_form import begun
from webapp.model_form import KINDS, Kind

page = Blueprint("provider", __name__)

MOST_SHOWN = 600


@dataclass
class Typed:
    """What stands in the form of a provider."""

    name: str
    base_url: str
    problems: list[Problem] = field(default_factory=list)

    def problem_of(self, name: str) -> str:
        return next((begun(each["message"]) for each in self.problems if each["path"] == name), "")


@page.get("/models/add/<kind>")
def form(kind: str) -> ResponseReturnValue:
    """The form of a new provider of that kind, filled in as far as is known."""
    gate.allow("provider:change")
    chosen = _kind(kind)
    return _new(chosen, Typed(_free_name(chosen.name), request.args.get("base_url", chosen.base_url)))


@page.post("/models/add/<kind>")
def add(kind: str) -> ResponseReturnValue:
    """Keep it, ask whether it answers, and go on to what it offers."""
    gate.allow("provider:change")
    chosen, sent = _kind(kind), request.form
    wanted = Wanted(sent.get("name", "").strip(), chosen.value, sent.get("base_url", ""), sent.get("credential"))
    try:
        provider = providers.create(wanted)
    except InvalidInput as error:
        return _new(chosen, Typed(wanted.name, wanted.base_url, error.problems)), 422
    providers.test(provider.name)
    return redirect(url_for("provider.one", name=provider.name), 303)


@page.get("/models/of/<name>")
def one(name: str) -> ResponseReturnValue:
    """The provider: whether it answers, what it offers, its address and credential."""
    provider = _provider(name)
    return _one(provider, Typed(provider.name, provider.base_url))


@page.post("/models/of/<name>")
def change(name: str) -> ResponseReturnValue:
    """Give it another address or credential; an empty credential leaves the one that is there."""
    provider = _changed(name)
    typed = Typed(name, request.form.get("base_url", "").strip())
    credential = request.form.get("credential", "").strip() or None
    try:
        providers.change(name, typed.base_url, "" if "forget" in request.form else credential)
    except InvalidInput as error:
        return _one(provider, replace(typed, problems=error.problems)), 422
    providers.test(name)
    return done(f"The provider {name} is changed.", url_for("provider.one", name=name))


@page.post("/models/of/<name>/test")
def test(name: str) -> ResponseReturnValue:
    """Ask its server; the answer comes into its place."""
    _changed(name)
    found = providers.test(name)
    if is_part():
        return render_template("parts/provider_state.html", provider=_provider(name), found=found)
    return redirect(url_for("provider.one", name=name), 303)


@page.get("/models/of/<name>/offers")
def offers(name: str) -> ResponseReturnValue:
    """What its server lists now, to choose from; with `q`, those whose names hold it.

    `models` are chosen already and `by_name` is typed already: a form that was refused comes back as it was sent.
    """
    provider = _provider(name)
    query = request.args.get("q", "").strip().lower()
    offered: list[Offered] = []
    problem = ""
    try:
        offered = [each for each in providers.offered(name) if query in each.name.lower()]
    except OpsCoreError as error:
        problem = error.message
    told = {"provider": provider, "offered": offered[:MOST_SHOWN], "problem": problem, "query": query}
    typed = {"chosen": request.args.getlist("models"), "by_name": request.args.get("by_name", "")}
    known = {model.name for model in provider.models}
    left_out = max(len(offered) - MOST_SHOWN, 0)
    return render_template("parts/provider_offers.html", known=known, left_out=left_out, **told, **typed)


@page.post("/models/of/<name>/models")
def choose(name: str) -> ResponseReturnValue:
    """Add the models that were chosen, with what their provider says of them, and one by its name."""
    _changed(name)
    by_name, chosen = request.form.get("by_name", "").strip(), request.form.getlist("models")
    added: list[str] = []
    try:
        # First those that may fail for a reason of the server's.
        if chosen:
            added += [model.name for model in provider_models.take_over(name, chosen)]
        if by_name:
            added.append(provider_models.add(name, provider_models.ModelWanted(by_name)).name)
    except OpsCoreError as error:
        left = {"models": [each for each in chosen if each not in added], "by_name": by_name}
        return _not_chosen(_provider(name), added, _why(error), left), STATUS.get(error.code, 500)
    if not added:
        return done("No model was chosen.", url_for("provider.one", name=name), "waiting")
    return done(f"Added {counted(len(added), 'model')} of {name}.", url_for("models.show"))


def _why(error: OpsCoreError) -> str:
    problems = error.problems if isinstance(error, InvalidInput) else []
    return begun(problems[0]["message"] if problems else error.message)


@page.get("/models/of/<name>/disable")
def ask_disable(name: str) -> ResponseReturnValue:
    """What switching it off would hit."""
    return _ask(_changed(name), "Switch off", "disable", "None of its models is asked until it is switched on again.")


@page.post("/models/of/<name>/disable")
def disable(name: str) -> ResponseReturnValue:
    """Have none of its models asked."""
    _changed(name)
    providers.disable(name)
    return done(f"{name} is switched off.", url_for("models.show"), "paused", url_for("provider.enable", name=name))


@page.post("/models/of/<name>/enable")
def enable(name: str) -> ResponseReturnValue:
    """Have its models asked again."""
    _changed(name)
    providers.enable(name)
    return done(f"{name} is switched on.", url_for("models.show"))


@page.get("/models/of/<name>/remove")
def ask_remove(name: str) -> ResponseReturnValue:
    """What removing it would hit."""
    return _ask(_changed(name), "Remove", "remove", "Its models, their prices and its credential are forgotten.")


@page.post("/models/of/<name>/remove")
def remove(name: str) -> ResponseReturnValue:
    """Forget it with its models."""
    _changed(name)
    providers.remove(name)
    return done(f"Removed the provider {name}.", url_for("models.show"))


def _ask(provider: Provider, verb: str, view: str, means: str) -> ResponseReturnValue:
    uses = model_uses.of(db.session(), {f"{provider.name}/{model.name}" for model in provider.models})
    said = [means, f"It has {counted(len(provider.models), 'model')} here.", *uses.sentences]
    return ask(
        Question(
            title=f"{verb} the provider {provider.name}?",
            action=url_for(f"provider.{view}", name=provider.name),
            yes=f"{verb} the provider" if verb == "Remove" else verb,
            back=url_for("provider.one", name=provider.name),
            says=said,
            examples=uses.examples,
            more=uses.more,
            stays="What was spent there, and what its models answered, stays.",
            is_harm=view == "remove",
        )
    )


def _new(kind: Kind, typed: Typed) -> str:
    return render_template("pages/provider_new.html", kind=kind, typed=typed)


def _one(provider: Provider, typed: Typed, **chosen: object) -> str:
    told = {"masked": providers.masked(provider), "found": None}
    return render_template("pages/provider.html", provider=provider, typed=typed, **told, **chosen)


def _not_chosen(provider: Provider, added: list[str], wrong_model: str, left: Mapping[str, object]) -> str:
    """The page with what was added all the same, and with the rest still chosen."""
    return _one(provider, Typed(provider.name, provider.base_url), wrong_model=wrong_model, added=added, left=left)


def _kind(value: str) -> Kind:
    return next((kind for kind in KINDS if kind.value == value), KINDS[-1])


def _free_name(name: str) -> str:
    """The name, with a number where it is taken."""
    taken = {provider.name for provider in providers.listed()}
    tried = (name, *(f"{name}-{number}" for number in range(2, len(taken) + 3)))
    return next(each for each in tried if each not in taken)


def _changed(name: str) -> Provider:
    provider = _provider(name)
    gate.allow("provider:change", provider)
    return provider


def _provider(name: str) -> Provider:
    provider = providers.find(name)
    gate.allow("provider:read", provider)
    return provider


SHORT = {kind.value: kind.short for kind in KINDS}


@page.app_context_processor
def _words() -> dict[str, object]:
    return {"kind_title": lambda provider: SHORT[ProviderKind(provider.kind)]}

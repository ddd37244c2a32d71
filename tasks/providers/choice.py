"""Which models a task may think with, in the order in which they are asked.

Those that its plan names; else the one of its agent; else those that cover its complexity, by position.  The first
that answers is taken, the next where one fails.  Why so: docs/decisions/0041-credentials-and-choice.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from models import secret
from models.database import reading
from models.errors import Misconfigured, Problem
from models.provider import LanguageModel, Provider, ProviderKind

ADD_ONE = "add a provider and a model on the page Models, or with bin/opscore provider add and bin/opscore model add"
_USABLE = (Provider.disabled_at.is_(None), LanguageModel.disabled_at.is_(None))


@dataclass(frozen=True)
class Candidate:
    """A model that may be asked, and all that is needed to ask it once it is `opened`."""

    provider: str
    kind: ProviderKind
    base_url: str
    model: str
    """As its provider calls it."""
    credential: str | None = field(repr=False)
    input_price: int | None
    output_price: int | None
    output_tokens: int
    """Most that its answer may have: the call says so."""
    context_tokens: int | None
    encrypted: str | None = field(default=None, repr=False)
    """The credential as it is kept, until it is opened."""

    @property
    def name(self) -> str:
        """`provider/model`, as people, plans and the ledger call it."""
        return f"{self.provider}/{self.model}"

    @property
    def service(self) -> str:
        """What the circuit and the rate of its server go by."""
        return f"model:{self.provider}"


def candidates(plan_models: Sequence[str], agent_model: str | None, complexity: int) -> list[Candidate]:
    """The models to ask, best first; never none.

    Raises:
        Misconfigured: there is none that may be used; it says what to do.
    """
    usable = _usable()
    if not usable:
        raise Misconfigured(f"cannot choose a model: none is there that may be used; {ADD_ONE}")
    named = list(plan_models) or ([agent_model] if agent_model else [])
    if named:
        known = {name_of(each): each for each in usable}
        found = [known[each] for each in named if each in known]
        whose = "the task" if plan_models else "its agent"
        otherwise = f"{whose} names {', '.join(named)}, which may not be used; there are {_listed(usable)}"
    else:
        found = [each for each in usable if each.complexity_min <= complexity <= each.complexity_max]
        otherwise = f"none covers complexity {complexity}; widen the range of one of {_listed(usable)}"
    if not found:
        raise Misconfigured(f"cannot choose a model: {otherwise}")
    return [_candidate(each) for each in found]


def opened(candidate: Candidate) -> Candidate:
    """The model with its credential, read when it is asked: one that cannot be read stops no other model.

    Raises:
        Unreadable: no key fits; it says what to do.
    """
    if candidate.encrypted is None:
        return candidate
    credential = secret.decrypt(candidate.encrypted, f"the provider {candidate.provider}")
    return replace(candidate, credential=credential, encrypted=None)


def problems(named: Sequence[str], path: str = "models") -> list[Problem]:
    """What is wrong with these names of models, for whoever submits a task or changes an agent."""
    known = {name_of(each) for each in _usable()}
    cure = f"there are {', '.join(sorted(known))}" if known else ADD_ONE
    return [
        Problem(path=f"{path}[{index}]", line=None, message=f"there is no model {each} that may be used; {cure}")
        for index, each in enumerate(named)
        if each not in known
    ]


def refusal(plan_models: Sequence[str], complexity: int, agent_model: str | None = None) -> str | None:
    """Why no model could be chosen for such a task, or None; for its submission, without reading a credential."""
    usable = _usable()
    named = list(plan_models) or ([agent_model] if agent_model else [])
    if not usable:
        return f"no model is there that may be used; {ADD_ONE}"
    if named:
        return None if {name_of(each) for each in usable} & set(named) else f"there are {_listed(usable)}"
    if any(each.complexity_min <= complexity <= each.complexity_max for each in usable):
        return None
    return f"no model covers complexity {complexity}; widen the range of one of {_listed(usable)}"


def is_any() -> bool:
    """Whether any model may be used at all."""
    with reading() as session:
        found = select(LanguageModel.id).join(Provider).where(*_USABLE).limit(1)
        return session.scalar(found) is not None


def name_of(model: LanguageModel) -> str:
    """`provider/model`."""
    return f"{model.provider.name}/{model.name}"


def _usable() -> list[LanguageModel]:
    found = select(LanguageModel).join(Provider).where(*_USABLE).options(joinedload(LanguageModel.provider))
    with reading() as session:
        return list(session.scalars(found.order_by(LanguageModel.position, Provider.name, LanguageModel.name)))


def _candidate(model: LanguageModel) -> Candidate:
    provider = model.provider
    about = (provider.name, ProviderKind(provider.kind), provider.base_url, model.name, None)
    most = (model.output_tokens, model.context_tokens)
    return Candidate(*about, model.input_price, model.output_price, *most, encrypted=provider.credential)


def _listed(models: list[LanguageModel]) -> str:
    return ", ".join(name_of(each) for each in models[:10])

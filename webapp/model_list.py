"""The language models as people see them: who offers which, and which one would be asked about what.

How one is chosen for a task: tasks/providers/choice.py.  The pages: pages/models.py, pages/ask_agent.py.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from models.provider import LanguageModel, Provider
from models.task_list import COMPLEXITIES


@dataclass(frozen=True)
class Row:
    """One model of the picture: for each complexity its place in the line there, 1 is asked first; 0 is not asked."""

    model: LanguageModel
    places: list[int]

    @property
    def first_about(self) -> str:
        """The complexities that it is asked first about: `1, 2, 3`."""
        return ", ".join(str(level) for level, place in zip(COMPLEXITIES, self.places, strict=True) if place == 1)


def providers(session: Session) -> list[Provider]:
    """Every provider with its models, by name."""
    return list(session.scalars(select(Provider).options(selectinload(Provider.models)).order_by(Provider.name)))


def in_order(session: Session) -> list[LanguageModel]:
    """Every model in the order in which they are asked, those that are switched off as well."""
    order = (LanguageModel.position, Provider.name, LanguageModel.name)
    found = select(LanguageModel).join(Provider).options(joinedload(LanguageModel.provider))
    return list(session.scalars(found.order_by(*order)))


def is_usable(model: LanguageModel) -> bool:
    """Whether it may be asked."""
    return model.disabled_at is None and model.provider.disabled_at is None


def usable(session: Session) -> list[LanguageModel]:
    """Those that may be asked, in order."""
    return [model for model in in_order(session) if is_usable(model)]


def named(model: LanguageModel) -> str:
    """`provider/model`."""
    return f"{model.provider.name}/{model.name}"


def asked_for(models: Sequence[LanguageModel], complexity: int) -> list[LanguageModel]:
    """Those of them that are asked about a task of that complexity, the first one first."""
    return [model for model in models if model.complexity_min <= complexity <= model.complexity_max]


def picture(models: Sequence[LanguageModel]) -> list[Row]:
    """Which of the models is asked about which complexity."""
    lines = {level: asked_for(models, level) for level in COMPLEXITIES}
    return [
        Row(model, [lines[level].index(model) + 1 if model in lines[level] else 0 for level in COMPLEXITIES])
        for model in models
    ]


def uncovered(models: Sequence[LanguageModel]) -> list[int]:
    """The complexities that no model is asked about."""
    return [level for level in COMPLEXITIES if not asked_for(models, level)]

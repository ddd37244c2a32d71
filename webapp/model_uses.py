"""What names a model, for whoever wants to take it away: agents, and tasks that have not ended."""

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.agent import Agent
from models.plan import Plan
from models.states import TERMINAL
from models.task import Task
from webapp.amounts import counted

LOOKED_AT = 500
"""Open tasks, the newest first: more than that is said to be more."""
EXAMPLES = 4


@dataclass(frozen=True)
class Uses:
    """Who counts on it."""

    agents: list[str]
    tasks: list[str]
    """Titles."""

    @property
    def sentences(self) -> list[str]:
        """What would become of them."""
        said = []
        if self.agents:
            names = ", ".join(self.agents)
            said.append(f"It is the model of {names}: tasks taken there would find no model until another one is set.")
        if self.tasks:
            said.append(f"{counted(len(self.tasks), 'task')} that {_have(len(self.tasks))} not ended named it:")
        if not said:
            said.append("No agent and no open task names it.")
        return said

    @property
    def examples(self) -> list[str]:
        return self.tasks[:EXAMPLES]

    @property
    def more(self) -> int:
        return max(len(self.tasks) - EXAMPLES, 0)


def of(session: Session, names: Collection[str]) -> Uses:
    """What names one of these models, `provider/model`."""
    agents = select(Agent.name).where(Agent.model.in_(names)).order_by(Agent.name)
    open_ones = select(Task.title, Plan.content).join(Plan, Plan.id == Task.plan_id).where(Task.finished_at.is_(None))
    found = session.execute(open_ones.where(Task.state.not_in(TERMINAL)).order_by(Task.number.desc()).limit(LOOKED_AT))
    tasks = [title for title, plan in found if not set(names).isdisjoint(plan.get("models") or [])]
    return Uses(list(session.scalars(agents)), tasks)


def _have(count: int) -> str:
    return "has" if count == 1 else "have"

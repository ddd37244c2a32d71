"""One model at work on a task in one run: what it was asked, what it may call, what was said and done so far."""

from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import ModelMessage
from pydantic_ai.tools import ToolDefinition

import settings
from models.errors import InvalidInput
from models.states import Stage
from tasks.minds import conversation, results
from tasks.minds.offer import Offer, offer
from tasks.minds.opening import Opening, opening
from tasks.minds.record import Act, Turn
from tasks.plans.model_plan import ModelPlan
from tasks.providers.choice import Candidate
from tasks.runs.limits import of_model_call
from tasks.runs.outcome import StepOutcome
from tasks.runs.steps import Run
from tools.limits import Effective
from tools.registry import find


@dataclass
class Mind:
    """Of one run."""

    run: Run
    plan: ModelPlan
    opening: Opening
    offer: Offer
    tools: list[ToolDefinition]
    model_of_agent: str | None
    complexity: int
    turns: list[Turn] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)
    """Arguments of the call that runs, as the model gave them."""

    @classmethod
    def of(cls, run: Run, plan: ModelPlan) -> "Mind":
        """The model of that run, before it has said anything."""
        agent = run.ledger.agent()
        offered = offer(plan.tools, agent.tools if agent else None)
        begun = opening(run.task, plan, run.source)
        model = agent.model if agent else None
        complexity = run.ledger.whole_task().complexity
        return cls(run, plan, begun, offered, conversation.definitions(offered), model, complexity)

    @property
    def epoch(self) -> int:
        return self.run.task.epoch

    @property
    def stage(self) -> Stage:
        """In which the work is."""
        return self.run.stage or self.plan.stage

    @property
    def acts(self) -> list[Act]:
        """What was done since the task was opened last."""
        return [act for turn in self.turns for act in turn.acts if act.epoch == self.epoch]

    @property
    def answers(self) -> list[Turn]:
        """What was answered since then."""
        return [turn for turn in self.turns if turn.epoch == self.epoch]

    def messages(self, candidate: Candidate) -> list[ModelMessage]:
        """What that model is asked now."""
        window, answer = candidate.context_tokens, candidate.output_tokens
        most = max(window - answer, window // 2) if window else None
        return conversation.messages(self.opening, self.turns, self.epoch, most)

    def estimate(self, model: str) -> int:
        """Most tokens that this has, for that model."""
        return conversation.estimate(self.opening, self.turns, self.epoch, model, self.tools)

    def limits(self) -> Effective:
        """What holds for what no tool does."""
        run = self.run
        return of_model_call(settings.load(), run.task, run.plan, run.ledger.of_agent().limits)

    def explain(self, outcome: StepOutcome, tool: str, arguments: dict[str, Any]) -> str:
        """What the model is told of the call that runs."""
        is_same = arguments == self.asked or _same(tool, arguments, self.asked)
        return results.of_outcome(outcome, tool, arguments, arguments if is_same else self.asked)


def _same(tool: str, one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether both are the same call, as the tool reads them."""
    try:
        return find(tool).parse(one) == find(tool).parse(other)
    except InvalidInput:
        return False

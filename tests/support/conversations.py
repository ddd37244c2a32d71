"""Rows of agents that think, for pages to be looked at: providers, conversations in several plights, what was spent.

As factories.py, which has everything else: each function adds to the session it is given; within `acting(…)`.
"""

from datetime import timedelta
from typing import Any

from sqlalchemy.orm import Session

from models.budget import Budget, BudgetKind, Spend, SpendState
from models.columns import new_id, now
from models.plan import Plan
from models.provider import LanguageModel, Provider, ProviderKind
from models.states import Stage, State
from models.step import Step, StepState
from models.task import Task
from tasks.plans.model_plan import ModelPlan
from tests.support.factories import make_artifact, make_event

ASKED = ModelPlan.model_validate(
    {
        "tools": ["files.read", "files.write", "python.run", "web.fetch"],
        "promises": [{"path": "output/report.md"}],
        "budget": {"tokens": 200_000, "cost": 0.5, "calls": 40},
        "approvals": ["web.fetch"],
        "models": ["ollama/llama3.2"],
    }
)
PROMPT = {"name": "agent", "version": "1", "digest": "5b2c9a8e01d47f36"}
SAID = (
    "I will first **look** at the table `orders.csv`, then count the rows of each month.\n\n"
    "1. read the head\n2. count\n3. write `output/report.md`",
    "The file has *three* kinds of dates. I normalise them before I count:\n\n"
    "```python\nframe['day'] = to_datetime(frame['day'], format='mixed')\n```",
    "## What I found\n\n| month | orders |\n| --- | --- |\n| October | 1,204 |\n| November | 1,371 |\n\n"
    "November has **14 % more** orders than October. The report with the chart is in `output/report.md`; "
    "the dates were read as [ISO 8601](https://example.org/iso) says.",
)
CALLS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("files.read", {"path": "src/input/orders.csv", "bytes": 2000}),
    ("python.run", {"code": "print(frame.groupby('month').size())"}),
)
LONG_NAME = "mistralai/mixtral-8x22b-instruct-with-a-name-as-long-as-they-are"


def some_providers(session: Session) -> list[Provider]:
    """One that works with two models, one that its test refused, one that is switched off."""
    at = now()
    local = Provider(name="ollama", kind=ProviderKind.OLLAMA, base_url="http://127.0.0.1:11434/v1", tested_at=at)
    local.models.append(
        LanguageModel(name="llama3.2", input_price=0, output_price=0, complexity_max=4, position=0, context_tokens=8192)
    )
    local.models.append(LanguageModel(name="qwen3:30b", complexity_min=3, complexity_max=8, position=1))
    router = Provider(name="openrouter", kind=ProviderKind.OPENROUTER, base_url="https://openrouter.example/api/v1")
    router.tested_at, router.test_error = at - timedelta(hours=3), "the server refused the credential (HTTP 401)"
    router.models.append(
        LanguageModel(name=LONG_NAME, input_price=900_000, output_price=2_700_000, complexity_min=5, position=2)
    )
    off = Provider(name="old-server", kind=ProviderKind.OPENAI, base_url="http://10.0.0.7:8000/v1", disabled_at=at)
    off.models.append(LanguageModel(name="granite", input_price=100_000, output_price=None, position=3))
    every = [local, router, off]
    session.add_all(every)
    session.flush()
    return every


def make_conversation(session: Session, state: State, turns: int = 3, **values: Any) -> Task:
    """A task that a model works on; each turn but the last calls two tools."""
    facts: dict[str, Any] = {
        "title": "Find out what rain does to sales, and say it in a report",
        "plan": Plan(content=ASKED.model_dump(mode="json", by_alias=True)),
        "agent": "scout",
        "template": None,
        "template_version": None,
        "steps_total": 0,
    }
    task = _bare(session, state, {**facts, **values})
    for turn in range(turns):
        _turn(session, task, turn, is_last=turn == turns - 1)
    _budget(session, task)
    return task


def _bare(session: Session, state: State, facts: dict[str, Any]) -> Task:
    begun = now() - timedelta(minutes=6)
    task = Task(
        state=state, complexity=3, queue="complexity.3", rank_at=begun, submitted_at=begun, published_at=begun,
        started_at=begun + timedelta(seconds=1), run_number=1, epoch=1, event_count=0, steps_done=0,
        description="Look at the orders and the weather.", **facts,
    )  # fmt: skip
    session.add(task)
    session.flush()
    make_event(session, task, "task.submitted", begun, queue=task.queue, title=task.title)
    make_event(session, task, "task.claimed", begun + timedelta(seconds=1), agent="scout", run=1, host="host")
    return task


def _turn(session: Session, task: Task, turn: int, *, is_last: bool) -> None:
    key = f"m{turn + 1}"
    is_open = is_last and task.state == State.RUNNING
    usage = {
        "model": "ollama/llama3.2",
        "provider": "ollama",
        "input_tokens": 2400 * (turn + 1),
        "output_tokens": 180,
        "cost": 2100,
        "prompt": PROMPT,
    }
    said = _step(
        session, task, key, f"Answer {turn + 1}", "model.call",
        StepState.STARTED if is_open else StepState.SUCCEEDED,
        usage={} if is_open else usage, stdout="" if is_open else SAID[turn % len(SAID)],
    )  # fmt: skip
    if is_last:
        if task.state == State.SUCCEEDED:
            task.stage, task.finished_at = Stage.COMPLETE, now() - timedelta(minutes=1)
            make_artifact(session, task, said, "output/report.md", "text/markdown")
            make_event(session, task, "task.succeeded", task.finished_at)
        return
    for number, (tool, arguments) in enumerate(CALLS, 1):
        fails = turn == 1 and number == 2
        _step(
            session, task, f"{key}.{number}", tool, tool, StepState.FAILED if fails else StepState.SUCCEEDED,
            parent_id=said.id, arguments=arguments, exit_code=1 if fails else 0,
            stdout="day,amount\n2026-11-01,12.50\n", resources={"wall_s": 0.2, "cpu_s": 0.1, "stdout_bytes": 28},
            **({"error_code": "exit_code", "error_message": "NameError: name 'frame' is not defined"} if fails else {}),
        )  # fmt: skip


def _step(session: Session, task: Task, key: str, title: str, tool: str, state: StepState, **values: Any) -> Step:
    position = task.event_count
    begun = (task.started_at or now()) + timedelta(seconds=5 * position)
    is_open = state is StepState.STARTED
    step = Step(
        task_id=task.id, key=key, title=title, tool=tool, state=state, epoch=1, run_number=1, position=position,
        stage=Stage.BUILD if position > 4 else Stage.DESIGN, started_at=begun,
        finished_at=None if is_open else begun + timedelta(seconds=4), **values,
    )  # fmt: skip
    session.add(step)
    session.flush()
    task.stage = step.stage
    task.steps_done += state is StepState.SUCCEEDED
    make_event(session, task, "step.started", begun, step=step.id, key=key, title=title, tool=tool, position=position)
    return step


def _budget(session: Session, task: Task) -> None:
    spent = {"used_tokens": 22_000, "used_cost": 6_300, "used_calls": 3}
    held = (
        {"reserved_tokens": 8_000, "reserved_cost": 2_000, "reserved_calls": 1} if task.state == State.RUNNING else {}
    )
    limits = {"max_tokens": 200_000, "max_cost": 500_000, "max_calls": 40}
    session.add(Budget(kind=BudgetKind.TASK, name=task.id, **limits, **spent, **held))


def some_spend(session: Session, task: Task, days: int = 30) -> None:
    """Calls of a month, some of them of unknown price, and limits for the day and an agent that are nearly used up."""
    at = now()
    for day in range(days):
        for number in range(1 + day % 4):
            price: dict[str, Any] = {
                "reserved_cost": 20_000,
                "cost": 9_000 + 800 * day,
                "model": f"openrouter/{LONG_NAME}",
            }
            if number == 2:
                price = {"reserved_cost": None, "cost": None, "model": "ollama/qwen3:30b"}
            then = at - timedelta(days=day, minutes=5)
            told = {"agent": ("scout", "builder")[number % 2], "key": f"m{number}", "epoch": 1, "run_number": 1}
            counted = {"input_tokens": 3000 + 90 * day, "output_tokens": 400, "state": SpendState.SETTLED}
            held = {
                "estimated_tokens": 4000,
                "answer_tokens": 4000,
                "reserved_tokens": 8000,
                "at": then,
                "settled_at": then,
            }
            session.add(Spend(id=new_id(), task_id=task.id, **told, **counted, **held, **price))
    today = f"{at:%Y-%m-%d}"
    session.add(
        Budget(kind=BudgetKind.DAY, name="", period=today, max_cost=1_000_000, max_tokens=500_000, used_cost=940_000,
               used_tokens=120_000, used_calls=31, reserved_cost=20_000, reserved_tokens=8_000, reserved_calls=1)
    )  # fmt: skip
    session.add(
        Budget(kind=BudgetKind.AGENT, name="scout", period=today, max_tokens=100_000, used_tokens=41_000, used_calls=9)
    )
    session.flush()


def every_thought(session: Session) -> dict[str, Task]:
    """What pages of agents that think show; needs the agents of `factories.every_state`."""
    some_providers(session)
    found = {
        "thinking": make_conversation(session, State.RUNNING),
        "answered": make_conversation(session, State.SUCCEEDED),
    }
    some_spend(session, found["answered"])
    return found

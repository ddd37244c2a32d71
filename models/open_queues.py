"""Which queues an agent may claim from now: neither is paused, and no limit on what runs at once is reached.

Asked in the transaction of the claim.  A rule that has a limit is locked until that transaction ends, so that two
workers cannot both take the last place; where no limit is set, and that is the rule, nothing is locked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CompoundSelect,
    String,
    bindparam,
    exists,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import Session

from models.agent import Agent
from models.queue import EVERY, Queue
from models.states import State
from models.task import Task


@dataclass(frozen=True)
class Rule:
    """What a person decided about an agent or a queue."""

    kind: str
    name: str
    is_paused: bool
    max_running: int | None


def open_queues(session: Session, rules: list[Rule], queues: list[str], agent: str) -> list[str]:
    """Those of the queues that the agent may take another task of, under these rules.  Runs in the wide scope."""
    if any(rule.max_running is not None for rule in rules):
        _lock(session, queues, agent)
        rules = rules_of(session, queues, agent)
    closed = {rule.name if rule.kind == "queue" else EVERY for rule in rules if _closes(session, rule)}
    return [] if EVERY in closed else [name for name in queues if name not in closed]


def has_rules(queues: Sequence[str], agent: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether anybody has decided anything about them, as part of a statement."""
    of_agent = exists().where(Agent.name == agent, _is_rule(Agent))
    return or_(of_agent, exists().where(Queue.name.in_([*queues, EVERY]), _is_rule(Queue)))


def rules_of(session: Session, queues: Sequence[str], agent: str) -> list[Rule]:
    """What was decided about the agent, these queues, and all."""
    found = session.connection().execute(_asking(tuple(queues)), {"claimant": agent})
    return [Rule(*row) for row in found]


def _is_rule(table: type[Agent] | type[Queue]) -> ColumnElement[bool]:
    return or_(table.paused_at.is_not(None), table.max_running.is_not(None))


@lru_cache(maxsize=32)
def _asking(queues: tuple[str, ...]) -> CompoundSelect[Any]:
    of_agent = select(literal("agent"), Agent.name, Agent.paused_at.is_not(None), Agent.max_running)
    of_queues = select(literal("queue"), Queue.name, Queue.paused_at.is_not(None), Queue.max_running)
    return union_all(
        of_agent.where(Agent.name == bindparam("claimant", type_=String), _is_rule(Agent)),
        of_queues.where(Queue.name.in_([*queues, EVERY]), _is_rule(Queue)),
    )


def _lock(session: Session, queues: list[str], agent: str) -> None:
    """Nobody else claims under the rules with a limit before this transaction ends.

    Everybody locks in the same order, the agent first.  Keys stay free: new workers refer to their agent's.
    """
    limited = select(Agent.name).where(Agent.name == agent, Agent.max_running.is_not(None))
    session.execute(limited.with_for_update(key_share=True))
    names = select(Queue.name).where(Queue.name.in_([*queues, EVERY]), Queue.max_running.is_not(None))
    session.execute(names.order_by(Queue.name).with_for_update(key_share=True))


def _closes(session: Session, rule: Rule) -> bool:
    if rule.is_paused or rule.max_running is None:
        return rule.is_paused
    running = select(func.count()).where(Task.state == literal(State.RUNNING.value, literal_execute=True))
    if rule.kind == "agent":
        running = running.where(Task.agent == rule.name)
    elif rule.name != EVERY:
        running = running.where(Task.queue == rule.name)
    return (session.scalar(running) or 0) >= rule.max_running

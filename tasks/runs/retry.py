"""Whether a failed step is tried again, and when: the one place where `transient` becomes a retry.

Who may say something, the most specific first: the task, the step, the playbook, the tool, the installation; field
by field.  What they may say: plans/retry_fields.py.  Who asks: execution.py.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import settings
from models.errors import NotFound
from models.task import Task
from tasks.plans.plan_fields import PlanFields
from tasks.plans.playbook import PlannedStep
from tasks.plans.retry_fields import ANY, FIELDS, LIMIT, LONGEST_WAIT_S, MOST_ATTEMPTS, TRANSIENT, Wait, problems, read
from tools.contract import Effect, Tool
from tools.limits import BY_FIELD
from tools.registry import find

__all__ = ["Decision", "Failure", "Policy", "decide", "policy_of", "problems", "read", "uses_attempt"]

NOT_MADE = frozenset({"service_unavailable", "sandbox_unavailable"})
"""Errors that say that nothing was called: safe to repeat whatever the tool does."""
NOT_COUNTED = frozenset({"service_unavailable"})
"""Errors of a service that others found to be away: they use no attempt, only time."""


@dataclass(frozen=True)
class Failure:
    """A step's attempt that failed; `attempt` counts from 1, `elapsed` since the first one began."""

    code: str
    is_transient: bool
    attempt: int
    elapsed: timedelta = timedelta()
    retry_after: timedelta | None = None
    """Earlier than this it would be refused."""


@dataclass(frozen=True)
class Policy:
    """What holds for one step; `set_by` says of each field who said so."""

    attempts: int
    wait: Wait
    first: timedelta
    factor: float
    most: timedelta
    total: timedelta
    errors: frozenset[str]
    effect: Effect | None = None
    set_by: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """What becomes of a failure: tried again after `delay`, or no more; `told` is for its event."""

    delay: timedelta | None
    told: dict[str, Any]


def uses_attempt(code: str) -> bool:
    """Whether a failure with this code counts as an attempt of the step."""
    return code not in NOT_COUNTED


def decide(policy: Policy, failure: Failure, dice: Callable[[], float] = random.random) -> Decision:
    """What becomes of the failure; `dice` gives a number from 0 to 1."""
    told: dict[str, Any] = {"code": failure.code, "attempt": failure.attempt, "attempts": policy.attempts}
    if not _is_meant(policy, failure):
        return Decision(None, {**told, "why": f"{failure.code} is not tried again", **_who(policy, "errors")})
    if uses_attempt(failure.code) and failure.attempt >= policy.attempts:
        return Decision(None, {**told, "why": "no attempt is left", **_who(policy, "attempts")})
    delay = max(_wait(policy, failure.attempt, dice), failure.retry_after or timedelta())
    if failure.elapsed + delay > policy.total:
        return Decision(None, {**told, "why": "no time is left", **_who(policy, "total")})
    held = {"why": failure.code, "wait": policy.wait.value, "delay_s": round(delay.total_seconds(), 3)}
    return Decision(delay, {**told, **held, **_who(policy, "attempts", "wait", "errors")})


def _who(policy: Policy, *names: str) -> dict[str, Any]:
    return {"set_by": {name: policy.set_by[name] for name in names if name in policy.set_by}}


def _is_meant(policy: Policy, failure: Failure) -> bool:
    if ANY in policy.errors or failure.code in policy.errors:
        return True
    if limit := BY_FIELD.get(failure.code):
        return bool({LIMIT, limit.name} & policy.errors)
    # What must not happen twice may have happened before the tool broke, unless nothing was called.
    may_repeat = policy.effect is not Effect.ONCE or failure.code in NOT_MADE
    return TRANSIENT in policy.errors and failure.is_transient and may_repeat


def _wait(policy: Policy, attempt: int, dice: Callable[[], float]) -> timedelta:
    match policy.wait:
        case Wait.IMMEDIATE:
            return timedelta()
        case Wait.DELAYED:
            return policy.first
        case Wait.EXPONENTIAL:
            # All that failed together must not come back together: any moment up to the bound is as likely.
            grown_s = policy.first.total_seconds() * policy.factor ** min(attempt - 1, MOST_ATTEMPTS)
            return dice() * min(policy.most, timedelta(seconds=min(grown_s, LONGEST_WAIT_S)))


def policy_of(task: Task, plan: PlanFields, planned: PlannedStep | None) -> Policy:
    """What holds for the step, or for what comes before all steps."""
    tool = _tool(planned)
    levels: list[tuple[str, Mapping[str, Any]]] = [
        ("task", task.retry or {}),
        ("step", read(planned.retry) if planned else {}),
        ("template" if task.template else "playbook", read(plan.retry)),
        ("tool", read(tool.retry) if tool else {}),
        ("installation", of_installation(settings.load())),
    ]
    held = {each.name: _first_to_say(each.name, levels) for each in FIELDS}
    values = {name: value for name, (_, value) in held.items()}
    return Policy(
        attempts=values["attempts"],
        wait=Wait(values["wait"]),
        first=timedelta(seconds=values["first"]),
        factor=values["factor"],
        most=timedelta(seconds=values["most"]),
        total=timedelta(seconds=values["total"]),
        errors=frozenset(values["errors"]),
        effect=tool.effect if tool else None,
        set_by={name: source for name, (source, _) in held.items()},
    )


def of_installation(told: settings.Settings) -> dict[str, Any]:
    """What the settings say, and that only transient errors are tried again: something of every field."""
    return {
        "attempts": told.retry_attempts,
        "wait": told.retry_wait,
        "first": told.retry_first_s,
        "factor": told.retry_factor,
        "most": told.retry_most_s,
        "total": told.retry_total_s,
        "errors": [TRANSIENT],
    }


def _first_to_say(name: str, levels: list[tuple[str, Mapping[str, Any]]]) -> tuple[str, Any]:
    return next((source, said[name]) for source, said in levels if name in said)


def _tool(planned: PlannedStep | None) -> Tool | None:
    if planned is None:
        return None
    try:
        return find(planned.tool)
    except NotFound:
        return None  # a plan of an older version; the failure itself says so

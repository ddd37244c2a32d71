"""Whether a failed step is tried again, and when."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.task import Task
from tasks.plans.playbook import Playbook
from tasks.plans.retry_fields import Wait
from tasks.runs import retry
from tasks.runs.retry import Failure, Policy
from tools.contract import Effect, Tool
from tools.registry import all_tools

POLICY = Policy(
    attempts=3,
    wait=Wait.EXPONENTIAL,
    first=timedelta(seconds=2),
    factor=2,
    most=timedelta(minutes=5),
    total=timedelta(hours=1),
    errors=frozenset({"transient"}),
)
SECOND = timedelta(seconds=1)


def playbook(**fields: object) -> Playbook:
    step = {"stage": "build", "tool": "web.fetch", "with": {"url": "https://example.org/"}}
    return Playbook.model_validate({"steps": [{**step, **fields.pop("step", {})}], **fields})  # type: ignore[dict-item]


def plan_of(task: Task, plan: Playbook) -> Policy:
    return retry.policy_of(task, plan, plan.steps[0])


def delay(code: str, *, is_transient: bool = False, attempt: int = 1, **policy: object) -> timedelta | None:
    held = Policy(**{**vars(POLICY), **policy})  # type: ignore[arg-type]
    return retry.decide(held, Failure(code, is_transient, attempt), dice=lambda: 1.0).delay


policies = st.builds(
    Policy,
    attempts=st.integers(1, 20),
    wait=st.sampled_from(Wait),
    first=st.floats(0, 86400).map(lambda s: timedelta(seconds=s)),
    factor=st.floats(1, 10),
    most=st.floats(0, 86400).map(lambda s: timedelta(seconds=s)),
    total=st.floats(0, 30 * 86400).map(lambda s: timedelta(seconds=s)),
    errors=st.sets(st.sampled_from(["transient", "any", "exit_code", "limit", "wall", "tool_failed"])),
    effect=st.sampled_from(Effect),
)
failures = st.builds(
    Failure,
    code=st.sampled_from(["tool_failed", "exit_code", "wall_s", "service_unavailable", "forbidden"]),
    is_transient=st.booleans(),
    attempt=st.integers(1, 40),
    elapsed=st.floats(0, 40 * 86400).map(lambda s: timedelta(seconds=s)),
    retry_after=st.none() | st.floats(0, 3600).map(lambda s: timedelta(seconds=s)),
)


@given(policies, failures, st.floats(0, 1))
def test_no_attempt_beyond_the_count_the_time_or_before_it_may_be(policy: Policy, failed: Failure, dice: float) -> None:
    decision = retry.decide(policy, failed, dice=lambda: dice)
    if decision.delay is None:
        assert decision.told["why"]
        return
    assert failed.attempt < policy.attempts or not retry.uses_attempt(failed.code)
    assert decision.delay >= (failed.retry_after or timedelta())
    assert failed.elapsed + decision.delay <= policy.total
    own = policy.first if policy.wait is Wait.DELAYED else policy.most
    assert decision.delay <= max(own, failed.retry_after or timedelta())


@given(policies, failures)
def test_tool_that_must_not_act_twice_is_repeated_only_where_its_error_was_named_or_nothing_was_called(
    policy: Policy, failed: Failure
) -> None:
    policy = Policy(**{**vars(policy), "effect": Effect.ONCE})
    if retry.decide(policy, failed).delay is not None and failed.code == "tool_failed":
        assert policy.errors & {"any", "tool_failed"}


def test_transient_error_is_tried_again_and_another_is_not() -> None:
    assert delay("tool_failed", is_transient=True) == 2 * SECOND
    assert delay("tool_failed", is_transient=False) is None
    assert delay("exit_code") is None
    assert delay("wall_s") is None


def test_exit_code_and_limits_are_tried_again_when_they_are_named() -> None:
    assert delay("exit_code", errors=frozenset({"exit_code"})) == 2 * SECOND
    assert delay("wall_s", errors=frozenset({"limit"})) == 2 * SECOND
    assert delay("wall_s", errors=frozenset({"wall"})) == 2 * SECOND
    assert delay("memory_bytes", errors=frozenset({"wall"})) is None
    assert delay("forbidden", errors=frozenset({"any"})) == 2 * SECOND


def test_exponential_wait_doubles_up_to_the_longest() -> None:
    waits = [delay("tool_failed", is_transient=True, attempt=n, attempts=20) for n in (1, 2, 3, 4, 8, 19)]
    assert waits == [2 * SECOND, 4 * SECOND, 8 * SECOND, 16 * SECOND, 256 * SECOND, 300 * SECOND]


def test_immediate_waits_for_nothing_and_delayed_always_as_long() -> None:
    assert delay("tool_failed", is_transient=True, wait=Wait.IMMEDIATE) == timedelta()
    waits = [delay("tool_failed", is_transient=True, attempt=n, wait=Wait.DELAYED) for n in (1, 2, 3)]
    assert waits == [2 * SECOND, 2 * SECOND, None]


def test_service_that_others_found_away_uses_no_attempt() -> None:
    assert delay("service_unavailable", is_transient=True, attempt=3) is not None
    assert delay("tool_failed", is_transient=True, attempt=3) is None


def test_most_specific_level_that_says_something_wins_field_by_field() -> None:
    plan = playbook(retry={"attempts": 5, "first": "10 s", "wait": "delayed"}, step={"retry": {"attempts": 7}})
    held = plan_of(Task(retry={"first": 1.0}), plan)
    assert (held.attempts, held.first, held.wait, held.factor) == (7, SECOND, Wait.DELAYED, 2)
    assert {name: held.set_by[name] for name in ("attempts", "first", "wait", "factor")} == {
        "attempts": "step",
        "first": "task",
        "wait": "playbook",
        "factor": "installation",
    }


def test_decision_says_which_attempt_of_how_many_why_and_who_said_so() -> None:
    plan = playbook(retry={"attempts": 4, "wait": "immediate"})
    held = plan_of(Task(template="fetch", retry={}), plan)
    told = retry.decide(held, Failure("tool_failed", True, 2)).told
    assert told == {
        "code": "tool_failed",
        "attempt": 2,
        "attempts": 4,
        "why": "tool_failed",
        "wait": "immediate",
        "delay_s": 0.0,
        "set_by": {"attempts": "template", "wait": "template", "errors": "installation"},
    }


def test_failure_before_the_first_step_has_a_policy_too() -> None:
    failed = Failure("tool_failed", True, 1)
    policies = (
        retry.policy_of(Task(retry=said), playbook(), None) for said in ({"wait": "immediate"}, {"attempts": 1})
    )
    assert [retry.decide(policy, failed).delay for policy in policies] == [timedelta(), None]


def test_what_people_write_is_kept_in_numbers() -> None:
    written = {"attempts": "5", "first": "10 s", "most": "2 min", "factor": 1.5, "errors": "transient, exit_code"}
    assert retry.read({**written, "total": "", "wait": None}) == {
        "attempts": 5,
        "first": 10.0,
        "most": 120.0,
        "factor": 1.5,
        "errors": ["transient", "exit_code"],
    }


def test_what_was_kept_reads_as_itself() -> None:
    kept = retry.read({"attempts": 5, "first": "90 s", "wait": "Delayed", "errors": ["limit"]})
    assert retry.read(kept) == kept


@pytest.mark.parametrize(
    ("field", "value", "cure"),
    [
        ("attempts", 0, "whole number from 1 to 20"),
        ("attempts", 21, "whole number from 1 to 20"),
        ("attempts", "many", "whole number from 1 to 20"),
        ("attempts", True, "whole number from 1 to 20"),
        ("attempts", 1.5, "whole number from 1 to 20"),
        ("factor", 0.5, "number from 1 to 10"),
        ("factor", "nan", "number from 1 to 10"),
        ("wait", "sometimes", "immediate, delayed, exponential"),
        ("first", "soon", "90 s, 5 min or 1 h"),
        ("most", "25 h", "24 h at most"),
        ("errors", ["tool_faild"], "there is no error tool_faild; there are transient, any"),
        ("errors", [], "attempts: 1"),
        ("errors", 5, "a list of error codes"),
        ("tries", 3, "there is no field tries; there are attempts, wait"),
    ],
)
def test_mistake_is_named_with_its_field_and_cure(field: str, value: object, cure: str) -> None:
    (problem,) = retry.problems({field: value})
    assert problem["path"] == f"retry.{field}"
    assert cure in problem["message"]


@pytest.mark.parametrize("tool", all_tools(), ids=lambda tool: tool.name)
def test_what_a_tool_says_about_retries_makes_sense(tool: Tool) -> None:
    assert retry.problems(tool.retry) == []
    if tool.effect is Effect.ONCE:
        assert not set(retry.read(tool.retry).get("errors", [])) - {"transient"}

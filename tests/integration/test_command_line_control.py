"""bin/opscore's control of tasks, queues, agents and everything, and the Python client's, by a running application."""

import json
import shlex
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from click.testing import CliRunner, Result
from sqlalchemy import delete, select, update

from models import scope
from models.agent import Agent
from models.columns import now
from models.database import reading, writing
from models.plan import Plan
from models.states import State
from models.task import Task
from opscore_sdk import Conflict, OpsCoreClient
from settings import PROJECT
from tests.support.conversations import some_providers
from tests.support.factories import make_agent, make_event, make_task, make_worker
from tests.support.web import PLAYBOOK, LiveWeb, live_web
from tests.support.workplace import Workplace
from worker.command_line import emergency, sure
from worker.command_line.program import program

Opscore = Callable[..., Result]
WHOLE_PLAN = {**PLAYBOOK, "title": "Greet", "version": "7"}


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def web(workplace: Workplace) -> Iterator[LiveWeb]:
    with live_web(workplace.told, workplace.logs / "web.log") as running:
        yield running


@pytest.fixture
def opscore(web: LiveWeb, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opscore]:
    """Run bin/opscore with these arguments; within, alice acts."""
    monkeypatch.setenv("OPSCORE_URL", web.url)
    with scope.acting("person:alice"):
        yield run


@pytest.fixture
def client(web: LiveWeb) -> Iterator[OpsCoreClient]:
    with scope.acting("person:alice"), OpsCoreClient(web.url, web.token) as made:
        yield made


def run(*arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(program, arguments, catch_exceptions=False, input=typed)


def as_json(result: Result) -> Any:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def new(state: State = State.QUEUED, **values: Any) -> str:
    with writing() as session:
        return make_task(session, state, 2, **values).id


def state(task_id: str) -> str:
    with reading() as session:
        return session.scalars(select(Task.state).where(Task.id == task_id)).one()


def test_one_task_is_cancelled_paused_resumed_and_retried(opscore: Opscore) -> None:
    task_id = new(title="Count the orders")
    assert f"Paused: Count the orders is paused now.\n{task_id}" in opscore("task", "pause", task_id).stdout
    assert "is queued now" in opscore("task", "resume", task_id).stdout
    assert as_json(opscore("task", "cancel", task_id, "--json"))["state"] == "cancelled"
    assert "is queued now" in opscore("task", "retry", task_id).stdout
    assert opscore("task", "dismiss", task_id).exit_code == 4


def test_asking_for_what_is_so_already_says_so(opscore: Opscore) -> None:
    cancelled, failed = new(State.CANCELLED, title="Count"), new(State.FAILED, title="Too late")
    assert "Nothing to do: Count was already cancelled." in opscore("task", "cancel", cancelled).stdout
    with writing() as session:
        session.execute(update(Task).where(Task.id == failed).values(dead_letter_at=Task.finished_at))
    assert "Dismissed: Too late is no dead letter any more." in opscore("task", "dismiss", failed).stdout
    assert "Nothing to do: Too late was no dead letter any more." in opscore("task", "dismiss", failed).stdout
    assert "Nothing was stopped" in opscore("release").stdout


def test_a_task_says_when_it_began_and_must_end_and_why_no_attempt_is_left(opscore: Opscore, web: LiveWeb) -> None:
    with writing() as session:
        task = make_task(session, State.FAILED, 2, attempts=3, priority=7, deadline_at=now() + timedelta(days=2))
        told = {"why": "no attempt is left", "attempt": 3, "attempts": 3}
        make_event(session, task, "task.failed", now(), code="exit_code", message="ended with exit code 1", **told)
        task.dead_letter_at = task.finished_at
    shown = {line.strip() for line in opscore("task", "show", task.id).stdout.splitlines()}
    facts = " ".join(" ".join(line.split()) for line in shown)
    assert "no further attempt: no attempt is left (attempt 3 of 3)" in shown
    assert "priority 7" in facts and "failed attempts 3" in facts and f"{web.url}/tasks/{task.id}" in facts
    zone = now().astimezone().strftime("%Z")
    assert all(line.endswith(zone) for line in shown if line.startswith(("deadline", "started", "submitted")))
    followed = opscore("task", "follow", task.id)
    assert followed.exit_code == 1 and "No further attempt: no attempt is left" in followed.stdout
    listed = opscore("task", "list", "--dead-letters").stdout
    assert "no further attempt: no attempt is left (attempt 3 of 3)" in listed


def test_a_dismissed_dead_letter_is_brought_back(opscore: Opscore) -> None:
    task_id = new(State.FAILED)
    assert as_json(opscore("task", "dismiss", task_id, "--json"))["dead_letter_at"] is None
    assert as_json(opscore("task", "restore", task_id, "--json"))["dead_letter_at"] is not None
    assert opscore("task", "restore", new()).exit_code == 4


def test_a_running_task_shows_what_it_was_asked_for(opscore: Opscore) -> None:
    task_id = new(State.RUNNING)
    assert "It pauses after this step" in opscore("task", "pause", task_id).stdout
    assert f"bin/opscore task follow {task_id}" in opscore("task", "cancel", task_id).stdout
    assert "cancel, pause" in opscore("task", "show", task_id).stdout
    other = new(State.RUNNING)
    assert "It is being paused" in opscore("task", "pause", "--now", other).stdout


def test_a_refusal_says_why(opscore: Opscore) -> None:
    refused = opscore("task", "pause", new(State.SUCCEEDED))
    assert refused.exit_code == 4
    assert "cannot pause task: it has succeeded; only what still runs can be paused" in refused.stderr


def test_a_task_is_replayed_from_a_step(opscore: Opscore) -> None:
    task_id = new(State.SUCCEEDED)
    assert "Replayed from measure" in opscore("task", "replay", task_id, "--from", "measure").stdout
    planned = Plan(content={"steps": [{"name": "measure"}, {"name": "announce"}]})
    refused = opscore("task", "replay", new(State.FAILED, plan=planned), "--from", "announce")
    assert refused.exit_code == 2 and "the step announce was not reached yet" in refused.stderr
    shown = opscore("task", "show", task_id).stdout
    assert "Write the plan" in shown and "Measure every file" not in shown


def test_a_question_is_shown_and_answered(opscore: Opscore) -> None:
    task_id = new(State.WAITING)
    assert f"bin/opscore task answer {task_id} retry|done|fail" in opscore("task", "show", task_id).stdout
    assert "Answered: done" in opscore("task", "answer", task_id, "done").stdout
    assert state(task_id) == State.QUEUED
    assert opscore("task", "answer", task_id, "done").exit_code == 4


def test_a_task_is_cloned_with_another_input(opscore: Opscore) -> None:
    with writing() as session:
        task = make_task(session, State.SUCCEEDED, plan=Plan(content=WHOLE_PLAN), inputs={"name": "you"})
    made = as_json(opscore("task", "clone", task.id, "-i", "name=42", "--title", "Again", "--json"))
    assert (made["inputs"], made["title"], made["cloned_from_id"]) == ({"name": "42"}, "Again", task.id)
    assert task.id in opscore("task", "show", made["id"]).stdout


def test_dead_letters_are_listed_and_retried_all_together(opscore: Opscore) -> None:
    with writing() as session:
        session.execute(update(Task).values(dead_letter_at=None))
    broken = [new(State.FAILED, agent="mender") for _ in range(3)]
    with writing() as session:
        session.execute(update(Task).where(Task.id.in_(broken)).values(dead_letter_at=Task.finished_at))
    listed = as_json(opscore("task", "list", "--dead-letters", "--json"))["tasks"]
    assert sorted(each["id"] for each in listed) == sorted(broken)
    assert "Retried 3 tasks." in opscore("task", "retry", "--dead-letters", "--yes").stdout
    assert {state(task_id) for task_id in broken} == {State.QUEUED}


def test_many_are_shown_and_asked_for_before_anything_happens(
    opscore: Opscore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks = [new(agent="asked", title=f"Part {n}") for n in range(7)]
    wanted = ("task", "cancel", "--agent", "asked", "--state", "queued")
    looked = opscore(*wanted, "--dry-run").stdout
    assert "7 tasks to cancel:" in looked and "Part 6" in looked and "…" in looked
    refused = opscore(*wanted)
    assert refused.exit_code == 2 and "this would cancel 7 tasks; say --yes" in refused.stderr
    monkeypatch.setattr(sure, "sys", SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True)))
    declined = run(*wanted, typed="n\n")
    assert declined.exit_code == 1 and "Cancel 7 tasks? [y/N]" in declined.stdout
    assert {state(task_id) for task_id in tasks} == {State.QUEUED}
    assert "Cancelled 1 task." in run(*wanted, "-q", "part 6", typed="y\n").stdout
    done = as_json(opscore(*wanted, "--yes", "--json"))
    assert done == {"done": 6, "refused": 0, "reasons": {}}
    assert "There is no task to cancel." in opscore(*wanted, "--yes").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("task", "cancel"), "name one, or say which"),
        (("task", "cancel", "last", "--all"), "not both"),
        (("task", "cancel", "--all", "--agent", "x"), "name one, or say which"),
        (("task", "pause", "--now", "--agent", "x", "--yes"), "--now is for one task"),
        (("queue", "limit", "complexity.1", "many"), "is no number of tasks"),
        (("stop-all",), "say --yes"),
        (("retention", "prune"), "this deletes all tasks whose time is over; say --yes"),
        (("service", "reset", "web:example.org"), "say --yes"),
        (("schedule", "delete", "nightly"), "say --yes"),
    ],
)
def test_what_is_said_wrongly_does_nothing(opscore: Opscore, arguments: tuple[str, ...], said: str) -> None:
    refused = opscore(*arguments)
    assert refused.exit_code == 2
    assert said in refused.stderr


def test_a_queue_is_paused_listed_limited_and_resumed(opscore: Opscore) -> None:
    new(complexity=8)
    assert "complexity.8 is paused" in opscore("queue", "pause", "complexity.8", "--reason", "repairs").stdout
    assert "complexity.8: 2 at a time." in opscore("queue", "limit", "complexity.8", "2").stdout
    line = next(each for each in opscore("queue", "list").stdout.splitlines() if "complexity.8" in each)
    assert "by program:token: repairs" in line
    assert "complexity.8 is open" in opscore("queue", "resume", "complexity.8").stdout
    assert as_json(opscore("queue", "limit", "complexity.8", "none", "--json"))["max_running"] is None
    assert opscore("queue", "pause", "nope").exit_code == 4


def test_an_agent_is_paused_limited_and_resumed(opscore: Opscore) -> None:
    with writing() as session:
        make_worker(session, make_agent(session, "hand"))
    assert "hand takes no more tasks" in opscore("agent", "pause", "hand").stdout
    assert "hand: none of its own, 2 at a time" in opscore("agent", "limits", "hand", "--running", "2").stdout
    shown = opscore("agent", "show", "hand").stdout
    assert "paused" in shown and "2 at a time" in shown
    listed = next(line for line in opscore("agent", "list").stdout.splitlines() if "hand" in line)
    assert "paused since" in listed and "2 at a time" in listed
    assert "hand takes tasks again" in opscore("agent", "resume", "hand").stdout
    assert as_json(opscore("agent", "limits", "hand", "--running", "none", "--json"))["max_running"] is None


def test_an_agent_is_given_a_model_and_loses_it(opscore: Opscore) -> None:
    with writing() as session:
        make_agent(session, "thinker")
        some_providers(session)
    assert "thinker: thinks with what covers the complexity" in opscore("agent", "set", "thinker").stdout
    given = opscore("agent", "set", "thinker", "--model", "ollama/llama3.2", "--json")
    assert as_json(given)["model"] == "ollama/llama3.2"
    assert "ollama/llama3.2" in opscore("agent", "show", "thinker").stdout
    assert "there is no model ollama/gone" in opscore("agent", "set", "thinker", "--model", "ollama/gone").output
    assert as_json(opscore("agent", "set", "thinker", "--model", "none", "--json"))["model"] is None


def test_everything_is_stopped_and_released(opscore: Opscore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency, "PATIENCE_S", 0.0)
    running = new(State.RUNNING)
    assert "Nothing is stopped." in opscore("stop-all", "--status").stdout
    stopped = opscore("stop-all", "--reason", "fire", "--yes").stdout
    assert "Everything is stopped" in stopped and "by program:token: fire" in stopped
    assert as_json(opscore("stop-all", "--status", "--json"))["is_on"]
    for kind in ("task", "agent", "queue"):
        assert "bin/opscore release ends that" in opscore(kind, "list").stderr
    with writing() as session:
        session.execute(update(Task).where(Task.state == State.RUNNING).values(state=State.PAUSED))
    assert "Released: agents take tasks again." in opscore("release").stdout
    assert state(running) == State.QUEUED


def test_the_client_does_the_same(client: OpsCoreClient) -> None:
    first, second = (new(agent="made-by-hand") for _ in range(2))
    assert client.pause(first).state == "paused"
    assert client.resume(first).state == client.resume(first).state == "queued"
    assert client.bulk_preview("cancel", agent="made-by-hand").left == 2
    came = list(client.bulk("cancel", at_once=1, agent="made-by-hand"))
    assert [(each.done, each.left) for each in came] == [(1, 1), (1, 0)]
    assert client.task(second).state == "cancelled"
    assert client.retry(first).epoch == 2
    with pytest.raises(Conflict, match="only what failed is a dead letter"):
        client.dismiss(first)
    asks = client.task(new(State.WAITING))
    assert asks.question is not None
    with pytest.raises(Conflict, match="another step"):
        client.answer(asks.id, "done", step=first)
    assert client.answer(asks.id, "retry", step=asks.question["step"]).state == "queued"
    assert client.replay(new(State.SUCCEEDED), 1).steps_done == 0


def test_a_request_whose_answer_was_lost_is_carried_out_once(
    client: OpsCoreClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, lost = client._connection._session, iter(range(3))
    ask = session.request

    def lose_the_answer(method: str, url: str, **options: Any) -> Any:
        answer = ask(method, url, **options)
        # It has failed again before the client asks a second time: the state alone cannot tell.
        if method == "POST" and next(lost, None) is not None:
            with writing() as rows:
                rows.execute(update(Task).where(Task.epoch > 1).values(state=State.FAILED))
            raise requests.ConnectionError("the answer was lost")
        return answer

    failed, succeeded = new(State.FAILED), new(State.SUCCEEDED)
    asks = new(State.WAITING)
    monkeypatch.setattr(session, "request", lose_the_answer)
    assert client.retry(failed).epoch == 2
    assert client.replay(succeeded, 1).epoch == 2
    assert client.answer(asks, "done").state == "queued"
    assert next(lost, None) is None


def test_the_client_rules_queues_and_everything(client: OpsCoreClient) -> None:
    assert client.queues.pause("capability.gpu", "repairs").pause_reason == "repairs"
    assert [each.name for each in client.queues.all() if each.paused_at] == ["capability.gpu"]
    assert client.queues.limit("capability.gpu", 3).max_running == client.queues.named("capability.gpu").max_running
    assert client.queues.resume("capability.gpu").paused_at is None
    stopped = client.emergency.stop("fire")
    assert (stopped.is_on, stopped.since is not None) == (True, True)
    assert not client.emergency.release().is_on
    assert not client.emergency.standing().is_on


STATE_FOR = {
    "cancel": State.QUEUED, "pause": State.RUNNING, "resume": State.PAUSED, "retry": State.FAILED,
    "replay": State.SUCCEEDED, "clone": State.SUCCEEDED, "dismiss": State.FAILED, "restore": State.FAILED,
    "show": State.WAITING,
    "answer": State.WAITING,
}  # fmt: skip


def test_every_command_of_the_how_to_works(opscore: Opscore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emergency, "PATIENCE_S", 0.0)
    with writing() as session:
        session.execute(delete(Agent).where(Agent.name == "scout"))
        make_worker(session, make_agent(session, "scout"))
    text = (PROJECT / "docs" / "how-to" / "control-tasks.md").read_text(encoding="utf-8")
    commands = [line for block in text.split("```\n")[1::2] for line in block.splitlines()]
    assert len(commands) == 27
    for command in commands:
        _, *words = shlex.split(command)
        if "TASK" in words:
            with writing() as session:
                plan = Plan(content=WHOLE_PLAN)
                task = make_task(session, STATE_FOR[words[1]], 2, plan=plan, inputs={"name": "you"})
            words[words.index("TASK")] = task.id
        done = opscore(*words)
        assert done.exit_code == 0, f"{command}: {done.output}"

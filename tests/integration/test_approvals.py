"""A person agrees before a call happens: who demands it, what is shown, what each answer leads to; both databases.

The same through real processes: test_approvals_wait.py.
"""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, current_app
from sqlalchemy import event, select, update

import settings
from models import scope
from models.agent import Agent
from models.approval import Approval, ApprovalState
from models.columns import now
from models.database import db, reading, writing
from models.errors import Conflict, InvalidInput, NotFound
from models.event import Event
from models.states import State
from models.step import Step
from models.task import Task
from tasks import broker
from tasks.approvals import decisions
from tasks.approvals.decisions import Said, decide
from tasks.control import emergency, questions
from tasks.control import one_task as control
from tasks.orders.submission import Order, submit
from tasks.queueing import waking
from tasks.reconcile import quick
from tasks.work import Served
from tests.support.draining import drain_all, serving
from tests.support.workplace import plan, write
from tools.drill.note import NoteOnce
from tools.history import History
from tools.workspace import Workspace
from webapp import step_approvals


@pytest.fixture
def served(alone: Flask, monkeypatch: pytest.MonkeyPatch) -> Served:
    for module in (broker, waking):
        monkeypatch.setattr(module, "send_wake_up", lambda queue, task_id: None)
    return serving()


@pytest.fixture
def noted(alone: Flask, tmp_path: Path) -> Iterator[Callable[[], list[str]]]:
    """What the tools of exercises did outside, in order."""
    ledger = tmp_path / "ledger.jsonl"

    def keys() -> list[str]:
        lines = ledger.read_text().splitlines() if ledger.exists() else []
        return [json.loads(line)["key"] for line in lines]

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OPSCORE_DRILL_LEDGER", str(ledger))
        settings.load.cache_clear()
        yield keys
    settings.load.cache_clear()


def submitted(body: dict[str, Any], **order: Any) -> str:
    return submit(Order(playbook=json.dumps(body), complexity=3, **order)).task.id


def task_of(task_id: str) -> Task:
    with reading() as session:
        return session.scalars(select(Task).where(Task.id == task_id)).one()


def approvals_of(task_id: str) -> list[Approval]:
    with reading() as session:
        return list(session.scalars(select(Approval).where(Approval.task_id == task_id).order_by(Approval.id)))


def asked_by(task_id: str) -> Approval:
    """What the waiting task asks."""
    task = task_of(task_id)
    assert task.state == State.WAITING, (task.state, task.error_message)
    found = [each for each in approvals_of(task_id) if each.state == ApprovalState.WAITING]
    assert len(found) == 1
    assert (task.question or {})["approval"] == found[0].id
    return found[0]


def step_of(task_id: str, key: str) -> Step:
    with reading() as session:
        mine = (Step.task_id == task_id, Step.key == key, Step.superseded_at.is_(None))
        return session.scalars(select(Step).where(*mine)).one()


def kinds(task_id: str) -> list[str]:
    with reading() as session:
        mine = select(Event.kind).where(Event.subject_id == task_id).order_by(Event.number)
        return list(session.scalars(mine))


def demanding(names: list[str]) -> None:
    """The agent scout must ask before these."""
    with writing() as session:
        session.execute(update(Agent).where(Agent.name == "scout").values(approvals=names))


def yes(approval: Approval) -> Said:
    return Said("approve", approval.digest)


def note(key: str, **more: Any) -> dict[str, Any]:
    return {"tool": "drill.note_once", "with": {"key": key}, "name": key, **more}


def test_a_step_that_needs_approval_waits_and_is_done_once_approved(
    served: Served, noted: Callable[[], list[str]]
) -> None:
    task_id = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    approval = asked_by(task_id)
    assert noted() == []
    assert (approval.tool, approval.key, approval.risk) == ("drill.note_once", "mail", "high")
    assert approval.arguments == {"key": "mail", "sleep_s": 0.0, "path": None, "lines": 1}
    assert "demands it of this step" in approval.why
    decided = decide(approval.id, yes(approval))
    assert (decided.state, decided.decided_by) == (ApprovalState.APPROVED, "person:alice")
    drain_all(served)
    assert task_of(task_id).state == State.SUCCEEDED
    assert noted() == ["mail"]
    assert [kind for kind in kinds(task_id) if kind.startswith("task.a")] == ["task.asked", "task.answered"]
    assert task_of(task_id).attempts == task_of(task_id).losses == 0


@pytest.mark.parametrize("who", ["tool", "plan", "agent"])
def test_tool_plan_and_agent_can_demand_it(
    who: str, served: Served, noted: Callable[[], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    body = plan({"tool": "drill.nothing", "name": "first"}, note("mail"))
    words = {"tool": "Every call of the tool", "plan": "The task's plan", "agent": "The agent scout"}
    if who == "tool":
        monkeypatch.setattr(NoteOnce, "approval", True)
    elif who == "plan":
        body["approvals"] = ["drill.note_once"]
    else:
        demanding(["drill.note_once"])
    task_id = submitted(body)
    drain_all(served)
    approval = asked_by(task_id)
    assert approval.why.startswith(words[who])
    assert noted() == []
    assert step_of(task_id, "first").state == "succeeded"


def test_nobody_is_asked_where_nobody_demands_it_and_nothing_is_looked_up(
    served: Served, noted: Callable[[], list[str]]
) -> None:
    said: list[str] = []

    def note_statement(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        said.append(statement)

    task_id = submitted(plan(note("first"), note("second")))
    event.listen(db.engine, "before_cursor_execute", note_statement)
    drain_all(served)
    event.remove(db.engine, "before_cursor_execute", note_statement)
    assert task_of(task_id).state == State.SUCCEEDED
    assert approvals_of(task_id) == []
    assert noted() == ["first", "second"]
    assert not [statement for statement in said if "FROM approval" in statement]
    # What the agent must ask before comes with the claim, and later with what limits it: no statement of its own.
    of_agent = [statement for statement in said if "agent.approvals" in statement]
    assert [statement.split()[0] for statement in of_agent if "agent.limits" in statement][:3] == [
        "UPDATE",
        "SELECT",
        "UPDATE",
    ]


def test_an_edited_call_runs_edited(served: Served) -> None:
    task_id = submitted(plan(write("output/a.txt", "first draft", name="write", approval=True)))
    drain_all(served)
    approval = asked_by(task_id)
    assert "+first draft" in approval.diff
    edited = {"path": "output/b.txt", "text": "as I want it"}
    decided = decide(approval.id, Said("edit", approval.digest, edited))
    assert decided.state == ApprovalState.EDITED
    drain_all(served)
    assert task_of(task_id).state == State.SUCCEEDED
    step = step_of(task_id, "write")
    assert step.arguments == {**edited, "append": False}
    assert step.output["path"] == "output/b.txt"
    with reading() as session:
        said = step_approvals.said_to(session, task_of(task_id))
    assert (list(said), step_approvals.words_of(said["write"])) == (["write"], "Approved with changes")
    assert said["write"].decided_by == decided.decided_by


def test_arguments_that_the_tool_cannot_use_are_refused_by_field_and_nothing_is_lost(served: Served) -> None:
    task_id = submitted(plan(write("output/a.txt", "text", name="write", approval=True)))
    drain_all(served)
    approval = asked_by(task_id)
    with pytest.raises(InvalidInput) as wrong:
        decide(approval.id, Said("edit", approval.digest, {"path": "a.txt", "text": "t", "append": "perhaps"}))
    assert [each["path"] for each in wrong.value.problems] == ["arguments.append"]
    with pytest.raises(InvalidInput):
        decide(approval.id, Said("edit", approval.digest))
    with pytest.raises(InvalidInput):
        decide(approval.id, Said("approve", approval.digest, {"path": "a.txt", "text": "t"}))
    with pytest.raises(InvalidInput):
        decide(approval.id, Said("perhaps", approval.digest))
    assert asked_by(task_id).id == approval.id


def test_a_rejected_call_is_not_made_and_its_reason_stands(served: Served, noted: Callable[[], list[str]]) -> None:
    task_id = submitted(plan(note("mail", approval=True, retry={"attempts": 3, "errors": ["any"], "first": 0})))
    drain_all(served)
    approval = asked_by(task_id)
    decide(approval.id, Said("reject", approval.digest, reason="not on a Friday"))
    drain_all(served)
    task, step = task_of(task_id), step_of(task_id, "mail")
    assert noted() == []
    assert (task.state, task.error_code, step.error_code) == (State.FAILED, "rejected", "rejected")
    assert "not on a Friday" in (task.error_message or "")
    assert task.dead_letter_at is None, "a person has dealt with it: they said no"
    assert task.attempts == 0


@pytest.mark.parametrize("said", ["approve", "edit", "reject"])
@pytest.mark.parametrize("goes_on", ["with another agent", "after the rule was lifted"])
def test_what_a_person_said_holds_where_nobody_would_demand_it_any_more(
    said: str, goes_on: str, served: Served, noted: Callable[[], list[str]]
) -> None:
    demanding(["drill.note_once"])
    task_id = submitted(plan({"tool": "drill.nothing"}, note("mail")))
    drain_all(served)
    approval = asked_by(task_id)
    decide(approval.id, Said(said, approval.digest, {"key": "as I want it"} if said == "edit" else None))
    if goes_on == "with another agent":
        served = serving("builder")
    else:
        demanding([])
    drain_all(served)
    assert noted() == {"approve": ["mail"], "edit": ["as I want it"], "reject": []}[said]
    assert (task_of(task_id).agent, task_of(task_id).error_code) == (
        served.agent,
        "rejected" if said == "reject" else None,
    )
    assert len(approvals_of(task_id)) == 1, "nobody is asked twice"


def test_a_plan_that_was_rejected_is_not_begun_by_another_agent(served: Served) -> None:
    demanding(["plan"])
    task_id = submitted(plan({"tool": "drill.nothing"}))
    drain_all(served)
    approval = asked_by(task_id)
    decide(approval.id, Said("reject", approval.digest))
    drain_all(serving("builder"))
    assert (task_of(task_id).agent, task_of(task_id).error_code) == ("builder", "rejected")
    assert "step.started" not in kinds(task_id)


def test_what_nobody_answered_in_time_is_not_done_by_another_agent(
    served: Served, noted: Callable[[], list[str]]
) -> None:
    demanding(["drill.note_once"])
    task_id = submitted(plan(note("mail"), approval_expires="0.001 s"))
    drain_all(served)
    with scope.wide("system:reconciler"):
        assert quick().expired == 1
    drain_all(serving("builder"))
    assert (task_of(task_id).error_code, noted()) == ("expired", [])


def test_a_step_named_plan_and_the_whole_plan_are_two_questions(served: Served, noted: Callable[[], list[str]]) -> None:
    task_id = submitted({**plan(note("mail", name="plan", approval=True)), "approvals": ["plan"]})
    for tool in ("", "drill.note_once"):
        drain_all(served)
        approval = asked_by(task_id)
        assert (approval.key, approval.tool) == ("plan", tool)
        decide(approval.id, yes(approval))
    drain_all(served)
    assert (task_of(task_id).state, noted()) == (State.SUCCEEDED, ["mail"])


def test_the_first_answer_wins(served: Served) -> None:
    task_id = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    approval = asked_by(task_id)
    with scope.acting("person:bob", str(scope.current().tenant)):
        decide(approval.id, Said("reject", approval.digest), key="k1")
    with pytest.raises(Conflict, match="rejected by person:bob already"):
        decide(approval.id, yes(approval))
    assert decide(approval.id, Said("reject", approval.digest), key="k1").state == ApprovalState.REJECTED
    assert kinds(task_id).count("task.answered") == 1


def test_of_answers_at_the_same_moment_one_counts(served: Served, noted: Callable[[], list[str]]) -> None:
    task_id = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    approval, tenant, app = asked_by(task_id), str(scope.current().tenant), current_app._get_current_object()  # type: ignore[attr-defined]

    def answer(number: int) -> str:
        with app.app_context(), scope.acting(f"person:{number}", tenant):
            try:
                return (
                    decide(approval.id, Said("reject" if number % 2 else "approve", approval.digest)).decided_by or ""
                )
            except Conflict as late:
                return late.code

    with ThreadPoolExecutor(8) as people:
        said = list(people.map(answer, range(8)))
    assert sorted(said)[:7] == ["conflict"] * 7
    decided = approvals_of(task_id)[0]
    assert decided.decided_by == max(said)
    drain_all(served)
    assert noted() == (["mail"] if decided.state == ApprovalState.APPROVED else [])
    assert kinds(task_id).count("task.answered") == 1


def test_the_digest_of_another_call_is_refused(served: Served) -> None:
    first, second = (submitted(plan(note(key, approval=True))) for key in ("one", "two"))
    drain_all(served)
    one, two = asked_by(first), asked_by(second)
    assert one.digest != two.digest
    with pytest.raises(Conflict, match="digest is of another call"):
        decide(one.id, yes(two))
    with pytest.raises(NotFound):
        decide("0192d3c0-0000-7000-8000-000000000000", yes(one))
    assert asked_by(first).state == ApprovalState.WAITING


def test_an_approval_of_what_is_not_done_any_more_is_withdrawn_and_asked_anew(
    served: Served, noted: Callable[[], list[str]]
) -> None:
    task_id = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    first = asked_by(task_id)
    decide(first.id, yes(first))
    with writing() as session:
        # As if what the step's arguments are made from had come out otherwise this time.
        changed = update(Approval).where(Approval.id == first.id).values(digest="0" * 64)
        session.execute(changed.execution_options(synchronize_session=False))
    drain_all(served)
    second = asked_by(task_id)
    assert second.id != first.id
    assert noted() == []


def test_a_whole_playbook_is_approved_by_its_dry_run(served: Served, noted: Callable[[], list[str]]) -> None:
    inputs = {"type": "object", "properties": {"to": {"type": "string"}}}
    body = plan({"tool": "drill.nothing", "name": "first"}, note("{{ inputs.to }}", name="mail"), inputs=inputs)
    task_id = submitted({**body, "approvals": ["plan"]}, inputs={"to": "carol"})
    drain_all(served)
    approval = asked_by(task_id)
    assert kinds(task_id).count("step.started") == 0
    assert (approval.key, approval.tool, approval.risk) == ("plan", "", "high")
    assert [call["arguments"].get("key") for call in approval.arguments["calls"]] == [None, "carol"]
    with pytest.raises(InvalidInput, match="cannot answer"):
        decide(approval.id, Said("edit", approval.digest, {"calls": []}))
    decide(approval.id, yes(approval))
    drain_all(served)
    assert task_of(task_id).state == State.SUCCEEDED
    assert noted() == ["carol"]


def test_a_rejected_plan_ends_the_task_before_its_first_step(served: Served) -> None:
    demanding(["plan"])
    task_id = submitted(plan({"tool": "drill.nothing"}))
    drain_all(served)
    approval = asked_by(task_id)
    assert "The agent scout must ask" in approval.why
    decide(approval.id, Said("reject", approval.digest, reason="no budget"))
    drain_all(served)
    task = task_of(task_id)
    assert (task.state, task.error_code, task.dead_letter_at) == (State.FAILED, "rejected", None)
    assert "no budget" in (task.error_message or "")
    assert "step.started" not in kinds(task_id)


@pytest.mark.parametrize("on_expiry", ["reject", "fail"])
def test_what_nobody_answers_expires_by_the_databases_clock(
    on_expiry: str, served: Served, noted: Callable[[], list[str]]
) -> None:
    body = plan(note("mail", approval=True), approval_expires="0.001 s", on_expiry=on_expiry)
    task_id = submitted(body)
    drain_all(served)
    approval = approvals_of(task_id)[0]
    with pytest.raises(Conflict, match="it has expired"):  # however late the reconciler comes
        decide(approval.id, yes(approval))
    assert asked_by(task_id).id == approval.id
    with scope.wide("system:reconciler"):
        assert quick().expired == 1
        assert quick().expired == 0
    with pytest.raises(Conflict, match="expired"):
        decide(approval.id, yes(approval))
    drain_all(served)
    task = task_of(task_id)
    assert (task.state, task.error_code) == (State.FAILED, "expired")
    assert task.dead_letter_at is not None, "nobody has dealt with it"
    assert noted() == []
    assert "task.approval_expired" in kinds(task_id)
    made = [kind for kind in kinds(task_id) if kind == "step.finished"]
    assert len(made) == (1 if on_expiry == "reject" else 0)


def test_without_an_end_it_waits_for_ever(served: Served) -> None:
    task_id = submitted(plan(note("mail", approval=True), approval_expires=0))
    drain_all(served)
    assert asked_by(task_id).expires_at is None
    other = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    expires_at = asked_by(other).expires_at
    assert expires_at is not None
    assert expires_at > now()
    with scope.wide("system:reconciler"):
        assert quick().expired == 0


def test_cancel_and_deadline_withdraw_the_question_and_pause_does_not(served: Served) -> None:
    cancelled, late = submitted(plan(note("a", approval=True))), submitted(plan(note("b", approval=True)))
    drain_all(served)
    with pytest.raises(Conflict, match="answer it or cancel"):
        control.pause(cancelled)
    with pytest.raises(Conflict, match="approve or reject"):
        control.retry(cancelled)
    with pytest.raises(Conflict, match="approve or reject"):
        questions.answer(cancelled, "done")
    asked = asked_by(cancelled)
    control.cancel(cancelled)
    with writing() as session:
        past = update(Task).where(Task.id == late).values(deadline_at=now().replace(year=2020))
        session.execute(past.execution_options(synchronize_session=False))
    with scope.wide("system:reconciler"):
        quick()
    assert [task_of(each).state for each in (cancelled, late)] == [State.CANCELLED, State.FAILED]
    states = [each.state for task_id in (cancelled, late) for each in approvals_of(task_id)]
    assert states == [ApprovalState.WITHDRAWN] * 2
    with pytest.raises(Conflict, match="withdrawn"):
        decide(asked.id, yes(asked))


def test_an_emergency_stop_leaves_the_question_and_keeps_the_answer(
    served: Served, noted: Callable[[], list[str]]
) -> None:
    task_id = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    emergency.stop()
    approval = asked_by(task_id)
    decide(approval.id, yes(approval))
    drain_all(served)
    assert (task_of(task_id).state, noted()) == (State.QUEUED, [])
    emergency.release()
    drain_all(served)
    assert (task_of(task_id).state, noted()) == (State.SUCCEEDED, ["mail"])


def test_a_retry_asks_anew(served: Served, noted: Callable[[], list[str]]) -> None:
    task_id = submitted(plan(note("mail", approval=True)))
    drain_all(served)
    first = asked_by(task_id)
    decide(first.id, yes(first))
    drain_all(served)
    control.replay(task_id, "mail")
    drain_all(served)
    second = asked_by(task_id)
    assert second.epoch == 2
    assert second.digest != first.digest
    assert noted() == ["mail"]
    with pytest.raises(Conflict):
        decide(second.id, yes(first))


def test_a_call_that_makes_no_sense_is_not_asked_about(served: Served) -> None:
    inputs = {"type": "object", "properties": {"n": {"type": "string"}}}
    body = plan({"tool": "drill.note_once", "with": {"key": "a", "lines": "{{ inputs.n }}"}, "approval": True})
    task_id = submitted({**body, "inputs": inputs}, inputs={"n": "many"})
    drain_all(served)
    assert task_of(task_id).error_code == "invalid_input"
    assert approvals_of(task_id) == []


def test_the_diff_shows_what_a_write_would_change(served: Served) -> None:
    steps = [
        write("output/a.txt", "one\ntwo\n", name="first"),
        write("output/a.txt", "one\n2\n", name="second", approval=True),
    ]
    task_id = submitted(plan(*steps))
    drain_all(served)
    approval = asked_by(task_id)
    assert "-two\n+2\n" in approval.diff
    assert approval.risk == "low"
    assert decisions.find_approval(approval.id).diff == approval.diff


def test_a_program_is_shown_and_one_that_changed_meanwhile_is_asked_about_anew(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = [
        write("src/primes.py", "print(2)\n", name="program"),
        {"stage": "build", "name": "run", "tool": "python.run", "with": {"file": "src/primes.py"}, "approval": True},
    ]
    task_id = submitted(plan(*steps))
    drain_all(served)
    first = asked_by(task_id)
    assert " print(2)\n" in first.diff
    restore = History.restore

    def restored_with_another_program(history: History, snapshot: str, workspace: Workspace) -> None:
        restore(history, snapshot, workspace)
        workspace.write_bytes("src/primes.py", b"print(3)\n")

    monkeypatch.setattr(History, "restore", restored_with_another_program)
    decide(first.id, yes(first))
    drain_all(served)
    second = asked_by(task_id)
    assert " print(3)\n" in second.diff
    assert (second.arguments, second.id == first.id, second.digest == first.digest) == (first.arguments, False, False)
    control.cancel(task_id)


def test_an_edited_path_that_the_tool_cannot_use_is_refused_by_field_and_nothing_is_lost(served: Served) -> None:
    task_id = submitted(plan(write("output/a.txt", "text", name="write", approval=True)))
    drain_all(served)
    approval = asked_by(task_id)
    for path in ("/etc/passwd", "", "../a.txt"):
        with pytest.raises(InvalidInput) as wrong:
            decide(approval.id, Said("edit", approval.digest, {"path": path, "text": "t"}))
        assert [each["path"] for each in wrong.value.problems] == ["arguments.path"]
    assert asked_by(task_id).id == approval.id

"""Steps that fail and are tried again, by two real workers that share what they know of a service.

The service is a server of this machine: it fails and recovers as each test says.
"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select, update

from models import scope
from models.circuit import OPENS_AFTER
from models.columns import database_now
from models.database import reading, writing
from models.event import Event
from models.service import Service
from models.states import TERMINAL, State
from models.task import Task
from tests.support import servers
from tests.support.processes import wait_until
from tests.support.servers import Page, Site
from tests.support.workplace import AgentWanted, Workplace, plan, program

pytestmark = pytest.mark.usefixtures("sites", "celery_worker_cluster")
AT_ONCE = {"wait": "immediate"}
AWAY, THERE = Page(b"not now", 503), Page(b"hello", headers={"Content-Type": "text/plain"})


@dataclass(frozen=True)
class Sites:
    """Hosts of the outside: one for each test that fails one, so that no test meets another's circuit."""

    shaky: Site
    broken: Site
    away: Site
    slow: Site


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("scout", "1-5"), AgentWanted("ranger", "1-5")]


@pytest.fixture(scope="module")
def sites(workplace: Workplace) -> Iterator[Sites]:
    """What the workers are told before they start: these hosts may be reached, and one of them seldom."""
    with ExitStack() as stack:
        found = Sites(*(stack.enter_context(servers.serving()) for _ in range(4)))
        workplace.environment["OPSCORE_NETWORK_LOCAL"] = json.dumps([site.at for site in vars(found).values()])
        workplace.environment["OPSCORE_SERVICE_RATES"] = json.dumps({f"web:{found.slow.at}": "30/min"})
        yield found


def fetch(site: Site, **more: Any) -> dict[str, Any]:
    return {"tool": "web.fetch", "with": {"url": site.url("/")}, "name": "fetch", **more}


def told(workplace: Workplace, task_id: str, kind: str) -> list[dict[str, Any]]:
    return [each.data for each in workplace.events(task_id) if each.kind == kind]


def service(site: Site) -> Service | None:
    with scope.acting("person:alice"), reading() as session:
        return session.scalars(select(Service).where(Service.name == f"web:{site.at}")).one_or_none()


def test_step_is_tried_again_until_its_service_answers(workplace: Workplace, sites: Sites) -> None:
    sites.shaky.pages["/"], sites.shaky.first["/"] = THERE, [AWAY, AWAY]
    playbook = plan(fetch(sites.shaky, retry={"attempts": 4}), retry=AT_ONCE)
    task_id = workplace.submit(playbook)
    task = workplace.succeeded(task_id)
    assert (task.attempts, task.run_number, workplace.steps(task_id)["fetch"].attempt) == (2, 3, 3)
    planned = told(workplace, task_id, "task.retry_planned")
    assert [(each["attempt"], each["attempts"], each["code"]) for each in planned] == [
        (1, 4, "exit_code"),
        (2, 4, "exit_code"),
    ]
    assert planned[0]["set_by"] == {"attempts": "step", "wait": "playbook", "errors": "installation"}


def test_tasks_own_word_on_retries_wins(workplace: Workplace, sites: Sites) -> None:
    sites.shaky.first["/"] = [AWAY, AWAY]
    task_id = workplace.submit(plan(fetch(sites.shaky, retry={"attempts": 5, **AT_ONCE})), retry={"attempts": "2"})
    task = workplace.failed(task_id)
    assert (task.attempts, task.dead_letter_at is not None) == (2, True)
    (failed,) = told(workplace, task_id, "task.failed")
    assert (failed["why"], failed["attempt"], failed["set_by"]) == ("no attempt is left", 2, {"attempts": "task"})


def test_command_that_fails_is_tried_again_only_where_its_exit_code_is_named(workplace: Workplace) -> None:
    named = workplace.submit(plan(program("false", retry={"errors": ["exit_code"], "attempts": 2, **AT_ONCE})))
    not_named = workplace.submit(plan(program("false", retry=AT_ONCE)))
    assert workplace.failed(named).run_number == 2
    assert workplace.failed(not_named).run_number == 1
    (failed,) = told(workplace, not_named, "task.failed")
    assert failed["why"] == "exit_code is not tried again"


def test_delayed_attempt_waits_for_its_time(workplace: Workplace, sites: Sites) -> None:
    sites.shaky.pages["/"], sites.shaky.first["/"] = THERE, [AWAY]
    task_id = workplace.submit(plan(fetch(sites.shaky)), retry={"wait": "delayed", "first": "1 h"})
    workplace.wait_for(task_id, "task.retry_planned")
    (planned,) = told(workplace, task_id, "task.retry_planned")
    assert planned["delay_s"] == 3600
    waiting = workplace.task(task_id)
    assert (waiting.state, waiting.waits_until is not None) == (State.QUEUED, True)
    workplace.reconcile()
    assert workplace.task(task_id).waits_until is not None
    time_passes(workplace)
    workplace.succeeded(task_id)


def test_service_that_says_when_to_come_back_is_left_alone_until_then(workplace: Workplace, sites: Sites) -> None:
    sites.shaky.first["/"] = [Page(status=429, headers={"Retry-After": "7200"})]
    task_id = workplace.submit(plan(fetch(sites.shaky)), retry={**AT_ONCE, "total": "3 h"})
    workplace.wait_for(task_id, "task.retry_planned")
    assert told(workplace, task_id, "task.retry_planned")[0]["delay_s"] == 7200


def test_no_attempt_begins_after_the_time_in_all(workplace: Workplace, sites: Sites) -> None:
    sites.shaky.first["/"] = [Page(status=429, headers={"Retry-After": "7200"})]
    task_id = workplace.submit(plan(fetch(sites.shaky)), retry={**AT_ONCE, "total": "1 h"})
    workplace.failed(task_id)
    assert told(workplace, task_id, "task.failed")[0]["why"] == "no time is left"


def test_two_workers_leave_a_service_alone_that_is_away_and_find_out_that_it_is_back(
    workplace: Workplace, sites: Sites
) -> None:
    sites.away.pages["/"] = AWAY
    ids = [workplace.submit(plan(fetch(sites.away)), retry={**AT_ONCE, "attempts": 20}) for _ in range(6)]
    wait_until(lambda: all(has_been_refused(workplace, each) for each in ids), 60, "each was refused")
    called = sum(seen["path"] == "/" for seen in sites.away.seen)
    # The other worker may have been in the middle of a call.
    assert called in (OPENS_AFTER, OPENS_AFTER + 1)
    found = service(sites.away)
    assert found is not None and found.open_until is not None and found.last_error == "HTTP 503"
    assert {workplace.task(each).state for each in ids} == {State.QUEUED}
    refused = [each for task_id in ids for each in told(workplace, task_id, "task.retry_planned")]
    after = [each["delay_s"] for each in refused if each["code"] == "service_unavailable"]
    assert after and all(0 < delay_s <= 30 for delay_s in after)

    sites.away.pages["/"] = THERE
    time_passes(workplace)
    wait_until(lambda: passed(workplace, ids), 90, "all ended")
    assert {workplace.task(each).state for each in ids} == {State.SUCCEEDED}
    # What was refused used no attempt: it never reached the service.
    assert sum(workplace.task(each).attempts for each in ids) == called
    events = [each for task_id in ids for each in told(workplace, task_id, "service.opened")]
    assert [each["service"] for each in events] == [f"web:{sites.away.at}"]
    assert len([each for task_id in ids for each in told(workplace, task_id, "service.closed")]) == 1


def test_service_with_a_rate_is_called_in_turn(workplace: Workplace, sites: Sites) -> None:
    sites.slow.pages["/"] = THERE
    second = {**fetch(sites.slow), "name": "again"}
    task_id = workplace.submit(plan(fetch(sites.slow), second))
    workplace.succeeded(task_id)
    assert [seen["path"] for seen in sites.slow.seen] == ["/robots.txt", "/", "/"]
    delayed = told(workplace, task_id, "call.delayed")
    assert {(each["service"], each["rate"]) for each in delayed} == {(f"web:{sites.slow.at}", "30/min")}
    # The first turn was that of robots.txt.
    assert [each["key"] for each in delayed] == ["fetch", "again"]
    assert all(0 < each["wait_s"] <= 2 for each in delayed)


def has_been_refused(workplace: Workplace, task_id: str) -> bool:
    return any(each["code"] == "service_unavailable" for each in told(workplace, task_id, "task.retry_planned"))


def time_passes(workplace: Workplace) -> None:
    """Let every rest and every wait be over, by the database's clock; then a round of the reconciler."""
    over = database_now(timedelta(seconds=-1))
    with scope.acting("system:test"), writing() as session:
        session.execute(update(Service).where(Service.open_until.is_not(None)).values(open_until=over))
        session.execute(update(Task).where(Task.waits_until.is_not(None)).values(waits_until=over))
    workplace.reconcile()


def passed(workplace: Workplace, ids: list[str]) -> bool:
    if all(workplace.task(each).state in TERMINAL for each in ids):
        return True
    time_passes(workplace)
    return False


def test_history_of_the_service_is_kept_with_it(workplace: Workplace, sites: Sites) -> None:
    sites.broken.first["/"] = [AWAY] * OPENS_AFTER
    sites.broken.pages["/"] = THERE
    task_id = workplace.submit(plan(fetch(sites.broken)), retry={**AT_ONCE, "attempts": OPENS_AFTER + 1})
    wait_until(lambda: has_been_refused(workplace, task_id), 60, "it was refused")
    time_passes(workplace)
    workplace.succeeded(task_id)
    found = service(sites.broken)
    assert found is not None
    with scope.acting("person:alice"), reading() as session:
        kinds = session.scalars(select(Event.kind).where(Event.subject_id == found.id).order_by(Event.number))
        assert list(kinds) == ["service.opened", "service.closed"]

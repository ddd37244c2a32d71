"""Limits by API, on both databases, and the tiers in /health; what is wrong names the field and the cure."""

import pytest
from flask import Flask
from sqlalchemy import select

from models import scope
from models.agent import Agent
from models.database import reading, writing
from models.event import Event
from models.states import State
from models.step import StepState
from tests.support.factories import make_agent, make_step, make_task, make_worker
from tests.support.web import PLAYBOOK, Api
from tools import limits

MIB = 2**20


@pytest.fixture
def scout(web: Flask) -> Agent:
    with writing() as session:
        return make_agent(session, "scout", limits={"cpu": 60})


def test_task_takes_limits_as_people_write_them(api: Api) -> None:
    order = {"playbook": PLAYBOOK, "inputs": {"name": "x"}, "limits": {"memory": "512 MiB", "wall": 90}}
    made = api.ask("POST", "/v1/tasks", json=order)
    assert made.status_code == 201, made.text
    assert made.json["limits"] == {"memory": 512 * MIB, "wall": 90}


def test_wrong_limit_of_a_task_names_its_field_and_the_cure(api: Api) -> None:
    order = {"playbook": PLAYBOOK, "inputs": {"name": "x"}, "limits": {"memory": "lots", "ram": "1 GiB"}}
    refused = api.ask("POST", "/v1/tasks", json=order)
    assert refused.status_code == 422
    told = {each["path"]: each["message"] for each in refused.json["problems"]}
    assert "write a size such as 512 MiB" in told["limits.memory"]
    assert "there are wall, cpu, memory" in told["limits.ram"]


def test_step_shows_its_limits_and_who_set_them(api: Api) -> None:
    effective = limits.tightest([("installation", limits.defaults()), ("agent", {"memory": 512 * MIB})])
    with writing() as session:
        task = make_task(session, State.FAILED, error_message="cannot")
        hit = {"error_code": "memory_bytes", "error_message": effective.of("memory_bytes").reached}
        step = make_step(session, task, 1, StepState.FAILED, limits=effective.as_dict(), **hit)
        step.resources = {**step.resources, "processes_killed": 2, "hit": "memory_bytes"}
    [shown] = api.ask("GET", f"/v1/tasks/{task.id}/steps").json["steps"]
    assert shown["limits"]["memory"] == {"value": 512 * MIB, "shown": "512 MiB", "set_by": ["agent"]}
    assert (shown["resources"]["processes_killed"], shown["resources"]["hit"]) == (2, "memory_bytes")
    assert shown["error_message"] == (
        "Memory limit reached: 512 MiB, set by the agent; raise memory in the agent's limits"
    )


def test_agents_limits_are_changed_one_by_one_and_who_did_it_is_on_its_timeline(api: Api, scout: Agent) -> None:
    changed = api.ask("PATCH", "/v1/agents/scout", json={"limits": {"memory": "1 GiB"}})
    assert changed.status_code == 200, changed.text
    assert (changed.json["limits"], changed.json["version"]) == ({"cpu": 60, "memory": 1024 * MIB}, 2)
    cleared = api.ask("PATCH", "/v1/agents/scout", json={"limits": {"cpu": None}})
    assert cleared.json["limits"] == api.ask("GET", "/v1/agents/scout").json["limits"] == {"memory": 1024 * MIB}
    with reading() as session:
        events = list(session.scalars(select(Event).where(Event.subject_id == scout.id).order_by(Event.number)))
    assert [(each.kind, each.author) for each in events] == [("agent.limits_changed", "program:token")] * 2
    assert events[0].data == {"before": {"cpu": 60}, "after": {"cpu": 60, "memory": 1024 * MIB}}


def test_change_that_changes_nothing_leaves_no_trace(api: Api, scout: Agent) -> None:
    same = api.ask("PATCH", "/v1/agents/scout", json={"limits": {"cpu": "1 min", "wall": None}})
    assert (same.json["version"], same.json["limits"]) == (1, {"cpu": 60})


def test_wrong_limit_changes_nothing_of_an_agent(api: Api, scout: Agent) -> None:
    refused = api.ask("PATCH", "/v1/agents/scout", json={"limits": {"memory": "1 GiB", "wall": "soon"}})
    assert (refused.status_code, refused.json["problems"][0]["path"]) == (422, "limits.wall")
    assert api.ask("GET", "/v1/agents/scout").json["limits"] == {"cpu": 60}


def test_agent_that_is_not_there_is_not_found(api: Api) -> None:
    assert api.ask("GET", "/v1/agents/nobody").status_code == 404
    assert api.ask("PATCH", "/v1/agents/nobody", json={"limits": {}}).status_code == 404


def test_agent_of_another_tenant_is_not_there(api: Api) -> None:
    with scope.acting("person:charlie", "elsewhere"), writing() as session:
        make_agent(session, "theirs")
    assert api.ask("PATCH", "/v1/agents/theirs", json={"limits": {"cpu": 1}}).status_code == 404


def test_signed_in_browser_needs_the_pages_token_to_change_an_agent(web: Flask, scout: Agent) -> None:
    client = web.test_client()
    with client.session_transaction() as session:
        session["person"] = "person:local"
    assert client.patch("/v1/agents/scout", json={"limits": {"cpu": 1}}).status_code == 400
    assert client.post("/agents/scout/limits", data={"limit.cpu": "1 s"}).status_code == 400


def test_health_tells_every_tier_and_names_the_weakest(api: Api, scout: Agent) -> None:
    with writing() as session:
        for tier, name in ((1, "bubblewrap"), (1, "bubblewrap"), (3, "landlock")):
            make_worker(session, scout, sandbox={"tier": tier, "name": name, "facts": {"host": "secret"}})
    told = api.ask("GET", "/health")
    assert told.json["sandbox"] == "landlock"
    assert told.json["sandboxes"] == [
        {"tier": 1, "name": "bubblewrap", "workers": 2},
        {"tier": 3, "name": "landlock", "workers": 1},
    ]
    assert "secret" not in told.text

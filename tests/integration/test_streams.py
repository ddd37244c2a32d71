"""Streams miss nothing: with and without Redis, through reconnects, and they end when the server is told to stop."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
import requests
from flask import Flask
from sqlalchemy import select

import settings
from models import scope
from models.columns import new_id
from models.database import bare_app, db, writing
from models.event import Event
from models.states import State
from models.task import Task
from opscore_sdk import OpsCoreClient, Output
from tests.support.factories import make_event, make_task
from tests.support.started import wait_until
from tests.support.web import LiveWeb, live_web
from webapp import stream
from webapp.hearing import Hearing
from webapp.stream import everything, timeline
from worker.installation.broker import server_program


@pytest.fixture
def hearing(monkeypatch: pytest.MonkeyPatch, app: Flask) -> Iterator[Hearing]:
    """A listener for a Redis that is not there."""
    made = Hearing("unix:///nowhere/broker.sock")
    monkeypatch.setattr(stream, "hearing", lambda: made)
    yield made
    made.end()


@pytest.fixture
def broker(told: settings.Settings) -> Iterator[redis.Redis]:
    """A Redis server of this test's own, under the installation's address."""
    told.broker_socket.parent.mkdir(parents=True, exist_ok=True)
    with subprocess.Popen(
        [
            server_program(),
            "--port",
            "0",
            "--unixsocket",
            str(told.broker_socket),
            "--save",
            "",
            "--dir",
            str(told.data_dir),
        ],
        stdout=subprocess.DEVNULL,
    ) as server:
        client = redis.Redis.from_url(told.redis)
        wait_until(lambda: _pings(client), "Redis answers")
        yield client
        client.close()
        server.terminate()


def _pings(client: redis.Redis) -> bool:
    try:
        return bool(client.ping())
    except redis.exceptions.RedisError:
        return False


def add(task: Task, kind: str = "step.started") -> None:
    """The next event of the task, committed."""
    with writing() as session:
        row = session.scalars(select(Task).where(Task.id == task.id)).one()
        make_event(session, row, kind, row.submitted_at)


def numbers(messages: Iterator[stream.Message], count: int) -> list[int]:
    """The numbers of the next `count` events."""
    found: list[int] = []
    for message in messages:
        if isinstance(message, Event):
            found.append(message.number)
        if len(found) == count:
            break
    return found


def test_a_timeline_begins_with_what_is_there_and_goes_on(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        task = make_task(session, State.RUNNING, done=1)
    messages = timeline(task.id)
    count = task.event_count
    assert numbers(messages, count) == list(range(1, count + 1))
    add(task)
    assert numbers(messages, 1) == [count + 1]


def test_a_timeline_goes_on_after_the_number_that_was_seen(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        task = make_task(session, State.SUCCEEDED)
    assert numbers(timeline(task.id, 5), task.event_count - 5) == list(range(6, task.event_count + 1))


def test_a_long_timeline_comes_whole(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        task = make_task(session)
        for _ in range(1200):
            make_event(session, task, "step.started", task.submitted_at)
    assert numbers(timeline(task.id), 1201) == list(range(1, 1202))


def test_a_waiting_stream_holds_no_connection(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        task = make_task(session)
    db.session.remove()
    messages = timeline(task.id)
    numbers(messages, 1)
    assert db.engine.pool.checkedout() == 0  # type: ignore[attr-defined]


def test_another_tenants_timeline_is_empty(app: Flask, hearing: Hearing) -> None:
    with scope.acting("person:charlie", "elsewhere"), writing() as session:
        task = make_task(session)
    messages = timeline(task.id)
    threading.Timer(1.5, hearing.end).start()
    assert [message for message in messages if message] == []


def test_a_stream_ends_at_once_when_its_process_is_told_to_stop(
    app: Flask, hearing: Hearing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream, "LOOK_EVERY_S", 30.0)
    with writing() as session:
        task = make_task(session)
    messages = timeline(task.id)
    numbers(messages, 1)
    threading.Timer(0.2, hearing.end).start()
    begun = time.monotonic()
    assert list(messages) == []
    assert time.monotonic() - begun < 15


def test_everything_tells_what_happens_to_any_task(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        old = make_task(session)
    time.sleep(0.01)
    messages = everything()
    next(messages)
    with writing() as session:
        new = make_task(session)
    add(old)
    found = [next(message for message in messages if message) for _ in range(2)]
    assert {(event.subject_id, event.number) for event in found} == {(new.id, 1), (old.id, 2)}  # type: ignore[union-attr]


def test_everything_goes_on_from_the_event_that_was_seen(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        task = make_task(session, State.SUCCEEDED)
    first = next(message for message in everything("00000000-0000-7000-8000-000000000000") if message)
    assert isinstance(first, Event)
    add(task, "task.requeued")
    assert task.event_count + 1 in numbers(everything(first.id), task.event_count + 1)


def test_an_event_that_is_committed_late_is_not_missed(app: Flask, hearing: Hearing) -> None:
    with writing() as session:
        task = make_task(session)
    messages = everything()
    next(messages)
    late = Event(subject_kind="task", subject_id=task.id, number=2, kind="late.one", data={})
    late.id = new_id()
    time.sleep(0.01)
    with writing() as session:
        session.add(Event(subject_kind="task", subject_id=task.id, number=3, kind="early.one", data={}))
    assert next(message for message in messages if message).kind == "early.one"  # type: ignore[union-attr]
    with writing() as session:
        session.add(late)
    assert next(message for message in messages if message).kind == "late.one"  # type: ignore[union-attr]


def test_a_hint_is_quicker_than_the_clock(app: Flask, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "LOOK_EVERY_S", 30.0)
    made = Hearing(settings.load().redis)
    monkeypatch.setattr(stream, "hearing", lambda: made)
    with writing() as session:
        task = make_task(session)
    messages = timeline(task.id)
    numbers(messages, 1)
    wait_until(lambda: broker.pubsub_numsub("opscore.hints")[0][1] == 1, "the listener is there")

    def happen() -> None:
        # While the stream waits: what it hears when it connects must not be what wakes it.
        time.sleep(1)
        with app.app_context(), scope.acting("person:alice"):
            add(task)
        broker.publish("opscore.hints", json.dumps({"kind": "task", "subject": task.id, "number": 2}))

    elsewhere = threading.Thread(target=happen)
    elsewhere.start()
    begun = time.monotonic()
    assert numbers(messages, 1) == [2]
    assert time.monotonic() - begun < 15
    elsewhere.join()
    made.end()


def test_output_reaches_only_the_streams_of_its_task(
    app: Flask, broker: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Hearing(settings.load().redis)
    monkeypatch.setattr(stream, "hearing", lambda: made)
    with writing() as session:
        mine, other = make_task(session), make_task(session)
    messages = timeline(mine.id)
    numbers(messages, 1)
    wait_until(lambda: broker.pubsub_numsub("opscore.output")[0][1] == 1, "the listener is there")
    for task, text in ((other, "theirs"), (mine, "ours")):
        chunk = {"task": task.id, "step": "s", "stream": "stdout", "text": text}
        broker.publish("opscore.output", json.dumps(chunk))
    broker.publish("opscore.output", b"no json")
    found = next(message for message in messages if message)
    assert getattr(found, "text", None) == "ours"
    made.end()


@pytest.fixture
def web(sqlite: settings.Settings, tmp_path: Path) -> Iterator[LiveWeb]:
    with live_web(sqlite, tmp_path / "web.log") as running:
        yield running


@pytest.fixture
def task(sqlite: settings.Settings) -> Iterator[tuple[Task, Callable[[str], None]]]:
    """A running task, and a function that adds an event to its timeline."""
    app = bare_app(sqlite)
    with app.app_context(), scope.acting("person:alice"):
        with writing() as session:
            made = make_task(session, State.RUNNING, done=1)
        yield made, lambda kind: add(made, kind)
        db.session.remove()
        db.engine.dispose()


def test_a_follower_misses_nothing_when_the_web_process_is_killed(
    web: LiveWeb, task: tuple[Task, Callable[[str], None]]
) -> None:
    row, happens = task
    seen: list[int] = []
    client = OpsCoreClient(web.url, web.token)

    def follow() -> None:
        for event in client.follow(row.id, patience=20):
            seen.append(event.number)

    follower = threading.Thread(target=follow)
    follower.start()
    wait_until(lambda: len(seen) == row.event_count, "what was there is seen")
    for _ in range(2):
        web.stop(signal.SIGKILL)
        happens("step.started")
        happens("step.finished")
        web.start()
    happens("task.succeeded")
    follower.join(30)
    assert seen == list(range(1, row.event_count + 6))
    client.close()


def test_gunicorn_stops_at_once_with_open_streams(web: LiveWeb, task: tuple[Task, Callable[[str], None]]) -> None:
    headers = {"Authorization": f"Bearer {web.token}", "Accept": "text/event-stream"}
    answer = requests.get(f"{web.url}/v1/tasks/{task[0].id}/events", headers=headers, stream=True, timeout=10)
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    assert b"id: 1" in answer.iter_lines()
    assert web.stop(signal.SIGTERM) < 4
    answer.close()


def test_a_stream_goes_on_after_last_event_id(web: LiveWeb, task: tuple[Task, Callable[[str], None]]) -> None:
    headers = {"Authorization": f"Bearer {web.token}", "Last-Event-ID": "2"}
    with requests.get(f"{web.url}/v1/tasks/{task[0].id}/events", headers=headers, stream=True, timeout=10) as answer:
        lines = (line for line in answer.iter_lines() if line.startswith(b"id: "))
        assert next(lines) == b"id: 3"


def test_the_sdk_tells_output_from_events(web: LiveWeb, task: tuple[Task, Callable[[str], None]]) -> None:
    with OpsCoreClient(web.url, web.token) as client:
        first = next(client.stream(task[0].id))
    assert not isinstance(first, Output)

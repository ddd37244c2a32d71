"""Ask OpsCore: submit tasks, watch them, fetch what they made.

Every call may raise what exceptions.py lists.  Reading is repeated a few times when no answer comes, and so is
submitting, which carries an idempotency key for that.  What is done with tasks that there are: controls.py.
The connection: connection.py; streams: following.py.
"""

import os
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self
from urllib.parse import quote

from opscore_sdk import following
from opscore_sdk.budgets import Budgets
from opscore_sdk.connection import Connection
from opscore_sdk.controls import Controls
from opscore_sdk.families import Families
from opscore_sdk.inbox import Inbox
from opscore_sdk.models import Agent, Check, Event, File, Output, Page, Service, Step, Task, Template, Upload
from opscore_sdk.providers import Providers
from opscore_sdk.queues import EmergencyStop, Queues
from opscore_sdk.retention import Retention
from opscore_sdk.schedules import Schedules
from opscore_sdk.searches import Searches

DEFAULT_URL = "http://127.0.0.1:8000"


class OpsCoreClient(Controls, Families):
    """One installation's API.

    Without arguments: OPSCORE_URL and OPSCORE_API_TOKEN of the environment.  `timeout` is in seconds, for each
    answer; streams and downloads may take longer as long as something comes.
    """

    def __init__(self, url: str | None = None, token: str | None = None, *, timeout: float = 30) -> None:
        self.url = (url or os.environ.get("OPSCORE_URL") or DEFAULT_URL).rstrip("/")
        self._connection = Connection(self.url, token or os.environ.get("OPSCORE_API_TOKEN") or "", timeout)
        self.retention = Retention(self._connection)
        self.schedules = Schedules(self._connection)
        self.searches = Searches(self._connection)
        self.providers = Providers(self._connection)
        self.budgets = Budgets(self._connection)
        self.queues = Queues(self._connection)
        self.emergency = EmergencyStop(self._connection)
        self.inbox = Inbox(self._connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    def submit(
        self,
        template: str | None = None,
        *,
        playbook: str | Mapping[str, Any] | None = None,
        inputs: Mapping[str, Any] | None = None,
        title: str | None = None,
        description: str = "",
        complexity: int | None = None,
        priority: int | None = None,
        agent: str | None = None,
        limits: Mapping[str, str | float] | None = None,
        start_at: datetime | str | None = None,
        delay: str | float | None = None,
        deadline: datetime | str | float | None = None,
        retry: Mapping[str, Any] | None = None,
        tools: Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        budget: Mapping[str, float] | None = None,
        promises: Sequence[str | Mapping[str, str]] | None = None,
        instructions: str = "",
        approvals: Sequence[str] | None = None,
        idempotency_key: str | None = None,
    ) -> Task:
        """Submit a task from a template, from a plan (YAML or JSON text, or the mapping itself), or for a model.

        With neither template nor playbook a language model does what the description says, with these `tools`: such
        as `submit(description="Sort data.csv by its second column", tools=["python.run"])`.  `model` is
        `provider/model`, `budget` what may be spent (tokens, cost in US dollars, calls, wall_s), `promises` are paths
        of files that it must leave, `approvals` tools whose calls a person must approve.

        `limits` are what each step may use at most, such as `{"memory": "512 MiB", "wall": "5 min"}`.  It starts
        not before `start_at` (a time with a zone) or after `delay` (`"5 min"`, or seconds), and fails unless it has
        ended by `deadline`: a time, or a length of time from its start.  `retry` is about failed steps, such as
        `{"attempts": 5, "first": "10 s"}`.
        """
        wanted = {
            "template": template,
            "playbook": playbook,
            "inputs": dict(inputs or {}),
            "title": title,
            "description": description,
            "complexity": complexity,
            "priority": priority,
            "agent": agent,
            "limits": dict(limits) if limits else None,
            "start_at": _written(start_at),
            "delay": delay,
            "deadline": _written(deadline),
            "retry": dict(retry) if retry else None,
            "tools": None if tools is None else list(tools),
            "model": model if model is None or isinstance(model, str) else list(model),
            "budget": dict(budget) if budget else None,
            "promises": list(promises) if promises else None,
            "instructions": instructions or None,
            "approvals": list(approvals) if approvals else None,
        }
        body = {name: value for name, value in wanted.items() if value is not None}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return Task.read(self._connection.json("POST", "/v1/tasks", json=body, headers=headers, is_safe=True))

    def task(self, task_id: str) -> Task:
        """One task."""
        return Task.read(self._get(f"/v1/tasks/{quote(task_id, safe='')}"))

    def task_page(
        self,
        *,
        state: str | None = None,
        agent: str | None = None,
        complexity: int | None = None,
        q: str | None = None,
        family: str | None = None,
        dead_letters: bool = False,
        cursor: str | None = None,
        limit: int = 50,
    ) -> Page:
        """A page of tasks, newest first."""
        query = {
            "dead_letters": "true" if dead_letters else None,
            "state": state,
            "agent": agent,
            "complexity": complexity,
            "q": q,
            "family": family,
            "cursor": cursor,
            "limit": limit,
        }
        page = self._get("/v1/tasks", query)
        return Page([Task.read(each) for each in page["tasks"]], page["next_cursor"])

    def tasks(self, **filters: Any) -> Iterator[Task]:
        """Every task that passes the filters of `task_page`, newest first, read page by page."""
        cursor = None
        while True:
            page = self.task_page(**filters, cursor=cursor)
            yield from page.tasks
            cursor = page.next_cursor
            if cursor is None:
                return

    def steps(self, task_id: str) -> list[Step]:
        """The task's steps, as they were begun."""
        return [Step.read(each) for each in self._get(f"/v1/tasks/{quote(task_id, safe='')}/steps")["steps"]]

    def events(self, task_id: str, after: int = 0, limit: int = 500) -> list[Event]:
        """The task's events with numbers above `after`."""
        found = self._get(f"/v1/tasks/{quote(task_id, safe='')}/events", {"after": after, "limit": limit})
        return [Event.read(each) for each in found["events"]]

    def stream(self, task_id: str, after: int = 0, *, patience: float = 60) -> Iterator[Event | Output]:
        """The task's events and live output, as they come; goes on by itself after a lost connection.

        `patience` is how many seconds the server may be away.  Ends when the task has ended.
        """
        task = self.task(task_id)
        if task.has_ended and task.event_count <= after:
            return iter(())
        return following.stream(self._connection, task_id, after, patience)

    def follow(self, task_id: str, after: int = 0, *, patience: float = 60) -> Iterator[Event]:
        """The task's events as they come, without its output; ends when the task has ended."""
        return (each for each in self.stream(task_id, after, patience=patience) if isinstance(each, Event))

    def wait(self, task_id: str, *, patience: float = 60) -> Task:
        """The task once it has ended."""
        for _ in self.follow(task_id, patience=patience):
            pass
        return self.task(task_id)

    def files(self, task_id: str) -> list[File]:
        """The files in the task's workspace."""
        path, found = f"/v1/tasks/{quote(task_id, safe='')}/files", []
        page = self._get(path, {"limit": 10_000})
        while True:
            found += [File.read(each) for each in page["files"]]
            if page["next_cursor"] is None:
                return found
            page = self._get(path, {"limit": 10_000, "cursor": page["next_cursor"]})

    def download(self, task_id: str, path: str, into: IO[bytes]) -> None:
        """Write one file of the task into an open file."""
        self._download(f"/v1/tasks/{quote(task_id, safe='')}/files/{quote(path)}", into)

    def download_all(self, task_id: str, into: IO[bytes]) -> None:
        """Write all files of the task, as a ZIP archive, into an open file."""
        self._download(f"/v1/tasks/{quote(task_id, safe='')}/files.zip", into)

    def transcript(self, task_id: str, into: IO[bytes], *, format: str = "md") -> None:
        """Write what the task did, as Markdown (`md`) or as a page (`html`), into an open file; secrets are masked."""
        self._download(f"/v1/tasks/{quote(task_id, safe='')}/transcript?format={quote(format, safe='')}", into)

    def upload(self, file: Path | str, name: str | None = None) -> Upload:
        """Bring a file; its `input` can be named as a task's input."""
        path = Path(file)
        with path.open("rb") as body:
            return Upload.read(
                self._connection.json("POST", "/v1/uploads", query={"name": name or path.name}, data=body)
            )

    def agents(self) -> list[Agent]:
        """All agents."""
        return [Agent.read(each) for each in self._get("/v1/agents")["agents"]]

    def agent(self, name: str) -> Agent:
        """One agent."""
        return Agent.read(self._get(f"/v1/agents/{quote(name, safe='')}"))

    def limit_agent(self, name: str, limits: Mapping[str, str | float | None]) -> Agent:
        """Set these of an agent's limits, from its next step on; None takes one away, the others stay."""
        return self._change_agent(name, {"limits": dict(limits)})

    def services(self) -> list[Service]:
        """The outside services that failed lately or have a rate, those that are left alone first."""
        return [Service.read(each) for each in self._get("/v1/services")["services"]]

    def reset_service(self, name: str) -> Service:
        """Have a service called again at once, such as `web:example.org`."""
        path = f"/v1/services/{quote(name, safe='')}/reset"
        return Service.read(self._connection.json("POST", path, json={}, is_safe=True))

    def pause_agent(self, name: str) -> Agent:
        """Let the agent take no more tasks; what it runs goes on."""
        return self._change_agent(name, {"is_paused": True})

    def resume_agent(self, name: str) -> Agent:
        """Let the agent take tasks again."""
        return self._change_agent(name, {"is_paused": False})

    def set_agent_model(self, name: str, model: str | None) -> Agent:
        """Let the agent think with this model, `provider/model`; None: by the complexity of each task."""
        return self._change_agent(name, {"model": model})

    def limit_agent_running(self, name: str, max_running: int | None) -> Agent:
        """Let the agent run so many tasks at a time, on all hosts together; None is no limit."""
        return self._change_agent(name, {"max_running": max_running})

    def agent_asks(self, name: str, approvals: Sequence[str]) -> Agent:
        """Have a person approve the agent's calls of these tools, `"plan"` for whole tasks; instead of those before."""
        return self._change_agent(name, {"approvals": list(approvals)})

    def templates(self) -> list[Template]:
        """All templates."""
        return [Template.read(each) for each in self._get("/v1/templates")["templates"]]

    def template(self, slug: str) -> Template:
        """One template with its steps."""
        return Template.read(self._get(f"/v1/templates/{quote(slug, safe='')}"))

    def check(self, playbook: str | Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> Check:
        """What is wrong with a playbook, or what it would call; nothing is run."""
        body = {"playbook": playbook, "inputs": dict(inputs or {})}
        return Check.read(self._connection.json("POST", "/v1/playbooks/check", json=body, is_safe=True))

    def health(self) -> dict[str, Any]:
        """How the installation is; needs no token."""
        return self._get("/health")

    def _change_agent(self, name: str, body: dict[str, Any]) -> Agent:
        return Agent.read(self._connection.json("PATCH", f"/v1/agents/{quote(name, safe='')}", json=body, is_safe=True))

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        return self._connection.json("GET", path, query=query, is_safe=True)

    def _download(self, path: str, into: IO[bytes]) -> None:
        with self._connection.opened(path) as answer:
            answer.raw.decode_content = True
            shutil.copyfileobj(answer.raw, into, 256 * 1024)


def _written(at: Any) -> Any:
    return at.isoformat() if isinstance(at, datetime) else at

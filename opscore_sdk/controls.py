"""Do something with tasks that there are: one by its id, or all that pass a filter.

The methods are those of `OpsCoreClient`.  What a task's state does not allow raises `Conflict`, with the cure.
"""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import BulkProgress, Task


class Controls:
    """What may be done with tasks."""

    _connection: Connection

    def cancel(self, task_id: str) -> Task:
        """Cancel a task.  While a run has it, `wishes` says so, and its end confirms it: `wait`."""
        return self._act(task_id, "cancel")

    def pause(self, task_id: str, *, now: bool = False) -> Task:
        """Pause a task, after the step that runs; `now` ends that step, which is begun again later."""
        return self._act(task_id, "pause", {"now": now})

    def resume(self, task_id: str) -> Task:
        """Give a paused task back to its queue, or take back the wish that a running one be paused."""
        return self._act(task_id, "resume")

    def retry(self, task_id: str) -> Task:
        """Open a failed or cancelled task again at its first step that did not succeed."""
        return self._act(task_id, "retry")

    def replay(self, task_id: str, from_step: str | int) -> Task:
        """Open an ended task again at a step, by its key or its position from 1."""
        return self._act(task_id, "replay", {"from_step": from_step})

    def answer(self, task_id: str, choice: str, *, step: str | None = None) -> Task:
        """Answer the task's question: "retry", "done" or "fail".

        With the question's `step`, an answer to another question than you saw is refused.
        """
        return self._act(task_id, "answer", {"choice": choice, **({"step": step} if step else {})})

    def dismiss(self, task_id: str) -> Task:
        """Take a failed task out of the dead letters."""
        return self._act(task_id, "dismiss")

    def restore(self, task_id: str) -> Task:
        """Undo a dismissal: the failed task is a dead letter again."""
        return self._act(task_id, "restore")

    def clone(
        self,
        task_id: str,
        inputs: Mapping[str, Any] | None = None,
        *,
        idempotency_key: str | None = None,
        **changes: Any,
    ) -> Task:
        """Submit a task with the same plan; `inputs` replace those that they name.

        `changes` are further fields of `submit`: title, priority, agent and so on.
        """
        body = {"inputs": dict(inputs or {}), **changes}
        return self._act(task_id, "clone", body, idempotency_key)

    def bulk_preview(self, action: str, **filters: Any) -> BulkProgress:
        """How many tasks `bulk` would do it to (`left`), and the newest few (`examples`); nothing is changed."""
        return self._bulk(action, filters, dry_run=True)

    def bulk(self, action: str, *, at_once: int = 100, **filters: Any) -> Iterator[BulkProgress]:
        """Cancel, pause, resume, retry or dismiss all tasks that pass the filters, `at_once` a call.

        The filters are those of `task_page`: state, agent, complexity, q, dead_letters.  Yields after each call how
        far it came; whoever stops reading stops it.  Broken off and begun again, it goes on with what is left.
        """
        cursor = None
        while True:
            came = self._bulk(action, filters, limit=at_once, cursor=cursor)
            yield came
            cursor = came.next_cursor
            if cursor is None:
                return

    def _bulk(self, action: str, filters: Mapping[str, Any], **more: Any) -> BulkProgress:
        wanted = {name: value for name, value in filters.items() if value is not None}
        told = {name: value for name, value in more.items() if value is not None}
        body = {"action": action, "filter": wanted, **told}
        # What a lost answer has done is not done twice: those tasks do not pass any more.
        return BulkProgress.read(self._connection.json("POST", "/v1/tasks/bulk", json=body, is_safe=True))

    def _act(self, task_id: str, act: str, body: Mapping[str, Any] | None = None, key: str | None = None) -> Task:
        path = f"/v1/tasks/{quote(task_id, safe='')}/{act}"
        # By its key a request whose answer was lost is known again: repeating it does nothing twice.
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        return Task.read(self._connection.json("POST", path, json=dict(body or {}), headers=headers, is_safe=True))

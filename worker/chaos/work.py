"""The tasks of a chaos run: what each does, how it is handed in, and what must be there in the end.

Handed in as any program would: through the API, with an idempotency key, again until there is an answer.
"""

import threading
import time
from typing import Any

from opscore_sdk import OpsCoreClient
from opscore_sdk.exceptions import ApiError, ServerFailed, Unreachable

LOG = "output/log.txt"
LINES = 20
_AGAIN_AFTER_S = 0.2


def playbook(number: int, with_sandbox: bool) -> dict[str, Any]:
    """The plan of the task of that number: all three effects, files, and for some a program in the sandbox."""
    wait = (0.05, 0.1, 0.2, 0.3)[number % 4]
    steps = [
        _note("look", "pure", "design"),
        _note("change", "idempotent", "build", path=LOG, lines=LINES, sleep_s=wait),
        {"name": "write", "stage": "build", "tool": "files.write", "with": {"path": "output/report.txt", "text": "ok"}},
        # It writes no file: of one that was cut off only a person knows, and "done" goes on with the files before it.
        _note("send", "once", "test", sleep_s=wait / 2),
        _note("close", "idempotent", "review", path=LOG, lines=1),
    ]
    if with_sandbox and number % 10 == 0:
        digest = {"command": ["sha256sum", LOG]}
        steps.insert(3, {"name": "digest", "stage": "build", "tool": "terminal.run", "with": digest})
    return {"name": "chaos", "title": f"Chaos {number}", "complexity": 1 + number % 10, "steps": steps}


def expected_log() -> bytes:
    """What every task's log holds in the end, however often it was cut off."""
    planned = (("change", LINES), ("close", 1))
    return "".join(f"{key} {line}\n" for key, lines in planned for line in range(1, lines + 1)).encode()


def _note(name: str, effect: str, stage: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "stage": stage, "tool": f"drill.note_{effect}", "with": {"key": name, **more}}


class Submitter(threading.Thread):
    """Hands in `tasks` tasks at a steady pace over `seconds`; what was held up is made up for."""

    def __init__(self, client: OpsCoreClient, tasks: int, seconds: float, with_sandbox: bool) -> None:
        super().__init__(name="submitter", daemon=True)
        self.client = client
        self.tasks = tasks
        self.pace_s = seconds / tasks
        self.with_sandbox = with_sandbox
        self.accepted: list[str] = []
        """Ids of the tasks to which the API has said yes, in order."""
        self.refused: ApiError | None = None
        """Why it gave up: a mistake of ours, since what was right a moment ago is refused."""
        self.stopping = threading.Event()

    def run(self) -> None:
        """Hand in all of them; each again until it is accepted."""
        began = time.monotonic()
        for number in range(self.tasks):
            wait = began + number * self.pace_s - time.monotonic()
            if self.stopping.wait(max(0.0, wait)):
                return
            try:
                self._submit(number)
            except ApiError as error:
                self.refused = error
                return

    def _submit(self, number: int) -> None:
        plan = playbook(number, self.with_sandbox)
        while not self.stopping.is_set():
            try:
                self.accepted.append(self.client.submit(playbook=plan, idempotency_key=f"chaos-{number}").id)
                return
            except (Unreachable, ServerFailed):
                # The web process, or the database behind it, is away; the key makes a repetition harmless.
                self.stopping.wait(_AGAIN_AFTER_S)

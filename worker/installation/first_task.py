"""The sample task from the first start on: wait until it can run, submit it, show it, say how it ended."""

import time

from flask import Flask
from sqlalchemy.exc import OperationalError

from models.errors import OpsCoreError
from models.states import State
from worker.installation import sample
from worker.installation.progress import Progress
from worker.installation.terminal import FAILED, WARNED, Terminal
from worker.installation.tool_environment import ToolEnvironment

LOOK_EVERY_S = 0.5


class FirstTask:
    """Call `tick` a few times a second until `is_over`."""

    def __init__(self, app: Flask, terminal: Terminal, tools: ToolEnvironment, url: str) -> None:
        self.is_over = False
        self.has_succeeded = False
        self._app = app
        self._terminal = terminal
        self._tools = tools
        self._url = url
        self._task_id: str | None = None
        self._progress: Progress | None = None
        self._look_at = 0.0

    def tick(self) -> None:
        """Do what is due."""
        if self.is_over or not self._tools.is_over or time.monotonic() < self._look_at:
            return
        self._look_at = time.monotonic() + LOOK_EVERY_S
        try:
            if self._task_id is None:
                self._begin()
            else:
                self._look(self._task_id)
        except OperationalError:
            return  # the database is busy or away for a moment: look again

    def close(self) -> None:
        """Leave what is shown as it stands."""
        if self._progress:
            self._progress.close()
            self._progress = None

    def _begin(self) -> None:
        if self._tools.problem:
            self._terminal.mark("agents' Python", self._tools.problem, FAILED)
            self._terminal.say("The sample task needs it and was not run.")
            self.is_over = True
            return
        if not self._tools.was_ready:
            self._terminal.mark("agents' Python", "pandas and matplotlib, made now")
        try:
            self._task_id = sample.unfinished(self._app) or sample.submit(self._app)
        except OpsCoreError as error:
            self._terminal.mark("sample task", str(error), WARNED)
            self.is_over = True
            return
        self._look(self._task_id)

    def _look(self, task_id: str) -> None:
        view = sample.look(self._app, task_id)
        if self._progress is None:
            self._terminal.say(f"\nSample task: {view.title}")
            self._progress = Progress(self._terminal)
        self._progress.show(view)
        if view.is_over:
            self.close()
            self.is_over = True
            self.has_succeeded = view.state is State.SUCCEEDED
            self._tell_end(task_id, view)

    def _tell_end(self, task_id: str, view: sample.TaskView) -> None:
        if self.has_succeeded:
            self._terminal.say("The sample task succeeded.", style="green")
        else:
            reason = f": {view.error}" if view.error else "."
            self._terminal.say(f"The sample task {view.state}{reason}", style="red")
        self._terminal.address("Its page", f"{self._url}/tasks/{task_id}")
        folder = sample.output_folder(self._app, task_id)
        if folder:
            self._terminal.address("Its files", str(folder))

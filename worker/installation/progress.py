"""The sample task's progress in the terminal: a small moving table, or a line per step without a terminal."""

from rich.live import Live
from rich.padding import Padding
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from models.states import Stage, State
from models.step import StepState
from worker.installation.sample import StepView, TaskView
from worker.installation.terminal import DONE, FAILED, Terminal

WORKING_STAGES = [stage for stage in Stage if stage is not Stage.COMPLETE]
_SIGNS = {StepState.SUCCEEDED: ("✓", "green"), StepState.FAILED: ("✗", "red")}


class Progress:
    """Shows each new state of one task; `close` leaves the last one standing."""

    def __init__(self, terminal: Terminal) -> None:
        self._terminal = terminal
        self._shown: set[int] = set()
        self._last: TaskView | None = None
        self._spinner = Spinner("dots")
        self._live = Live(console=terminal.console, refresh_per_second=8) if terminal.is_interactive else None
        if self._live:
            self._live.start()

    def show(self, view: TaskView) -> None:
        """Show the task as it stands now."""
        self._last = view
        if self._live:
            self._live.update(self._table(view))
        else:
            self._print_new(view)

    def close(self) -> None:
        """Stop moving."""
        if self._live:
            self._live.stop()

    def _print_new(self, view: TaskView) -> None:
        for step in view.steps:
            if step.position in self._shown or step.state is StepState.STARTED:
                continue
            self._shown.add(step.position)
            sign = FAILED if step.state is StepState.FAILED else DONE
            self._terminal.mark(step.stage, f"{step.title}{_seconds(step)}", sign)

    def _table(self, view: TaskView) -> Table:
        table = Table.grid(padding=(0, 2, 0, 0))
        table.add_column(width=3)
        table.add_column(width=8)
        table.add_column(overflow="ellipsis", no_wrap=True)
        for stage in WORKING_STAGES:
            steps = [step for step in view.steps if step.stage is stage]
            for index, step in enumerate(steps):
                table.add_row(self._sign(step), "" if index else stage.value, _line(step))
            if not steps:
                table.add_row("", Text(stage.value, style="dim"), Text(_waiting(view, stage), style="dim"))
        return table

    def _sign(self, step: StepView) -> Text | Padding:
        if step.state is StepState.STARTED:
            return Padding(self._spinner, (0, 0, 0, 2))
        mark, style = _SIGNS[step.state]
        return Text(f"  {mark}", style=style)


def _line(step: StepView) -> Text:
    return Text.assemble(step.title, (_seconds(step), "dim"), (f"  {step.output}" if step.output else "", "dim"))


def _seconds(step: StepView) -> str:
    return f"  {step.seconds:.1f} s"


def _waiting(view: TaskView, stage: Stage) -> str:
    is_next = stage is view.stage and not view.steps
    return "waiting for an agent" if is_next and view.state is State.QUEUED else ""

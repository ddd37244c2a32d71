"""What the person at the terminal sees: steps with a sign in front, sentences, and one moving line.

Without a terminal (a pipe, CI) the same text comes as plain lines, each once.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.status import Status
from rich.text import Text

DONE, WARNED, FAILED = "done", "warned", "failed"
_SIGNS = {DONE: ("✓", "green"), WARNED: ("!", "yellow"), FAILED: ("✗", "red")}
_PLAIN = {"✓": "ok", "!": "!!", "✗": "no"}
NAME_WIDTH = 16


class Step:
    """A step that is under way; set what is shown when it is over."""

    def __init__(self) -> None:
        self.result = ""
        self.sign = DONE


class Terminal:
    """Writes for people; all of it goes to standard output, what went wrong to standard error."""

    def __init__(self) -> None:
        self.console = Console(highlight=False, soft_wrap=True)
        self._errors = Console(highlight=False, soft_wrap=True, stderr=True)

    @property
    def is_interactive(self) -> bool:
        """Whether lines can move."""
        return self.console.is_terminal and not self.console.is_dumb_terminal

    def say(self, text: str = "", style: str = "") -> None:
        """A line, or several."""
        self.console.print(Text(text, style=style))

    def address(self, label: str, url: str, note: str = "") -> None:
        """A labelled address on a line of its own."""
        self.console.print(Text.assemble(f"  {label:<{NAME_WIDTH}}", (url, "bold cyan"), (note, "dim")))

    def fail(self, text: str) -> None:
        """Why it cannot go on, on standard error."""
        self._errors.print(Text(text, style="red"))

    def echo(self, name: str, line: str) -> None:
        """A line that a process printed."""
        self.console.print(Text.assemble((f"{name:<11}| ", "dim"), line))

    @contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Show that something is done, and then how it ended; an error shows as failed and goes on up."""
        step = Step()
        try:
            with self._moving(name):
                yield step
        except BaseException:
            self.mark(name, step.result or "not finished", FAILED)
            raise
        self.mark(name, step.result, step.sign)

    def mark(self, name: str, result: str, sign: str = DONE) -> None:
        """One line of the list of steps."""
        mark, style = _SIGNS[sign]
        shown = mark if self._may_show(mark) else _PLAIN[mark]
        self.console.print(Text.assemble((f"  {shown} ", style), f"{name:<{NAME_WIDTH}}", (result, "dim")))

    def _may_show(self, text: str) -> bool:
        try:
            text.encode(sys.stdout.encoding or "ascii")
        except UnicodeEncodeError:
            return False
        return True

    @contextmanager
    def _moving(self, name: str) -> Iterator[None]:
        if not self.is_interactive:
            yield
            return
        with Status(f"{name} …", console=self.console, spinner="dots"):
            yield

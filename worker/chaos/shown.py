"""What a person sees of a chaos run: a line that moves while it lasts, and the table at its end."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.chaos.findings import LONGEST_OF_A_CHILD_S, LONGEST_RECOVERY_S, Findings

EVERY_S = 10.0
"""Without a terminal a line is printed so often."""


class Shown:
    """One moving line, or a line every ten seconds."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._status = console.status("") if console.is_terminal else None
        self._next_at = 0.0
        if self._status:
            self._status.start()

    def tell(self, at: float, text: str) -> None:
        """Show how it stands; `at` is in seconds since the start."""
        if self._status:
            self._status.update(Text(f"{at:5.0f} s  {text}"))
        elif at >= self._next_at:
            self._next_at = at + EVERY_S
            self.console.print(Text(f"{at:5.0f} s  {text}"))

    def close(self) -> None:
        """Stop moving."""
        if self._status:
            self._status.stop()


def table(found: Findings) -> Table:
    """The figures, each beside what it must be."""
    shown = Table(title=f"Chaos on {found.database}, seed {found.seed}", title_justify="left")
    shown.add_column("")
    shown.add_column("found", justify="right")
    shown.add_column("must be", justify="right")
    rows: list[tuple[str, object, str]] = [
        ("tasks accepted", found.accepted, ""),
        ("succeeded", found.succeeded, str(found.accepted)),
        ("lost", found.lost, "0"),
        ("finished twice", found.finished_twice, "0"),
        ("`once` effects doubled", found.once_doubled, "0"),
        ("timelines with gaps", found.gaps, "0"),
        ("tasks with wrong files", found.wrong_files, "0"),
        ("steps repeated", found.steps_repeated, ""),
        ("questions answered", _counts(found.answers), ""),
        ("kills", sum(found.kills.values()), ""),
        *((f"  {target}", times, "at least 1") for target, times in found.kills.items()),
        (
            f"longest recovery ({found.recoveries})",
            f"{found.longest_recovery_s} s",
            f"at most {LONGEST_RECOVERY_S:g} s",
        ),
        (
            f"  of a child that died alone ({found.children_alone})",
            f"{found.longest_child_s} s",
            f"at most {LONGEST_OF_A_CHILD_S:g} s",
        ),
        ("processes left", len(found.processes_left), "0"),
    ]
    for name, value, demanded in rows:
        shown.add_row(name, str(value), demanded)
    return shown


def verdict(found: Findings) -> Text:
    """Whether all held; else what did not, and where to look."""
    if not found.violations:
        return Text(f"All of it held, in {found.seconds:.0f} s.", style="green")
    lines = "\n".join(f"  {each}" for each in found.violations)
    return Text(f"Violated:\n{lines}\nEverything is kept in {found.folder} (logs in data/logs).", style="red")


def _counts(counted: dict[str, int]) -> str:
    return ", ".join(f"{name} {times}" for name, times in sorted(counted.items())) or "0"

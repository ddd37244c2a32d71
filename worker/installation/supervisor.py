"""Keep the children alive, and end them in order.

The loop belongs to the caller (up.py), who calls `tend` a few times a second from the main thread.
"""

import time
from collections.abc import Callable, Iterable, Mapping

from worker.installation.child import Child
from worker.installation.journal import Journal
from worker.installation.record import Recorded
from worker.installation.roles import Role

POLL_S = 0.1
SHOWN_LINES = 8


class Supervisor:
    """The children of one installation.

    `say` is called with a sentence for the person whenever a child ended unasked; `changed` after every
    start and end of a process.
    """

    def __init__(
        self,
        roles: Iterable[Role],
        journal: Journal,
        environment: Mapping[str, str],
        say: Callable[[str], None],
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.children = {role.name: Child(role, journal, environment) for role in roles}
        self._journal = journal
        self._say = say
        self._changed = changed

    @property
    def processes(self) -> tuple[Recorded, ...]:
        """What runs now."""
        return tuple(child.recorded for child in self.children.values() if child.recorded)

    @property
    def has_started(self) -> bool:
        """Whether any child was ever started."""
        return any(child.was_started for child in self.children.values())

    def start(self, *names: str) -> None:
        """Start these children; they are kept alive from now on."""
        for name in names:
            self.children[name].start()
        self._changed()

    def tend(self) -> None:
        """Notice who ended, and start again who is due."""
        for child in self.children.values():
            code = child.notice_end()
            if code is not None:
                self._report(child, code)
                self._changed()
            elif child.was_started and child.is_due:
                child.start()
                self._changed()

    def given_up(self, name: str) -> bool:
        """Whether that child ended too often to be started again."""
        return self.children[name].is_given_up

    def stop(self, names: Iterable[str], is_hurried: Callable[[], bool] = lambda: False) -> bool:
        """End these children together; whether all of them went before they had to be killed."""
        stopping = [child for name in names if (child := self.children.get(name)) and child.is_running]
        most = max((len(child.role.stop) for child in stopping), default=0)
        is_graceful = any(self._ask(stopping, step, is_hurried) for step in range(most)) or not stopping
        for child in stopping:
            child.kill()
        self._changed()
        return is_graceful

    def _ask(self, stopping: list[Child], step: int, is_hurried: Callable[[], bool]) -> bool:
        """Send each child its signal of that step and give it its time; whether all are gone."""
        asked = [child for child in stopping if step < len(child.role.stop)]
        started = time.monotonic()
        for child in asked:
            child.send(child.role.stop[step][0])
        while not is_hurried():
            waited = time.monotonic() - started
            if not any(not child.bury_if_ended() and waited < child.role.stop[step][1] for child in asked):
                break
            time.sleep(POLL_S / 2)
        return not [child for child in stopping if not child.bury_if_ended()]

    def _report(self, child: Child, code: int) -> None:
        name = child.role.name
        how = f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._journal.write(name, f"-- the process {how} --")
        if not child.is_given_up:
            self._say(f"{name} {how}; starting it again.")
            return
        lines = "\n".join(f"    {line}" for line in self._journal.last_lines(name)[-SHOWN_LINES:])
        self._say(
            f"{name} ended five times within a minute and is left alone; the others go on.\n"
            f"{lines}\n    The whole log: {self._journal.path(name)}"
        )

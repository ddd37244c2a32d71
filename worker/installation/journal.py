"""Carry what the children print to their log files, and to the terminal where it was asked for.

One thread reads all pipes, so a child never waits for the supervisor's other work.  A log rotates when it
is full; nothing is lost at that moment, since only this thread writes it.
"""

import io
import os
import selectors
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from tools.terminal_text import plain

ROTATE_AT_BYTES = 10 * 2**20
KEPT_FILES = 3
REMEMBERED_LINES = 20


class Log:
    """One process's log: a file that rotates, and its last lines."""

    def __init__(self, path: Path, echo: Callable[[str], None] | None, rotate_at: int) -> None:
        self.path = path
        self.last: deque[str] = deque(maxlen=REMEMBERED_LINES)
        self._echo = echo
        self._rotate_at = rotate_at
        self._rest = b""
        self._file = path.open("ab")

    def take(self, chunk: bytes) -> None:
        """Write what came, in whole lines; a last line without an end waits for the rest."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._write_all(lines)
        if len(self._rest) > self._rotate_at:
            self.flush()

    def flush(self) -> None:
        """Write a line that was cut off by its process's end."""
        rest, self._rest = self._rest, b""
        self._write_all([rest] if rest else [])

    def close(self) -> None:
        """Write what is left and let go of the file."""
        self.flush()
        with suppress(OSError):
            self._file.close()

    def _write_all(self, lines: list[bytes]) -> None:
        # A full disk costs lines: a thread that ended here would fill every pipe, and stop all processes.
        with suppress(OSError):
            for line in lines:
                self._write(line)
            self._file.flush()

    def _write(self, line: bytes) -> None:
        if self._file.tell() + len(line) >= self._rotate_at:
            self._rotate()
        self._file.write(line + b"\n")
        # What a process printed may hold what a program wrote; whoever reads it here does so in a terminal.
        text = plain(line.decode("utf-8", "replace"))
        self.last.append(text)
        if self._echo:
            self._echo(text)

    def _rotate(self) -> None:
        self._file.close()
        names = [self.path, *(Path(f"{self.path}.{number}") for number in range(1, KEPT_FILES))]
        for older, newer in zip(reversed(names), reversed(names[:-1]), strict=False):
            if newer.exists():
                newer.replace(older)
        self._file = self.path.open("ab")


class Journal:
    """The logs of all children, filled by one thread."""

    def __init__(
        self, folder: Path, echo: Callable[[str, str], None] | None = None, rotate_at: int = ROTATE_AT_BYTES
    ) -> None:
        """`echo` is called with a process's name and a line, from the journal's thread."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._echo = echo
        self._rotate_at = rotate_at
        self._logs: dict[str, Log] = {}
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._lock = threading.Lock()
        self._is_closing = False
        self._thread = threading.Thread(target=self._pump, name="journal", daemon=True)
        self._thread.start()

    def follow(self, name: str, pipe: int) -> None:
        """Read the pipe into the log of that name until it ends; the pipe is the journal's from now on."""
        os.set_blocking(pipe, False)
        with self._lock:
            self._selector.register(pipe, selectors.EVENT_READ, self._log(name))
        os.write(self._wake_write, b"+")

    def last_lines(self, name: str) -> list[str]:
        """The newest lines of that log, oldest first."""
        with self._lock:
            return list(self._log(name).last)

    def path(self, name: str) -> Path:
        """Where that log is."""
        return self._folder / f"{name}.log"

    def write(self, name: str, line: str) -> None:
        """Add a line of the supervisor's own; after `close` it is lost."""
        with self._lock:
            if not self._is_closing:
                self._log(name).take(line.encode() + b"\n")

    def stream(self, name: str) -> TextIO:
        """A stream whose lines go to that log."""
        return _Lines(self, name)

    def close(self) -> None:
        """Read what is left in the pipes and end the thread."""
        self._is_closing = True
        os.write(self._wake_write, b"-")
        self._thread.join()
        for key in list(self._selector.get_map().values()):
            os.close(key.fd)
        for log in self._logs.values():
            log.close()
        self._selector.close()
        os.close(self._wake_write)

    def _log(self, name: str) -> Log:
        if name not in self._logs:
            echo = self._echo
            self._logs[name] = Log(self.path(name), (lambda line: echo(name, line)) if echo else None, self._rotate_at)
        return self._logs[name]

    def _pump(self) -> None:
        while True:
            ready = self._selector.select(timeout=0 if self._is_closing else 1.0)
            with self._lock:
                for key, _ in ready:
                    self._read(key)
            if self._is_closing and not any(key.data for key, _ in ready):
                return

    def _read(self, key: selectors.SelectorKey) -> None:
        try:
            chunk = os.read(key.fd, 65536)
        except BlockingIOError:
            return
        if key.data is None:
            return  # it only woke the thread
        if chunk:
            key.data.take(chunk)
        else:
            key.data.flush()
            self._selector.unregister(key.fd)
            os.close(key.fd)


class _Lines(io.StringIO):
    """Text, a line at a time, on its way to a log of the journal."""

    def __init__(self, journal: Journal, name: str) -> None:
        super().__init__()
        self._journal = journal
        self._name = name

    def write(self, text: str) -> int:
        for line in text.splitlines():
            self._journal.write(self._name, line)
        return len(text)

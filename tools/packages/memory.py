"""What asked sets were resolved to, for a day: the same request gets the same packages, and needs no network."""

import hashlib
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from tools.blobs import write_whole
from tools.packages import lock
from tools.packages.cache import RESOLVED
from tools.packages.lock import Lock

REMEMBERED_FOR = timedelta(days=1)


class Memory:
    """The answer to one question; `question` is all that decides the answer."""

    def __init__(self, folder: Path, question: Iterable[str]) -> None:
        name = hashlib.sha256("\0".join(question).encode()).hexdigest()
        self._file = folder / RESOLVED / f"{name}.txt"

    def recall(self) -> Lock | None:
        """The answer of a day ago or less."""
        try:
            age = time.time() - self._file.stat().st_mtime
            return lock.parse(self._file.read_text(encoding="utf-8")) if age < REMEMBERED_FOR.total_seconds() else None
        except FileNotFoundError:
            return None

    def remember(self, answer: Lock) -> None:
        """Keep the answer."""
        write_whole(self._file, answer.text("memory").encode())

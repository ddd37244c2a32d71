"""What the server was asked and what it gave: the count that proves which calls were made.

In memory, and where a file is named also there, each line on the disk before the server goes on: a server that is
killed and started again on the same file goes on counting.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from worker.demo.choice import Chosen
from worker.demo.conversation import Conversation, Message

Entry = dict[str, Any]
MOST_KEPT = 1000
"""Of so many requests the messages are kept."""


class Journal:
    """An entry for each request; `outcome` is None until its answer was sent: whole, broken, gone or refused."""

    def __init__(self, file: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._messages: dict[int, list[Message]] = {}
        self._file = file
        if file is not None and file.exists():
            self._read(file)

    def asked(self, talk: Conversation, chosen: Chosen, *, is_streamed: bool, is_authorized: bool) -> int:
        """Note a request before it is answered; returns its number."""
        with self._lock:
            entry = {
                "number": len(self._entries) + 1,
                "model": talk.model,
                "digest": talk.digest,
                "messages": len(talk.messages),
                "turn": talk.turn,
                "offered": list(talk.offered),
                "stream": is_streamed,
                "authorized": is_authorized,
                "about": chosen.about,
                "answer": chosen.place,
                "error": chosen.error or None,
                "outcome": None,
            }
            self._entries.append(entry)
            number = len(self._entries)
            self._messages[number] = talk.messages
            self._messages.pop(number - MOST_KEPT, None)
            self._write(entry)
        return number

    def given(self, number: int, outcome: str, status: int, usage: Message | None) -> None:
        """Note what the request came to."""
        with self._lock:
            told = {"number": number, "outcome": outcome, "status": status, "usage": usage}
            self._entries[number - 1].update(told)
            self._write(told)

    def times(self, place: str, digest: str) -> int:
        """How often the answer of that place was given to the very same conversation."""
        with self._lock:
            return sum(1 for each in self._entries if each["answer"] == place and each["digest"] == digest)

    def entries(self) -> list[Entry]:
        """All of them, oldest first."""
        with self._lock:
            return [dict(each) for each in self._entries]

    def messages(self, number: int) -> list[Message] | None:
        """What the request of that number said; None where it is not known any more."""
        with self._lock:
            return self._messages.get(number)

    def _write(self, line: Entry) -> None:
        if self._file is None:
            return
        with self._file.open("ab") as file:
            file.write(json.dumps(line).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def _read(self, file: Path) -> None:
        for line in file.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break  # the server was killed while it wrote this
            told = json.loads(line)
            if told["number"] > len(self._entries):
                self._entries.append(told)
            else:
                self._entries[told["number"] - 1].update(told)

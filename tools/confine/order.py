"""What the outer process is told to do, as JSON in a file that it inherits."""

import json
import os
from dataclasses import asdict, dataclass
from typing import Any

Word = str | list[str]
"""Text, or a place and a path in it: where the places are is known only once they are made."""


@dataclass(frozen=True)
class Order:
    """One call.  Numbers of files are inherited descriptors; paths are the host's."""

    command: list[Word]
    """What the first process is started as, its first word a path."""
    environment: dict[str, list[Word]]
    """Several words are joined by ":"."""
    workspace: str
    readable: dict[str, str]
    """Places that may be read, by name."""
    shown: list[str]
    """Further folders that may be read."""
    files: dict[str, int]
    """What to put into the place "given"."""
    seeds: dict[str, str]
    """Links to put into the fresh place for temporary files, and what they lead to."""
    scratch: str
    """A folder to make for this call alone, where it can have no mounts of its own."""
    uid: int | None
    """Whom root becomes; None for anybody else."""
    limits: dict[int, tuple[int, int]]
    """Soft and hard limit of the kernel's resources, by number, for each process."""
    processes: int
    """Most processes and threads of the whole call."""
    tmp_bytes: int
    shm_bytes: int
    filter: int
    held: dict[int, str]
    """The calls that the filter hands to the outer process: their numbers and names."""
    status: int

    def written(self) -> bytes:
        return json.dumps(asdict(self)).encode()


def read(descriptor: int) -> Order:
    """The order in the file."""
    with os.fdopen(descriptor, "rb") as file:
        told: dict[str, Any] = json.load(file)
    for name in ("limits", "held"):
        told[name] = {int(number): value for number, value in told[name].items()}
    return Order(**told)


def spelled(word: Word, places: dict[str, str]) -> str:
    """The word as text."""
    if isinstance(word, str):
        return word
    place, path = word
    return f"{places[place]}/{path}" if path else places[place]

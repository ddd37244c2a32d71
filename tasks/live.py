"""Tell whoever watches that something new stands in the database, and stream running output.

A hint says only where to look; it may be lost, so streams look by themselves every second.
Output chunks are not kept.  Both go through Redis channels that webapp/stream.py hears.
"""

import json
import time
from dataclasses import dataclass, field
from functools import cache

import redis
from redis.exceptions import RedisError

import settings
from tasks.logs import logger

HINTS = "opscore.hints"
OUTPUT = "opscore.output"
WISHES = "opscore.wishes"
ROUNDS = "opscore.rounds"
# After a failure: an absent Redis must not cost every step its connection time-out.
REST_S = 2.0
UNHEARD_S = 0.5
"""After a hint that nobody heard: whoever begins to listen looks by itself first, and every second."""
log = logger(__name__)


@dataclass
class Channel:
    """One process's connection for hints and output."""

    client: redis.Redis
    resting_until: float = field(default=0.0)
    unheard_until: float = field(default=0.0)

    def hint(self, message: dict[str, object]) -> None:
        """Publish, or lose, a hint; for a moment after nobody heard one no further one is sent."""
        if time.monotonic() >= self.unheard_until and self.send(HINTS, message) == 0:
            self.unheard_until = time.monotonic() + UNHEARD_S

    def send(self, name: str, message: dict[str, object]) -> int | None:
        """Publish, or lose, the message; never fails and never waits long.  Gives how many heard it, if it was sent."""
        if time.monotonic() < self.resting_until:
            return None
        try:
            return int(self.client.publish(name, json.dumps(message)))
        except (RedisError, OSError) as error:
            self.resting_until = time.monotonic() + REST_S
            log.info("hint.lost", error=str(error))
            return None


@cache
def channel() -> Channel:
    """This process's channel; a forked child calls `channel.cache_clear()` first."""
    url = settings.load().redis
    return Channel(redis.Redis.from_url(url, socket_connect_timeout=0.5, socket_timeout=1))


def hint(kind: str, subject: str, number: int) -> None:
    """Say that the timeline of a task or agent has reached this number."""
    channel().hint({"kind": kind, "subject": subject, "number": number})


def wish(task: str) -> None:
    """Say that a person wants something of the run that has this task: its columns tell what."""
    channel().send(WISHES, {"task": task})


def round_wanted() -> None:
    """Say that the reconciler has something to do now: it need not wait for its next second."""
    channel().send(ROUNDS, {})


def output(task: str, step: str, stream: str, text: str) -> None:
    """Stream what the running step printed."""
    channel().send(OUTPUT, {"task": task, "step": step, "stream": stream, "text": text})

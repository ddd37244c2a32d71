"""Hear the hints and the live output that tasks/live.py sends, with one Redis connection per process.

The listener's thread starts with the first stream and fans out to all of them; when Redis goes away it comes
back by itself.  Without Redis nothing is heard, and streams (webapp/stream.py) look by the clock.
"""

import json
import os
import signal
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import redis
from redis.exceptions import RedisError

import settings
from tasks.live import HINTS, OUTPUT
from tasks.logs import logger

# More than this many chunks of output behind, and a slow reader loses the oldest.
MOST_OUTPUT = 2000
RETRY_S = 2.0
log = logger(__name__)


@dataclass(frozen=True)
class Output:
    """A piece of what a running step printed; it is not kept anywhere."""

    task: str
    step: str
    stream: str
    text: str


@dataclass(eq=False)
class Ear:
    """One stream's part of what is heard; `subject` None hears the hints of all, and no output."""

    subject: str | None
    is_over: bool = False
    _is_hinted: bool = False
    _new: threading.Event = field(default_factory=threading.Event)
    _output: deque[Output] = field(default_factory=lambda: deque(maxlen=MOST_OUTPUT))

    def wait(self, seconds: float) -> None:
        """Return when something was heard since the last wait, or after this long."""
        self._new.wait(seconds)
        self._new.clear()

    def take_output(self) -> list[Output]:
        """What was printed since the last call."""
        taken = []
        while self._output:
            taken.append(self._output.popleft())
        return taken

    def take_hint(self) -> bool:
        """Whether a hint came since the last call: there may be something new in the database."""
        was_hinted, self._is_hinted = self._is_hinted, False
        return was_hinted

    def hint(self) -> None:
        self._is_hinted = True
        self._new.set()

    def add(self, output: Output) -> None:
        self._output.append(output)
        self._new.set()


class Hearing:
    """One process's listener and the streams that it tells."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._ears: set[Ear] = set()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_over = False

    @contextmanager
    def subscribe(self, subject: str | None) -> Iterator[Ear]:
        """An ear for the subject while the block lasts."""
        ear = Ear(subject, self._is_over)
        with self._lock:
            self._ears.add(ear)
            if self._thread is None:
                self._thread = threading.Thread(target=self._listen, name="hearing", daemon=True)
                self._thread.start()
        try:
            yield ear
        finally:
            with self._lock:
                self._ears.discard(ear)

    def end(self) -> None:
        """End every stream, now and from now on: this process is about to stop."""
        with self._lock:
            self._is_over = True
            for ear in self._ears:
                ear.is_over = True
                ear.hint()

    def _listen(self) -> None:
        is_heard = True
        pause = threading.Event()
        while not self._is_over:
            try:
                self._hear()
            except (RedisError, OSError) as error:
                if is_heard:
                    log.warning("hearing.lost", error=str(error), cure="streams look every second meanwhile")
                is_heard = False
                pause.wait(RETRY_S)
            else:
                is_heard = True

    def _hear(self) -> None:
        """Listen for a while; on a new connection wake all, since hints were missed before it."""
        client = redis.Redis.from_url(self._url, socket_connect_timeout=2, health_check_interval=10)
        with client, client.pubsub(ignore_subscribe_messages=True) as channel:
            channel.subscribe(HINTS, OUTPUT)
            self._tell_all()
            while not self._is_over:
                message = channel.get_message(timeout=5)
                if message:
                    self._fan_out(message["channel"].decode(), message["data"])

    def _tell_all(self) -> None:
        with self._lock:
            for ear in self._ears:
                ear.hint()

    def _fan_out(self, channel: str, data: bytes) -> None:
        try:
            said: dict[str, Any] = json.loads(data)
            if channel == OUTPUT:
                self._spread_output(Output(said["task"], said["step"], said["stream"], said["text"]))
            else:
                self._spread_hint(str(said["subject"]))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("hearing.unreadable", channel=channel, error=str(error))

    def _spread_output(self, output: Output) -> None:
        with self._lock:
            for ear in self._ears:
                if ear.subject == output.task:
                    ear.add(output)

    def _spread_hint(self, subject: str) -> None:
        with self._lock:
            for ear in self._ears:
                if ear.subject in (None, subject):
                    ear.hint()


_of_process: dict[int, Hearing] = {}
_making = threading.Lock()


def hearing() -> Hearing:
    """This process's listener; a forked child gets one of its own, since threads do not survive a fork."""
    pid = os.getpid()
    with _making:
        if pid not in _of_process:
            _of_process.clear()
            _of_process[pid] = Hearing(settings.load().redis)
        return _of_process[pid]


def end_with_process() -> None:
    """End the streams as soon as the server is told to stop; it would wait for them otherwise.

    For a server that handles SIGTERM itself, as gunicorn's workers do, and imports the application in its main
    thread; its own handler is called as well.
    """
    served_by = signal.getsignal(signal.SIGTERM)
    if threading.current_thread() is not threading.main_thread() or not callable(served_by):
        return

    def stop(number: int, frame: FrameType | None) -> None:
        # In a thread: what was interrupted here may hold the locks that end() takes.
        threading.Thread(target=_end_all, daemon=True).start()
        served_by(number, frame)

    signal.signal(signal.SIGTERM, stop)


def _end_all() -> None:
    hearing().end()

"""What one fetch may still use: time, bytes, and the patience of whoever asked for it.

Everything that it receives passes `Counted`, so no step of it, however slow or often repeated, is left out: not
the handshake, not the headers, not a redirect.
"""

import ssl
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, wait
from functools import partial
from threading import Thread
from typing import Any, TypeVar

import httpcore

_T = TypeVar("_T")

_TICK_S = 0.25
"""How long one wait may keep us from asking whether the call was cancelled."""
_STEP_S = 15.0
"""The longest step that cannot be asked in between: to connect, to agree on encryption, to send a request."""


class Spent(Exception):
    """No more: `hit` names the field of `Limits`; None: the call was cancelled."""

    def __init__(self, hit: str | None) -> None:
        super().__init__(hit)
        self.hit = hit


class Budget:
    """From its making on, `wall_s` seconds and `most_bytes` received."""

    def __init__(self, wall_s: float, most_bytes: int, is_cancelled: Callable[[], bool]) -> None:
        self._until = time.monotonic() + wall_s
        self._left_bytes = most_bytes
        self._is_cancelled = is_cancelled

    def left_s(self, most: float) -> float:
        """Seconds that the next wait may take.

        Raises:
            Spent: there are none.
        """
        if self._is_cancelled():
            raise Spent(None)
        left = self._until - time.monotonic()
        if left <= 0:
            raise Spent("wall_s")
        return min(left, most)

    def step_s(self) -> float:
        """Seconds for a step that cannot be interrupted."""
        return self.left_s(_STEP_S)

    def result_of(self, work: Callable[[], _T], put_away: Callable[[_T], None] | None = None) -> _T:
        """What `work` returns, which nothing can interrupt: when time is up it is left to itself in its thread.

        What it returns after that is put away.

        Raises:
            Spent: it was not done in time, or the call was cancelled meanwhile.
        """
        done: Future[_T] = Future()
        Thread(target=_put_into, args=(done, work), name="fetch", daemon=True).start()
        try:
            while not wait([done], timeout=self.left_s(_TICK_S)).done:
                continue
        except Spent:
            if put_away is not None:
                done.add_done_callback(partial(_put_away, put_away))
            raise
        return done.result()

    def take(self, count: int) -> None:
        """Count bytes.

        Raises:
            Spent: they are more than were left.
        """
        self._left_bytes -= count
        if self._left_bytes < 0:
            raise Spent("network_bytes")


def _put_into(done: "Future[_T]", work: Callable[[], _T]) -> None:
    try:
        done.set_result(work())
    except BaseException as error:  # noqa: BLE001  (raised where it is waited for)
        done.set_exception(error)


def _put_away(put_away: Callable[[_T], None], done: "Future[_T]") -> None:
    if done.exception() is None:
        put_away(done.result())


class Counted(httpcore.NetworkStream):
    """A connection that draws on a budget."""

    def __init__(self, inner: httpcore.NetworkStream, budget: Budget) -> None:
        self._inner = inner
        self._budget = budget
        self.sent_bytes = 0
        self.received_bytes = 0

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """What came; waits as long as the budget lasts."""
        while True:
            try:
                data = self._inner.read(max_bytes, timeout=self._budget.left_s(_TICK_S))
            except httpcore.ReadTimeout:
                continue
            self.received_bytes += len(data)
            self._budget.take(len(data))
            return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of it."""
        self._budget.result_of(partial(self._inner.write, buffer, timeout=self._budget.step_s()))
        self.sent_bytes += len(buffer)

    def close(self) -> None:
        """Close it."""
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        """The same connection, encrypted from here on and still counted."""
        agree = partial(self._inner.start_tls, ssl_context, server_hostname, timeout=self._budget.step_s())
        self._inner = self._budget.result_of(agree, lambda late: late.close())
        return self

    def get_extra_info(self, info: str) -> Any:
        """What the connection knows about itself."""
        return self._inner.get_extra_info(info)


class Pinned(httpcore.NetworkBackend):
    """Dials the addresses it was given, whatever name it is asked for."""

    def __init__(self, found: list[str], budget: Budget) -> None:
        self._found = found
        self._budget = budget
        self.stream: Counted | None = None

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """A connection to the first address that answers."""
        self.stream = Counted(self._connected(port), self._budget)
        return self.stream

    def _connected(self, port: int) -> httpcore.NetworkStream:
        for address in self._found[:-1]:
            try:
                return self._dialled(address, port)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                continue
        return self._dialled(self._found[-1], port)

    def _dialled(self, address: str, port: int) -> httpcore.NetworkStream:
        dial = partial(httpcore.SyncBackend().connect_tcp, address, port, timeout=self._budget.step_s())
        return self._budget.result_of(dial, lambda late: late.close())

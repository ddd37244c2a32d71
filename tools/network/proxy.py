"""The proxy of one call: a thread of the worker that lets a sandboxed program reach what its `Reach` allows.

It listens on a unix socket that only this call sees (rendezvous.py), knows nothing but CONNECT, and dials an
address that it has judged itself (addresses.py).  A library of the worker that makes its own connections finds it on
loopback instead, with a password (`on_loopback`).  What passes is encrypted from end to end, and is only counted
(tunnel.py).  The way from a program to the socket: bridge.py.  Each connection is told to the timeline:
"network.allowed" at its end, "network.refused" at once.
"""

import asyncio
import base64
import hmac
import secrets
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from pathlib import Path

from models.errors import Forbidden, InvalidInput, OpsCoreError, ToolFailed
from tools.contract import Tell
from tools.network import names, rendezvous
from tools.network.addresses import Resolve
from tools.network.reach import Reach
from tools.network.tunnel import End, Tunnel

USER = "call"
_AGAIN_S = 0.5


@dataclass(frozen=True)
class Bounds:
    """How much time and how many connections: strangers feed the program that is at the other end."""

    header_bytes: int = 8192
    header_s: float = 10
    dial_s: float = 15
    idle_s: float = 120
    at_once: int = 64
    in_all: int = 2000
    """Connections of one call, refused ones too: each is a line of the timeline."""


class Served:
    """One proxy while its call runs: `folder` is what the sandbox is to see, `hit` the limit that ended it."""

    def __init__(self, folder: Path, reach: Reach, most_bytes: int, tell: Tell, bounds: Bounds) -> None:
        self.folder = folder
        self.hit: str | None = None
        self.failure: BaseException | None = None
        self.resolve: Resolve | None = None
        self.password = ""
        """Where others can find the proxy too: what a request must know."""
        self._reach = reach
        self._left_bytes = most_bytes
        self._tell = tell
        self._bounds = bounds
        self._connections: set[asyncio.Task[None]] = set()
        self._count = 0

    async def run(self, listener: socket.socket, stop: asyncio.Event) -> None:
        """Serve until `stop`, then end every connection."""
        self._listen(listener)
        await stop.wait()
        asyncio.get_running_loop().remove_reader(listener)
        ending = [*self._connections]
        for connection in ending:
            connection.cancel()
        await asyncio.gather(*ending, return_exceptions=True)
        # Transports that were closed let go of their sockets in the next round.
        await asyncio.sleep(0)

    def _listen(self, listener: socket.socket) -> None:
        # Not asyncio's server: one that is closed while it takes a connection leaves that one open.
        asyncio.get_running_loop().add_reader(listener, self._take, listener)

    def _take(self, listener: socket.socket) -> None:
        try:
            taken, _ = listener.accept()
        except BlockingIOError:
            return
        except OSError:  # the worker has no descriptor left
            loop = asyncio.get_running_loop()
            loop.remove_reader(listener)
            loop.call_later(_AGAIN_S, self._listen, listener)
            return
        self._count += 1
        if len(self._connections) >= 2 * self._bounds.at_once:
            # Each costs the worker a descriptor, so nobody waits here to be told why.
            taken.close()
            return
        connection = asyncio.ensure_future(self._serve(taken))
        self._connections.add(connection)
        connection.add_done_callback(partial(self._ended, taken))

    def _ended(self, taken: socket.socket, connection: "asyncio.Task[None]") -> None:
        # One that is cancelled before it has begun closes nothing by itself.
        taken.close()
        self._connections.discard(connection)
        if not connection.cancelled() and (failure := connection.exception()) is not None:
            self.failure = self.failure or failure

    async def _serve(self, taken: socket.socket) -> None:
        near = End(*await asyncio.open_connection(sock=taken, limit=self._bounds.header_bytes))
        try:
            await self._answer(near)
        finally:
            await near.close()

    async def _answer(self, near: End) -> None:
        host, port = "", 0
        try:
            host, port = await self._asked_for(near.reader)
            self._check_counts()
            far = await self._dial(host, port)
        except OpsCoreError as error:
            await self._refuse(near.writer, host, port, error)
        except OSError:
            # The program went away before it had asked.
            return
        else:
            await self._connect(near, far, host, port)

    async def _asked_for(self, reader: asyncio.StreamReader) -> tuple[str, int]:
        try:
            async with asyncio.timeout(self._bounds.header_s):
                head = await reader.readuntil(b"\r\n\r\n")
        except TimeoutError as error:
            raise InvalidInput("cannot wait any longer for the request") from error
        except asyncio.LimitOverrunError as error:
            raise InvalidInput("cannot read the request: it is too long") from error
        except asyncio.IncompleteReadError as error:
            raise ConnectionResetError from error
        self._check_password(head)
        method, _, rest = head.decode("latin-1").partition("\r\n")[0].partition(" ")
        if method != "CONNECT":
            raise InvalidInput("cannot forward this: only https is allowed, and it is asked for by CONNECT")
        return names.host_and_port(rest.partition(" ")[0])

    def _check_password(self, head: bytes) -> None:
        lines = (line.partition(b":") for line in head.split(b"\r\n"))
        given = next((value.strip() for name, _, value in lines if name.lower() == b"proxy-authorization"), b"")
        wanted = base64.b64encode(f"{USER}:{self.password}".encode())
        if self.password and not hmac.compare_digest(given, b"Basic " + wanted):
            raise Forbidden("cannot forward this: it is not the call that this proxy is for")

    def _check_counts(self) -> None:
        if self.hit is not None:
            raise Forbidden("cannot reach anything more: the call's network bytes are used up", limit=self.hit)
        if self._count > self._bounds.in_all or len(self._connections) > self._bounds.at_once:
            raise Forbidden("cannot open another connection: the call has too many")

    async def _dial(self, host: str, port: int) -> End:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._bounds.dial_s):
                # The resolver waits in a thread of its own, which is left to itself when the time is up.
                found = await loop.run_in_executor(None, self._reach.dialled, host, port, self.resolve)
                return await _first_of(found, port, self._bounds.dial_s)
        except OSError as error:
            reason = "no answer in time" if isinstance(error, TimeoutError) else str(error.strerror or error)
            raise ToolFailed(f"cannot reach {host}: {reason}", host=host, reason=reason) from error

    async def _connect(self, near: End, far: End, host: str, port: int) -> None:
        tunnel = Tunnel(self._spend, self._bounds.idle_s)
        try:
            near.writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await tunnel.carry(near, far)
        finally:
            amounts = {"sent_bytes": tunnel.sent_bytes, "received_bytes": tunnel.received_bytes}
            self._tell("network.allowed", host=host, port=port, **amounts)
            await far.close()

    def _spend(self, count: int) -> bool:
        self._left_bytes -= count
        if self._left_bytes < 0:
            self.hit = "network_bytes"
        return self.hit is None

    async def _refuse(self, writer: asyncio.StreamWriter, host: str, port: int, error: OpsCoreError) -> None:
        if self._count <= self._bounds.in_all + 1:
            reason = str(error.details.get("reason", error.message))
            # Of one that may be there another time it is said: away.py.
            told = {"away": True} if isinstance(error, ToolFailed) else {}
            self._tell("network.refused", host=host, port=port, reason=reason, **told)
        status = HTTPStatus.BAD_GATEWAY if isinstance(error, ToolFailed) else HTTPStatus.FORBIDDEN
        # Programs show this line; few show a body.
        line = f"HTTP/1.1 {status.value} OpsCore {error.message}".replace("\r", " ").replace("\n", " ")
        with suppress(OSError):
            writer.write(f"{line}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode("ascii", "replace"))
            await writer.drain()


@contextmanager
def serving(
    reach: Reach, most_bytes: int, tell: Tell, *, bounds: Bounds | None = None, resolve: Resolve | None = None
) -> Iterator[Served]:
    """A proxy for the time of the block; after it no socket, no folder and no thread is left.

    `most_bytes` counts both ways of all connections together.  What `tell` raised is raised at the end.
    """
    with rendezvous.listening() as (folder, listener):
        served = Served(folder, reach, most_bytes, tell, bounds or Bounds())
        served.resolve = resolve
        with _in_thread(served, listener):
            yield served
    if served.failure is not None:
        raise served.failure


@contextmanager
def on_loopback(
    reach: Reach, most_bytes: int, tell: Tell, *, bounds: Bounds | None = None, resolve: Resolve | None = None
) -> Iterator[tuple[str, Served]]:
    """As `serving`, for a program outside of every sandbox, by the address that it is to be given.

    Others of this host find the port as well, so the address has a password, which dies with the block.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)
        served = Served(Path(), reach, most_bytes, tell, bounds or Bounds())
        served.resolve, served.password = resolve, secrets.token_urlsafe(24)
        with _in_thread(served, listener):
            yield f"http://{USER}:{served.password}@127.0.0.1:{listener.getsockname()[1]}", served
    if served.failure is not None:
        raise served.failure


@contextmanager
def _in_thread(served: Served, listener: socket.socket) -> Iterator[None]:
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=_work, args=(loop, served.run(listener, stop)), name="proxy")
    thread.start()
    try:
        yield
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


def _work(loop: asyncio.AbstractEventLoop, work: "Coroutine[None, None, None]") -> None:
    loop.run_until_complete(work)


async def _first_of(found: list[str], port: int, dial_s: float) -> End:
    """A connection to the first of the addresses that answers; one that is silent leaves time for the others."""
    for address in found[:-1]:
        with suppress(OSError):
            async with asyncio.timeout(dial_s / len(found)):
                return End(*await asyncio.open_connection(address, port))
    return End(*await asyncio.open_connection(found[-1], port))

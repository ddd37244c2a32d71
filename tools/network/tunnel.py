"""One connection that the proxy has let through: carry its bytes both ways, count them, and end it in time."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

CHUNK_BYTES = 2**16
_CLOSE_S = 5.0


@dataclass(frozen=True)
class End:
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def close(self) -> None:
        """Send what is waiting, but do not wait long for somebody who does not read it."""
        self.writer.close()
        try:
            with suppress(OSError):
                async with asyncio.timeout(_CLOSE_S):
                    await self.writer.wait_closed()
        finally:
            # A transport that is closed has let go of its loop, and cannot be ended once more.
            if self.writer.get_extra_info("socket").fileno() != -1:
                self.writer.transport.abort()


class UsedUp(Exception):
    """The call may move no more bytes."""


class Tunnel:
    """`spend` takes bytes from what the call may move, and says whether they were left."""

    def __init__(self, spend: Callable[[int], bool], idle_s: float) -> None:
        self.sent_bytes = 0
        self.received_bytes = 0
        self._spend = spend
        self._idle_s = idle_s
        self._moved_at = asyncio.get_running_loop().time()

    async def carry(self, near: End, far: End) -> None:
        """Returns when both ways ended, nothing moved for too long, or the call's bytes are used up.

        Somebody who goes away in the middle is no error: programs and servers do.
        """
        ways = [asyncio.ensure_future(self._send(near, far)), asyncio.ensure_future(self._receive(far, near))]
        try:
            with suppress(OSError, UsedUp):
                await self._watch(ways)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)

    async def _watch(self, ways: "list[asyncio.Task[None]]") -> None:
        going = set(ways)
        while going and (left := self._idle_left()) > 0:
            done, going = await asyncio.wait(going, timeout=left, return_when=asyncio.FIRST_COMPLETED)
            for way in done:
                way.result()

    def _idle_left(self) -> float:
        return self._moved_at + self._idle_s - asyncio.get_running_loop().time()

    async def _send(self, near: End, far: End) -> None:
        while chunk := await self._next(near.reader):
            self.sent_bytes += len(chunk)
            await _pass_on(chunk, far.writer)
        _say_end(far.writer)

    async def _receive(self, far: End, near: End) -> None:
        while chunk := await self._next(far.reader):
            self.received_bytes += len(chunk)
            await _pass_on(chunk, near.writer)
        _say_end(near.writer)

    async def _next(self, reader: asyncio.StreamReader) -> bytes:
        chunk = await reader.read(CHUNK_BYTES)
        self._moved_at = asyncio.get_running_loop().time()
        if not self._spend(len(chunk)):
            raise UsedUp
        return chunk


async def _pass_on(chunk: bytes, writer: asyncio.StreamWriter) -> None:
    writer.write(chunk)
    await writer.drain()


def _say_end(writer: asyncio.StreamWriter) -> None:
    if writer.can_write_eof() and not writer.is_closing():
        writer.write_eof()

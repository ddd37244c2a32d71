"""A way to a PostgreSQL server that breaks once, between a COMMIT and its answer: nobody knows whether it stands."""

import socket
import threading
from contextlib import suppress

_MOST = 2**16


class CuttingProxy:
    """Listens on loopback and passes everything on to the server at `port`, which speaks without TLS."""

    def __init__(self, port: int) -> None:
        self._server = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._wanted: bytes | None = None
        self.has_cut = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, text: str) -> None:
        """Break the next connection whose transaction holds the text, once the server has answered its COMMIT."""
        self.has_cut.clear()
        self._wanted = text.encode()

    def close(self) -> None:
        """Take no more connections."""
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self._server))
            except OSError:
                client.close()
                continue
            _Way(self, client, server)

    def is_to_cut(self, transaction: bytes) -> bool:
        """Whether this is the transaction whose answer is to be lost; only one ever is."""
        wanted = self._wanted
        if wanted is None or wanted not in transaction:
            return False
        self._wanted = None
        return True


class _Way:
    """One connection, both directions."""

    def __init__(self, proxy: CuttingProxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy = proxy
        self._client, self._server = client, server
        self._is_cutting = False
        for direction in (self._to_server, self._to_client):
            threading.Thread(target=direction, daemon=True).start()

    def _to_server(self) -> None:
        transaction = b""
        while data := _received(self._client):
            transaction += data
            if b"COMMIT" in data:
                self._is_cutting = self._proxy.is_to_cut(transaction)
                transaction = b""
            if not _sent(self._server, data):
                break
        self._end()

    def _to_client(self) -> None:
        while data := _received(self._server):
            if self._is_cutting:
                self._proxy.has_cut.set()
                break
            if not _sent(self._client, data):
                break
        self._end()

    def _end(self) -> None:
        for each in (self._client, self._server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _received(one: socket.socket) -> bytes:
    try:
        return one.recv(_MOST)
    except OSError:
        return b""


def _sent(one: socket.socket, data: bytes) -> bool:
    try:
        one.sendall(data)
    except OSError:
        return False
    return True

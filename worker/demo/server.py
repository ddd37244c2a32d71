"""The demo model's server: HTTP in, a scripted answer out.

GET  /v1/models              POST /v1/chat/completions
GET  /log                    what was asked so far, and what each request came to
GET  /log/NUMBER             the messages of one request
"""

import hmac
import json
import socket
import struct
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from worker.demo import bodies
from worker.demo.bodies import Body, Reply
from worker.demo.choice import Chosen, choose
from worker.demo.conversation import Conversation
from worker.demo.journal import Journal
from worker.demo.script import Answer, Script

MOST_BYTES = 64 << 20
Note = Callable[[str], None]
"""Puts what an answer came to into the journal."""
_RESET = struct.pack("ii", 1, 0)


class ModelServer:
    """One server on the loopback; `script` may be changed while it runs."""

    def __init__(self, script: Script, port: int = 0, log: Path | None = None) -> None:
        self.script = script
        self.journal = Journal(log)
        self.stopping = threading.Event()
        self._http = _Http(("127.0.0.1", port), _Handler)
        self._http.models = self
        self.port = int(self._http.server_address[1])
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """What to enter as a provider's address."""
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        """Serve in a thread."""
        self._thread.start()

    def stop(self) -> None:
        """Serve no more; answers that wait are given up."""
        self.stopping.set()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    models: ModelServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is its own affair; the journal has it.  Anything else is a defect, and said."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Http
    timeout = 60

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def do_GET(self) -> None:
        models = self.server.models
        path = self.path.partition("?")[0].rstrip("/")
        number = path.rpartition("/")[2]
        if path == "/log":
            self._send(200, {"requests": models.journal.entries()})
        elif path.startswith("/log/") and number.isdecimal():
            messages = models.journal.messages(int(number))
            self._send(404 if messages is None else 200, {"messages": messages})
        elif path.endswith("/models"):
            told = self._refused()
            self._send(401, told) if told else self._send(200, bodies.models(models.script))
        else:
            self._send(404, bodies.error(404, f"There is nothing at {path}."))

    def do_POST(self) -> None:
        told = self._body()
        if told is None:
            self._send(400, bodies.error(400, "The body is no JSON object with messages."))
        elif not self.path.endswith("/chat/completions"):
            self._send(404, bodies.error(404, f"There is nothing at {self.path}."))
        else:
            self._complete(told)

    def _complete(self, told: Body) -> None:
        models = self.server.models
        talk = Conversation.of(told)
        chosen = self._chosen(talk)
        unknown_key = self._refused()
        is_streamed = bool(told.get("stream"))
        number = models.journal.asked(talk, chosen, is_streamed=is_streamed, is_authorized=not unknown_key)
        reply = Reply(models.script, talk, chosen)

        def note(outcome: str, status: int = chosen.answer.status) -> None:
            usage = reply.usage() if outcome in ("whole", "broken") else None
            models.journal.given(number, outcome, status, usage)

        # What comes of it is noted before the last byte: who has the whole answer finds it in the journal.
        try:
            if chosen.answer.delay_s and models.stopping.wait(chosen.answer.delay_s):
                note("gone")
                self._break()
            elif unknown_key:
                note("refused", 401)
                self._send(401, unknown_key)
            elif chosen.answer.status != 200:
                note("refused")
                self._fail(reply)
            elif is_streamed:
                self._stream(reply, note, bool((told.get("stream_options") or {}).get("include_usage")))
            else:
                self._whole(reply, note)
        except OSError:
            note("gone")
            raise

    def _chosen(self, talk: Conversation) -> Chosen:
        """The answer; where the script cannot be played, 500 for who asked and the reason for the journal."""
        models = self.server.models
        try:
            return choose(models.script, talk, lambda place: models.journal.times(place, talk.digest))
        except Exception as error:  # noqa: BLE001 - whatever it is: who asked is answered, and the journal says why
            why = f"{type(error).__name__}: {error}"
            failed = Answer(status=500, message=f"cannot play the script: {why}")
            return Chosen(failed, "nothing", error=why)

    def _fail(self, reply: Reply) -> None:
        answer = reply.answer
        headers = {} if answer.retry_after_s is None else {"Retry-After": f"{answer.retry_after_s:g}"}
        self._send(answer.status, bodies.error(answer.status, answer.message), headers)

    def _whole(self, reply: Reply, note: Note) -> None:
        text = json.dumps(reply.whole()).encode()
        self._head(200, {"Content-Type": "application/json", "Content-Length": str(len(text))})
        if reply.answer.break_after is None:
            note("whole")
            self.wfile.write(text)
            return
        note("broken")
        self.wfile.write(text[: len(text) // 2])
        self._break()

    def _stream(self, reply: Reply, note: Note, with_usage: bool) -> None:
        self._head(200, {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"})
        if reply.script.shape == "openrouter":
            self._chunk(b": OPENROUTER PROCESSING\n\n")
        for number, piece in enumerate(reply.pieces(with_usage=with_usage)):
            self.server.models.stopping.wait(reply.answer.piece_delay_s)
            if number == reply.answer.break_after:
                note("broken")
                self._break()
                return
            self._chunk(b"data: " + json.dumps(piece).encode() + b"\n\n")
        note("whole")
        self._chunk(b"data: [DONE]\n\n")
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _break(self) -> None:
        """Cut the connection as a machine that dies does, in the middle of what it said."""
        self.wfile.flush()
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _refused(self) -> Body | None:
        """What is wrong with the key that came; None where nothing is."""
        key = self.server.models.script.key
        came = self.headers.get("Authorization", "").removeprefix("Bearer ").strip()
        if key is None or hmac.compare_digest(key.encode(), came.encode()):
            return None
        return bodies.error(401, "Incorrect API key provided.")

    def _body(self) -> Body | None:
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            return None
        try:
            told = json.loads(self.rfile.read(int(length)))
        except ValueError:
            return None
        return told if isinstance(told, dict) and _are_objects(told.get("messages")) else None

    def _send(self, status: int, body: Body, headers: dict[str, str] | None = None) -> None:
        self._send_text(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

    def _send_text(self, status: int, text: bytes, headers: dict[str, str]) -> None:
        self._head(status, {**headers, "Content-Length": str(len(text))})
        self.wfile.write(text)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """The journal says more."""


def _are_objects(found: Any) -> bool:
    return isinstance(found, list) and all(isinstance(each, dict) for each in found)

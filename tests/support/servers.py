"""Servers on this machine's loopback that stand for the internet: pages over http and https, and a git host.

Their certificates are of a test's own authority, which must be handed to whoever is to trust them.
"""

import os
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import trustme

HOST = "localhost"
INWARDS = (
    "https://169.254.169.254/latest/meta-data/",
    "https://127.0.0.1/",
    "http://[::1]/",
    "https://[::ffff:127.0.0.1]/",
    "https://2130706433/",
    "https://0x7f.1/",
    "https://localhost/",
    "https://user:word@example.org/",
    "https://192.0.2.1:8443/",
    "file:///etc/passwd",
    "gopher://example.org/",
    "//10.0.0.1/",
)
"""Where no redirect may lead: to this machine, into its network, out of the web."""


@dataclass(frozen=True)
class Page:
    """One answer."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """One server: what it has, by path, and the request lines and headers that it saw."""

    port: int
    scheme: str
    pages: dict[str, Page] = field(default_factory=dict)
    repositories: Path | None = None
    first: dict[str, list[Page]] = field(default_factory=dict)
    """What it answers before its pages, each once."""
    programs: dict[str, Callable[[dict[str, str]], Page]] = field(default_factory=dict)
    """By path without its query: what makes an answer of the query's and the form's fields."""
    seen: list[dict[str, str]] = field(default_factory=list)

    @property
    def at(self) -> str:
        """Its host and port."""
        return f"{HOST}:{self.port}"

    def url(self, path: str) -> str:
        return f"{self.scheme}://{self.at}{path}"


@contextmanager
def serving(authority: trustme.CA | None = None, repositories: Path | None = None) -> Iterator[Site]:
    """A site; with an authority over https, with a folder of repositories it is a git host too."""
    server = _Server(("127.0.0.1", 0), _Handler)
    if authority is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(HOST, "other.example").configure_cert(tls)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    site = Site(server.server_address[1], "https" if authority else "http", repositories=repositories)
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that do not trust us, or have had enough, are what is tested."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10

    def do_GET(self) -> None:
        site: Site = self.server.site  # type: ignore[attr-defined]
        site.seen.append({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}})
        if first := site.first.get(self.path):
            self._answer(first.pop(0))
            return
        if program := site.programs.get(self.path.partition("?")[0]):
            self._answer(program(self._fields()))
            return
        if site.repositories is not None and self.path not in site.pages:
            self._git(site.repositories)
            return
        self._answer(site.pages.get(self.path, Page(b"nothing here", 404)))

    do_POST = do_GET

    def _fields(self) -> dict[str, str]:
        form = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        return dict(parse_qsl(self.path.partition("?")[2]) + parse_qsl(form))

    def _answer(self, page: Page) -> None:
        self.send_response(page.status)
        for name, value in {"Content-Length": str(len(page.body)), **page.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(page.body)
        except OSError:
            self.close_connection = True  # the client has had enough

    def _git(self, folder: Path) -> None:
        """What git's own program answers, which speaks CGI."""
        path, _, query = self.path.partition("?")
        length = int(self.headers.get("content-length") or 0)
        told = {
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("git-protocol", ""),
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("content-type", ""),
            "HTTP_CONTENT_ENCODING": self.headers.get("content-encoding", ""),
            "PATH": os.environ["PATH"],
        }
        finished = subprocess.run(
            ["git", "http-backend"], env=told, input=self.rfile.read(length), capture_output=True, check=False
        )
        head, _, body = finished.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        status = int(headers.pop("Status", "200").partition(" ")[0])
        self._answer(Page(body, status, headers))

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


def repository(folder: Path, files: dict[str, str]) -> str:
    """A bare repository at folder with two commits, the last of which has the files; returns its id."""
    work = folder.with_name(f"{folder.name}.work")
    _git("init", "--quiet", "--initial-branch=main", str(work))
    _git("-C", str(work), "commit", "--quiet", "--allow-empty", "--message=first")
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text, encoding="utf-8")
    _git("-C", str(work), "add", "--all")
    _git("-C", str(work), "commit", "--quiet", "--message=second")
    _git("clone", "--quiet", "--bare", str(work), str(folder))
    return _git("-C", str(work), "rev-parse", "HEAD")


def _git(*words: str) -> str:
    who = {f"GIT_{role}_{what}": "test" for role in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    clean = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    finished = subprocess.run(["git", *words], env={**clean, **who}, capture_output=True, text=True, check=True)
    return finished.stdout.strip()

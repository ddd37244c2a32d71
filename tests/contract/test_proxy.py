"""What the proxy of a call promises to the worker that runs it, whatever connects to it."""

import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.timeline import Told
from tools.network import proxy, rendezvous
from tools.network.proxy import Bounds, Served
from tools.network.reach import Reach

PLENTY = 10**9
HASTY = Bounds(header_s=0.3, dial_s=5, idle_s=0.5, at_once=4, in_all=20)


@contextmanager
def echoing() -> Iterator[int]:
    """A server that gives back what it gets; yields its port."""
    listener = socket.create_server(("127.0.0.1", 0))

    def echo(taken: socket.socket) -> None:
        with taken:
            while data := taken.recv(65536):
                taken.sendall(data)

    def accept() -> None:
        while True:
            try:
                taken, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=echo, args=(taken,), daemon=True).start()

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.fixture
def echo() -> Iterator[Reach]:
    with echoing() as port:
        yield Reach(local=frozenset({f"127.0.0.1:{port}"}))


def connect(served: Served) -> socket.socket:
    found = socket.socket(socket.AF_UNIX)
    found.settimeout(10)
    found.connect(str(served.folder / rendezvous.SOCKET))
    return found


def asked(served: Served, target: str, more: str = "") -> tuple[socket.socket, bytes]:
    """A connection that has asked for the target, and the head of the answer."""
    found = connect(served)
    found.sendall(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{more}\r\n".encode("latin-1"))
    return found, found.recv(4096)


def only(reach: Reach) -> str:
    return next(iter(reach.local))


def test_bytes_pass_both_ways_and_are_counted(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, PLENTY, told.tell) as served:
        connection, answer = asked(served, only(echo))
        assert answer == b"HTTP/1.1 200 Connection established\r\n\r\n"
        with connection:
            connection.sendall(bytes(100_000))
            connection.shutdown(socket.SHUT_WR)
            assert sum(len(data) for data in iter(lambda: connection.recv(65536), b"")) == 100_000
    [event] = told.allowed()
    assert (event["sent_bytes"], event["received_bytes"]) == (100_000, 100_000)
    assert served.hit is None


def test_nothing_is_left_afterwards(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, PLENTY, told.tell) as served:
        connection, _ = asked(served, only(echo))
        waiting = connect(served)
    with connection, waiting:
        assert connection.recv(1) == b""
        with suppress(ConnectionResetError):  # nobody had taken it yet
            assert waiting.recv(1) == b""
    assert "proxy" not in {thread.name for thread in threading.enumerate()}
    assert not served.folder.parent.exists()
    assert len(told.allowed()) == 1


def test_socket_is_nobody_else_s(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, PLENTY, told.tell) as one, proxy.serving(echo, PLENTY, told.tell) as other:
        assert one.folder != other.folder
        assert one.folder.parent.stat().st_mode & 0o077 == 0
        assert [path.name for path in one.folder.iterdir()] == [rendezvous.SOCKET]


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET https://example.org/ HTTP/1.1\r\n\r\n",
        b"CONNECT http://example.org:443 HTTP/1.1\r\n\r\n",
        b"CONNECT example.org HTTP/1.1\r\n\r\n",
        b"CONNECT example.org:443@evil.example:443 HTTP/1.1\r\n\r\n",
        b"CONNECT [::1]:443 HTTP/1.1\r\n\r\n",
        b"CONNECT 0x7f.1:443 HTTP/1.1\r\n\r\n",
        b"CONNECT \xc3\xbc:443 HTTP/1.1\r\n\r\n",
        b"CONNECT  HTTP/1.1\r\n\r\n",
        b"\r\n\r\n",
        b"CONNECT a:443 HTTP/1.1\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    ],
)
def test_anything_but_a_plain_connect_to_a_listed_host_is_refused(request_head: bytes, told: Told) -> None:
    with proxy.serving(Reach(frozenset({"example.org"})), PLENTY, told.tell) as served, connect(served) as connection:
        connection.sendall(request_head)
        assert connection.recv(4096).startswith(b"HTTP/1.1 403 OpsCore cannot ")
    assert len(told.reasons()) == 1 and told.allowed() == []


def test_listed_host_whose_name_leads_inside_is_refused(told: Told) -> None:
    reach = Reach(frozenset({"example.org"}))
    inside = proxy.serving(reach, PLENTY, told.tell, resolve=lambda host, port: ["1.1.1.1", "169.254.169.254"])
    with inside as served:
        connection, answer = asked(served, "example.org:443")
        connection.close()
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert told.reasons() == ["it is no global address"]


def test_host_that_does_not_answer_is_a_bad_gateway(told: Told) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        target = f"127.0.0.1:{closed.getsockname()[1]}"
    with proxy.serving(Reach(local=frozenset({target})), PLENTY, told.tell) as served:
        connection, answer = asked(served, target)
        connection.close()
    assert answer.startswith(b"HTTP/1.1 502 OpsCore cannot reach 127.0.0.1: ")
    assert len(told.reasons()) == 1


def test_address_that_is_silent_or_closed_leaves_the_next_one_its_turn(echo: Reach, told: Told) -> None:
    silent = socket.create_server(("127.0.0.9", int(only(echo).rpartition(":")[2])), backlog=0)
    with silent, socket.create_connection(silent.getsockname()), socket.socket() as second:
        second.setblocking(False)
        second.connect_ex(silent.getsockname())  # from here on nobody is let in
        found = ["127.0.0.8", "127.0.0.9", "127.0.0.1"]
        bounds = replace(HASTY, dial_s=3)
        with proxy.serving(echo, PLENTY, told.tell, bounds=bounds, resolve=lambda host, port: found) as served:
            connection, answer = asked(served, only(echo))
            connection.close()
    assert answer.startswith(b"HTTP/1.1 200 ")


def test_program_that_asks_slowly_is_not_waited_for(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, PLENTY, told.tell, bounds=HASTY) as served, connect(served) as slow:
        slow.sendall(b"CONNECT ")
        assert b"cannot wait any longer" in slow.recv(4096)
        assert slow.recv(1) == b""


def test_connection_on_which_nothing_moves_ends(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, PLENTY, told.tell, bounds=HASTY) as served:
        connection, _ = asked(served, only(echo))
        with connection:
            connection.sendall(b"x")
            assert connection.recv(1) == b"x"
            assert connection.recv(1) == b""


def test_connections_at_once_are_limited_and_others_go_on(echo: Reach, told: Told) -> None:
    bounds = replace(HASTY, header_s=10, idle_s=10)
    with proxy.serving(echo, PLENTY, told.tell, bounds=bounds) as served:
        first, _ = asked(served, only(echo))
        idle = [connect(served) for _ in range(20)]
        late, answer = asked_or_closed(served, only(echo))
        assert not answer.startswith(b"HTTP/1.1 200")
        first.sendall(b"still here")
        assert first.recv(100) == b"still here"
        for connection in (first, late, *idle):
            connection.close()


def asked_or_closed(served: Served, target: str) -> tuple[socket.socket, bytes]:
    found = connect(served)
    try:
        found.sendall(f"CONNECT {target} HTTP/1.1\r\n\r\n".encode())
        return found, found.recv(4096)
    except ConnectionError:
        return found, b""


def test_connections_in_all_are_limited_and_so_is_what_is_told(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, PLENTY, told.tell, bounds=HASTY) as served:
        for _ in range(2 * HASTY.in_all):
            connection, answer = asked(served, "elsewhere.example:443")
            connection.close()
        connection, answer = asked(served, only(echo))
        connection.close()
    assert b"the call has too many" in answer
    assert len(told.events) == HASTY.in_all + 1


def test_limit_of_bytes_ends_every_connection_and_refuses_new_ones(echo: Reach, told: Told) -> None:
    with proxy.serving(echo, 50_000, told.tell) as served:
        one, _ = asked(served, only(echo))
        other, _ = asked(served, only(echo))
        with one, other:
            one.sendall(bytes(60_000))
            while data := one.recv(65536):
                assert data
            other.sendall(b"x")
            assert other.recv(10) == b""
        late, answer = asked(served, only(echo))
        late.close()
    assert served.hit == "network_bytes"
    assert b"network bytes are used up" in answer


def test_timeline_that_cannot_be_written_is_no_secret() -> None:
    def broken(kind: str, **details: object) -> None:
        raise RuntimeError("no timeline")

    with pytest.raises(RuntimeError, match="no timeline"), proxy.serving(Reach(), PLENTY, broken) as served:
        connection, _ = asked(served, "elsewhere.example:443")
        connection.close()


def test_folder_of_a_killed_worker_is_taken_away_and_that_of_a_living_one_is_not(
    told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(rendezvous, "_YOUNG_S", -1)
    code = "import os\nfrom tools.network.rendezvous import listening\nwith listening(): os.kill(os.getpid(), 9)"
    subprocess.run([sys.executable, "-c", code], env={"TMPDIR": str(tmp_path), "PYTHONPATH": "."}, check=False)
    [left] = tmp_path.iterdir()
    with proxy.serving(Reach(), PLENTY, told.tell) as living, proxy.serving(Reach(), PLENTY, told.tell):
        assert not left.exists()
        assert living.folder.exists()
    assert list(tmp_path.iterdir()) == []


def test_temporary_folder_may_lie_deep(told: Told, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deep = tmp_path / ("a" * 100) / ("b" * 100)
    deep.mkdir(parents=True)
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    with proxy.serving(Reach(), PLENTY, told.tell) as served:
        assert (served.folder / rendezvous.SOCKET).is_socket()

"""Run every attack of attacks.py inside the sandbox, and outside to show that it is one."""

import ctypes
import json
import random
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.security.attacks import ATTACKS, Attack
from tests.support.boxed import Box, new_marker
from tools import interpreter
from tools.workspace import Workspace

GOT_THROUGH, HELD = "got through", "held"

PROGRAM = """
import ctypes, json, os, signal, socket, stat, sys
libc = ctypes.CDLL(None, use_errno=True)
def words(pid):
    try:
        return open(f"/proc/{{pid}}/cmdline").read().split(chr(0))
    except OSError:
        return []
{code}
try:
    through = attack(json.loads(sys.argv[1]))
except OSError as error:
    through = print("refused:", error)
print({through!r} if through else {held!r})
"""


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What there is on the host to get at."""
    folder = tmp_path_factory.mktemp("host")
    (folder / "secret.txt").write_text("sesame-in-a-file")
    neighbour = Workspace.create(folder / "workspaces", "neighbour")
    neighbour.write_bytes("neighbours.txt", b"mine")
    servers = [socket.create_server(("127.0.0.1", 0)), socket.socket(socket.AF_UNIX), socket.socket(socket.AF_UNIX)]
    abstract, marker = f"opscore-{random.randrange(10**9)}", new_marker()
    servers[1].bind(str(folder / "socket"))
    servers[2].bind(f"\0{abstract}")
    for server in servers:
        server.listen()
        threading.Thread(target=_greet, args=(server,), daemon=True).start()
    shared = random.randrange(2**30)
    memory = ctypes.CDLL(None).shmget(shared, 4096, 0o1666)
    victim = subprocess.Popen(["sleep", marker])
    yield {
        "secret": "sesame-in-a-file",
        "secret_path": str(folder / "secret.txt"),
        "neighbour": str(neighbour.path),
        "environment_secret": "sesame-in-the-environment",
        "marker": marker,
        "victim": victim.pid,
        "port": servers[0].getsockname()[1],
        "socket_path": str(folder / "socket"),
        "abstract": abstract,
        "shared_memory": shared,
    }
    victim.kill()
    victim.wait()
    ctypes.CDLL(None).shmctl(memory, 0, None)
    for server in servers:
        server.shutdown(socket.SHUT_RDWR)
        server.close()


def _greet(server: socket.socket) -> None:
    while True:
        try:
            client, _ = server.accept()
        except OSError:
            return
        with client:
            client.sendall(b"hello")


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name.replace(" ", "-"))
def test_attack_is_held(
    attack: Attack, box: Box, host: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OPSCORE_SECRET_KEY", host["environment_secret"])
    program = PROGRAM.format(code=attack.code, through=GOT_THROUGH, held=HELD)
    if not attack.not_shown:
        assert _outside(program, host, tmp_path) == GOT_THROUGH, "outside the sandbox this must get through"
    inside = box.python(program, json.dumps(host))
    assert inside.stdout.text.splitlines()[-1:] == [HELD], inside.stdout.text + inside.stderr.text


def _outside(program: str, host: dict[str, Any], folder: Path) -> str:
    command = [str(interpreter.base().executable), "-I", "-S", "-c", program, json.dumps(host)]
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return (finished.stdout.splitlines() or [finished.stderr])[-1]


def test_attacks_have_names_of_their_own_and_known_kinds() -> None:
    assert len({attack.name for attack in ATTACKS}) == len(ATTACKS)
    assert {attack.kind for attack in ATTACKS} == {"files", "processes", "network", "kernel"}

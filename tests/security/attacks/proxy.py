"""Ways around the proxy, which is all that a call with a network has: to the host, and to hosts that are not listed.

What stands for "without": the same address, dialled with nobody in between.
"""

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.security.attacks.attack import Deed
from tests.support.boxed import QUICK, Box
from tools import interpreter
from tools.network import connected
from tools.network.reach import Reach
from tools.sandbox.contract import Call, Inside

KIND = "network"
LISTED = "files.example"
ASK = """
import socket, sys
with socket.socket(socket.AF_UNIX) as client:
    client.settimeout(10)
    client.connect(sys.argv[1])
    client.sendall(sys.argv[2].encode())
    said = b""
    while (data := client.recv(999)):
        said += data
print(said)
"""


def _asking(name: str, request: Callable[[Any], str], address: Callable[[Any], tuple[str, int]], **more: Any) -> Deed:
    """A request that reaches the server on the host's loopback, if it gets through."""

    def inside(box: Box, host: Any) -> bool:
        python = (str(interpreter.base().executable), "-I", "-S", Inside("given", "ask.py"))
        command = (*python, Inside("socket", "proxy.sock"), request(host))
        call = Call(command, box.workspace.path, limits=QUICK, files={"ask.py": ASK.encode()})
        finished = connected.run(call, box.context(), Reach(hosts=frozenset({LISTED})))
        assert finished.exit_code == 0, finished.stderr.text
        return "hello" in finished.stdout.text

    def outside(folder: Path, host: Any) -> bool:
        with socket.create_connection(address(host), 5) as client:
            return client.recv(9) == b"hello"

    return Deed(name=name, kind=KIND, inside=inside, outside=outside, **{"is_long": True, **more})


def _connect(target: str) -> str:
    return f"CONNECT {target} HTTP/1.1\r\nHost: {LISTED}\r\n\r\n"


ADDRESS = _asking(
    "have the proxy call the host by its address",
    lambda host: _connect(f"127.0.0.1:{host.port}"),
    lambda host: ("127.0.0.1", host.port),
    is_long=False,
)
NAME = _asking(
    "have the proxy call the host by its name",
    lambda host: _connect(f"localhost:{host.port}"),
    lambda host: ("localhost", host.port),
)
NUMBER = _asking(
    "have the proxy call the host by an address in one number",
    lambda host: _connect(f"2130706433:{host.port}"),
    lambda host: ("2130706433", host.port),
)
OCTAL = _asking(
    "have the proxy call the host by an address in octal and hexadecimal",
    lambda host: _connect(f"0177.0.0x0.1:{host.port}"),
    lambda host: ("0177.0.0x0.1", host.port),
)
SHORT = _asking(
    "have the proxy call the host by a shortened address",
    lambda host: _connect(f"127.1:{host.port}"),
    lambda host: ("127.1", host.port),
)
MAPPED = _asking(
    "have the proxy call the host by an IPv4 address in IPv6's clothes",
    lambda host: _connect(f"[::ffff:127.0.0.1]:{host.port}"),
    lambda host: ("::ffff:127.0.0.1", host.port),
    may_lack="a host without IPv6",
)
USER = _asking(
    "have the proxy call the host behind the name of one that is listed",
    lambda host: _connect(f"{LISTED}@127.0.0.1:{host.port}"),
    lambda host: ("127.0.0.1", host.port),
)
BREAK = _asking(
    "have the proxy call the host by a second request in the first",
    lambda host: _connect(f"{LISTED}:443") + _connect(f"127.0.0.1:{host.port}"),
    lambda host: ("127.0.0.1", host.port),
    is_long=False,
)
FETCH = _asking(
    "have the proxy fetch a page of the host",
    lambda host: f"GET http://127.0.0.1:{host.port}/ HTTP/1.1\r\nHost: {LISTED}\r\n\r\n",
    lambda host: ("127.0.0.1", host.port),
)
HEADER = _asking(
    "have the proxy call the host by its second header",
    lambda host: f"CONNECT {LISTED}:443 HTTP/1.1\r\nHost: 127.0.0.1:{host.port}\r\n\r\n",
    lambda host: ("127.0.0.1", host.port),
)

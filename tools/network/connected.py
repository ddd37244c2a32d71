"""One sandboxed call that may reach a few hosts: its proxy beside it, the bridge inside, and the certificates."""

from dataclasses import replace
from pathlib import Path

from models.errors import SandboxUnavailable
from tools import interpreter, tiers
from tools.contract import Context, Finished
from tools.network import proxy, rendezvous, trust
from tools.network.reach import Reach
from tools.sandbox.contract import Call, Inside, Word

BRIDGE = "bridge.py"


def run(call: Call, context: Context, reach: Reach) -> Finished:
    """Run the call with a way to what `reach` allows, and to nothing else; the bytes count against its limits.

    Raises:
        SandboxUnavailable: this tier has no sockets, or none isolates; nothing was run.
        Misconfigured: the certificates of the settings cannot be used.
    """
    if (tier := context.sandbox.tier) == tiers.WITHOUT_NETWORK:
        raise SandboxUnavailable("cannot reach the network from this sandbox: tier 3 has none", tier=tier)
    certificates = trust.bundle(context.network.ca_bundle)
    with proxy.serving(reach, call.limits.network_bytes, context.tell) as served:
        led = led_to(served.folder, call, certificates)
        finished = context.sandbox.run(led, emit=context.emit, is_cancelled=context.is_cancelled)
    return replace(finished, hit=finished.hit or served.hit)


def led_to(folder: Path, call: Call, certificates: bytes) -> Call:
    """The call, started by the bridge to the proxy whose socket is in the folder."""
    python = str(interpreter.base().executable)
    bridge = (python, "-I", "-S", Inside("given", BRIDGE), Inside("socket", rendezvous.SOCKET), "--")
    program = Path(__file__).with_name(BRIDGE).read_bytes()
    command: tuple[Word, ...] = (*bridge, *call.command)
    files = {**call.files, BRIDGE: program, trust.FILE: certificates}
    return replace(call, command=command, files=files, env={**call.env, **trust.VARIABLES}, socket=folder)

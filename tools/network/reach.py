"""What one call may reach: exact names on port 443, and nothing else.

`local` is the one exception, for tests and intranets: an explicit host:port that is allowed though its address
is not global.  Who fills this in: the settings, by `Context.network` (tools/contract.py).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from models.errors import Forbidden, InvalidInput
from tools.network import addresses, names
from tools.network.addresses import Resolve

PORT = 443
NOT_LISTED = "the host is not on the list of allowed hosts"


@dataclass(frozen=True)
class Reach:
    """Hosts by their names, and local ones as "host:port"; compared in one spelling."""

    hosts: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()

    @cached_property
    def _names(self) -> frozenset[str]:
        return frozenset(names.canonical(host) for host in self.hosts)

    @cached_property
    def _local(self) -> frozenset[tuple[str, int]]:
        return frozenset(names.host_and_port(each) for each in self.local)

    def admits(self, host: str, port: int) -> None:
        """Nothing, where the host may be asked for at that port.

        Raises:
            Forbidden: it may not; `reason` in the details says why.
        """
        if (_spelled(host), port) in self._local:
            return
        if names.is_address(host):
            raise _refused(host, "addresses are not allowed, only names of hosts")
        if _spelled(host) not in self._names:
            raise _refused(host, NOT_LISTED)
        if port != PORT:
            raise _refused(host, f"only port {PORT} is allowed")

    def dialled(self, host: str, port: int, resolve: Resolve | None = None) -> list[str]:
        """The addresses to dial for an admitted host, asked for once, in the order to be tried.

        Raises:
            Forbidden: it is not admitted, or its name leads to an address that is not global.
            ToolFailed: the name has no address.
        """
        self.admits(host, port)
        if self.is_local(host, port):
            return (resolve or addresses.ask)(_spelled(host), port)
        return addresses.resolved(_spelled(host), port, resolve)

    def is_local(self, host: str, port: int) -> bool:
        """Whether it is one of the explicit exceptions."""
        return (_spelled(host), port) in self._local


@dataclass(frozen=True)
class Network:
    """What the settings say about the network; by default nothing can be reached."""

    hosts: frozenset[str] = frozenset()
    """Further hosts that any tool's programs may reach."""
    git_hosts: frozenset[str] = frozenset()
    local: frozenset[str] = frozenset()
    ca_bundle: Path | None = None
    """Certificates to trust in place of the system's."""

    def reach(self, more: Iterable[str] = ()) -> Reach:
        """The further hosts of the settings, and these."""
        return Reach(self.hosts | frozenset(more), self.local)


def _spelled(host: str) -> str:
    try:
        return names.host_and_port(f"{host}:{PORT}")[0]
    except InvalidInput as error:
        raise _refused(host, "it is no name of a host") from error


def _refused(host: str, reason: str) -> Forbidden:
    return Forbidden(f"cannot reach {host[: names.LONGEST]}: {reason}", host=host[: names.LONGEST], reason=reason)

"""Where the things of one call lie: in a private view where root may have one, else in a folder of its own.

Both come with the call and go with it: the view by itself, the folder by `remove`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from tools import removal
from tools.confine import view
from tools.confine.landlock import READ, READ_FILE, WRITE, WRITE_FILE, Rule
from tools.confine.order import Order

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32")
_ETC = (
    "alternatives", "crypto-policies", "fonts", "ld.so.cache", "localtime", "magic", "magic.mime", "mime.types",
    "pki/ca-trust/extracted", "pki/tls/certs", "pki/tls/openssl.cnf", "protocols", "services", "ssl/certs",
    "ssl/openssl.cnf", "terminfo",
)  # fmt: skip
"""What is alike on every host.  A file that is there and may not be read stops programs that would do without it."""

_SINKS = ("/dev/null", "/dev/zero", "/dev/full")
_CHANCE = ("/dev/random", "/dev/urandom")


@dataclass(frozen=True)
class Places:
    """The paths of the places by name, and which others may be written."""

    order: Order
    named: dict[str, str]
    writable: tuple[str, ...]
    in_memory: tuple[str, ...] = ()
    """File systems of the call's own."""
    on_disk: str | None = None
    """A folder of the call's own, to be deleted."""

    def rules(self) -> list[Rule]:
        """What Landlock is to leave."""
        readable = (
            *_SYSTEM,
            *(f"/etc/{name}" for name in _ETC),
            *self.order.readable.values(),
            *self.order.shown,
            self.named["given"],
        )
        return [
            *((path, READ) for path in readable),
            *((path, WRITE) for path in self.writable),
            *((path, READ_FILE | WRITE_FILE) for path in _SINKS),
            *((path, READ_FILE) for path in _CHANCE),
        ]

    def require_reachable(self) -> None:
        """See that whom we have become gets to what the call needs.

        Raises:
            OSError: it is not there, or a folder above is closed to it.
        """
        for path in (self.order.workspace, *self.order.readable.values(), *self.order.shown):
            try:
                os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY))
            except PermissionError as error:
                cure = "run the worker as an ordinary user, or let others pass through the folders above it"
                raise OSError(0, f"cannot reach {path} as uid {os.getuid()}: {cure}") from error

    def remove(self) -> None:
        """Delete what was made for this call; nothing of it may run any more."""
        if self.on_disk is not None:
            folder = Path(self.on_disk)
            parent = os.open(folder.parent, os.O_PATH | os.O_DIRECTORY)
            removal.remove_tree(parent, folder.name)
            os.close(parent)


def viewed(order: Order) -> Places | None:
    """As root: places in a view of this process's own; None where root may not have one."""
    needed = {order.workspace: True} | dict.fromkeys((*order.readable.values(), *order.shown), False)
    if not view.make(needed, {"/tmp": order.tmp_bytes, "/dev/shm": order.shm_bytes}):  # noqa: S108
        return None
    # Root's, so that whom we become can read them and nothing else: the folder above has the sticky bit.
    given = Path("/tmp/.opscore-given")  # noqa: S108
    own = ("/tmp", "/dev/shm")  # noqa: S108
    places = Places(order, _named(order, own[0], str(given)), (order.workspace, *own), in_memory=own)
    _fill(places)
    return places


def in_a_folder(order: Order) -> Places:
    """As whom the call runs: places in the folder that the order names."""
    folder = Path(order.scratch)
    folder.mkdir(mode=0o700)
    tmp = folder / "tmp"
    tmp.mkdir(mode=0o700)
    named = _named(order, str(tmp), str(folder / "given"))
    places = Places(order, named, (order.workspace, str(tmp)), on_disk=str(folder))
    _fill(places)
    return places


def _named(order: Order, tmp: str, given: str) -> dict[str, str]:
    return {**order.readable, "workspace": order.workspace, "tmp": tmp, "given": given}


def _fill(places: Places) -> None:
    given, tmp = Path(places.named["given"]), Path(places.named["tmp"])
    given.mkdir(mode=0o755)
    for name, descriptor in places.order.files.items():
        with os.fdopen(descriptor, "rb") as file:
            (given / name).write_bytes(file.read())
        (given / name).chmod(0o444)
    for name, source in places.order.seeds.items():
        link = tmp / name
        link.parent.mkdir(parents=True, exist_ok=True)
        # As root the temporary files are not ours to keep: caches are written beside the links.
        link.parent.chmod(0o777)
        link.symlink_to(source)

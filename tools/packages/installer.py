"""Run the installer, uv, inside the sandbox on a scratch folder: resolve what was asked, then install what that is.

Two calls, since the rules are applied to the answer of the first.  No agent's code is near: the scratch folder is
no workspace of a task, and wheels run nothing when they are installed.  uv itself is our own locked one.
"""

import importlib.metadata
import re
import secrets
import shutil
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import uv

from models.errors import Forbidden, InvalidInput, Misconfigured, SandboxUnavailable, ToolFailed
from tools import interpreter, tiers
from tools.blobs import sync
from tools.contract import MIB, Captured, Context, Finished, Limits, Resources, ignore
from tools.network import connected, proxy, trust
from tools.network.away import Away
from tools.network.reach import Reach
from tools.packages import cache, lock, shown
from tools.packages.indexes import Indexes
from tools.packages.lock import Lock, Locked
from tools.packages.rules import Rules
from tools.sandbox.contract import Call, Inside, Word
from tools.services import Use
from tools.workspace import Workspace

TARGET = "lib"
_ASKED, _ANSWER, _PINS, _CACHE = "asked.txt", "pylock.toml", "pins.txt", "cache"
_ANSWER_BYTES = 8 * MIB
_LACKS_WHEEL = re.compile(r"Wheels are required for `([^`]+)`")
_FOLDERS_ONLY = "This sandbox has no network (tier 3): only those indexes of this host were asked that are folders."
_CUT_OFF = 1
_LEAST_S = 0.1
_CLIENT, _CONFIGURATION = "client.pem", "uv.toml"


class Installer:
    """uv on one scratch folder, with what this host's indexes need; its calls share the context's limits."""

    def __init__(self, context: Context, rules: Rules, indexes: Indexes, scratch: Workspace) -> None:
        self.context = context
        self.rules = rules
        self.indexes = indexes
        self.scratch = scratch
        self.used = Resources()
        self._network_bytes = 0
        self._refused: list[str] = []
        self.away = Away()

    def resolve(self, asked: Iterable[str], preferred: dict[str, str]) -> Lock | Finished:
        """What was asked in full; what uv said where it cannot be had.

        `preferred` are versions to keep to, by name, where they fit.

        Raises:
            Forbidden: something would have to be built from source, which nobody approved.
        """
        wanted = tuple(asked)
        self.scratch.write_bytes(_ASKED, "".join(f"{each}\n" for each in wanted).encode())
        self.scratch.write_bytes(_ANSWER, _as_answer(preferred))
        sources: list[str] = []
        while True:
            options = ["--quiet", "--generate-hashes", "--format", "pylock.toml", "-o", _ANSWER, _ASKED]
            finished = self._uv("compile", sources, options)
            if finished.exit_code == 0:
                return Lock(wanted, self._answer())
            lacking = sorted(set(_LACKS_WHEEL.findall(finished.stderr.text)) - set(sources))
            if not lacking:
                return finished
            self._approve(lacking)
            sources += lacking

    def install(self, packages: Iterable[Locked]) -> Finished:
        """Install exactly these files into the scratch folder's TARGET."""
        wanted = Lock((), tuple(packages))
        self._approve(wanted.sources)
        self.scratch.make_folder(TARGET)
        self.scratch.write_bytes(_PINS, wanted.pins.encode())
        options = ["--quiet", "--require-hashes", "--no-deps", "--compile-bytecode", "--target", TARGET, "-r", _PINS]
        finished = self._uv("install", wanted.sources, options) if wanted.packages else Finished(0)
        # Files of the cache are other names of what was installed.
        for path in (_CACHE, f"{TARGET}/.lock"):
            if self.scratch.exists(path):
                self.scratch.delete(path)
        return finished

    def _approve(self, sources: list[str]) -> None:
        self.rules.check_sources(sources)
        if sources and self.indexes.has_secrets:
            raise Forbidden(
                "cannot build from source: this host's indexes need a password or a key, which its code could read",
                packages=sources,
            )

    def _uv(self, verb: str, sources: Iterable[str], options: list[str]) -> Finished:
        indexes = self._within_reach()
        wheels_only = ["--only-binary", ":all:", *(word for name in sources for word in ("--no-binary", name))]
        config: tuple[Word, ...] = ("--config-file", Inside("given", _CONFIGURATION))
        python = ("--python", str(interpreter.base().executable))
        call = Call(
            command=(Inside("packages", "uv"), "pip", verb, *config, *python, *wheels_only, *options),
            workspace=self.scratch.path,
            packages=own_uv(self.rules.folder),
            env=_variables(indexes),
            files=_files(indexes),
            shown=shown.folders(indexes, (self.rules.folder.resolve(), self.context.tool_env.resolve())),
            limits=self._left(),
        )
        finished = self._run(call, indexes)
        self.used = _together(self.used, finished.resources)
        return _masked(finished, indexes)

    def _left(self) -> Limits:
        """What the calls before this one left of the limits."""
        limits = self.context.limits
        wall_s = max(limits.wall_s - self.used.wall_s, _LEAST_S)
        return replace(limits, wall_s=wall_s, network_bytes=max(limits.network_bytes - self._network_bytes, 0))

    def _within_reach(self) -> Indexes:
        if self.context.sandbox.tier != tiers.WITHOUT_NETWORK:
            return self.indexes
        indexes = self.indexes.without_network()
        if not indexes.all:
            raise SandboxUnavailable(
                "cannot install: this sandbox has no network (tier 3), and no index of this host is a folder",
                cure="configure a folder of wheels for pip or uv (find-links), or use a host with bubblewrap",
            )
        return indexes

    def _run(self, call: Call, indexes: Indexes) -> Finished:
        if not indexes.hosts:
            finished = self.context.sandbox.run(call, emit=ignore, is_cancelled=self.context.is_cancelled)
            return finished if indexes == self.indexes else _explained(finished, after=_FOLDERS_ONLY)
        with self._using(indexes) as note:
            finished = self._connected(call, indexes)
            note(finished)
        return _explained(finished, before=_not_let_through(self._refused))

    @contextmanager
    def _using(self, indexes: Indexes) -> Iterator[Callable[[Finished], None]]:
        """Within, the indexes' hosts are called; what is yielded is told how that ended."""
        with ExitStack() as stack:
            names = sorted(indexes.hosts)
            uses = {name: stack.enter_context(self.context.services.using(f"packages:{name}")) for name in names}
            yield partial(self._note, uses)

    def _note(self, uses: Mapping[str, Use], finished: Finished) -> None:
        if finished.exit_code not in (0, None) and finished.hit is None:
            self.away.read(finished.stderr.text, next(iter(uses)))
        for name, use in uses.items():
            if name in self.away.hosts:
                use.went_wrong(self.away.hosts[name])
            elif finished.exit_code != 0:
                use.shows_nothing()

    def _connected(self, call: Call, indexes: Indexes) -> Finished:
        certificates = trust.bundle(self.context.network.ca_bundle) + b"\n" + indexes.certificates
        with proxy.serving(self._reach(indexes), call.limits.network_bytes, self._tell) as served:
            led = connected.led_to(served.folder, call, certificates)
            # Cut off from the network it would only ask again and again.
            is_over = lambda: served.hit is not None or self.context.is_cancelled()  # noqa: E731
            finished = self.context.sandbox.run(led, emit=ignore, is_cancelled=is_over)
        if served.hit is not None:
            return replace(finished, hit=served.hit, exit_code=finished.exit_code or _CUT_OFF)
        return finished

    def _tell(self, kind: str, **details: Any) -> None:
        self.context.tell(kind, **details)
        self.away.hear(kind, details)
        if kind == "network.refused":
            self._refused.append(f"{details['host']}:{details['port']} ({details['reason']})")
        elif kind == "network.allowed":
            self._network_bytes += details["sent_bytes"] + details["received_bytes"]

    def _reach(self, indexes: Indexes) -> Reach:
        wanted = {*indexes.hosts, *self.rules.hosts}
        local = {each for each in wanted if ":" in each}
        network = self.context.network
        return Reach(network.hosts | (wanted - local), network.local | local)

    def _answer(self) -> tuple[Locked, ...]:
        text = self.scratch.read_bytes(_ANSWER, _ANSWER_BYTES).decode("utf-8", "replace")
        try:
            return tuple(sorted(_locked(each) for each in tomllib.loads(text).get("packages", [])))
        except (ValueError, InvalidInput, KeyError, TypeError, AttributeError) as error:
            raise ToolFailed("cannot read what the installer resolved", reason=str(error)) from error


@contextmanager
def scratch(folder: Path, owner: int | None) -> Iterator[Workspace]:
    """A folder for the installer to work in, deleted afterwards; as root it belongs to the task's own uid."""
    workspace = Workspace.create(folder / cache.SCRATCH, secrets.token_hex(8), owner=owner)
    try:
        yield workspace
    finally:
        workspace.remove()


def version() -> str:
    """Which installer."""
    return f"uv {importlib.metadata.version('uv')}"


def _locked(package: dict[str, Any]) -> Locked:
    wheels = package.get("wheels", [])
    files = wheels or [package["sdist"]]
    hashes = [f"--hash=sha256:{file['hashes']['sha256']}" for file in files]
    # Through the reader of packages.txt: what is written there can be read back.
    (found,) = lock.parse(f"{package['name']}=={package['version']} {' '.join(hashes)}").packages
    return replace(found, from_source=not wheels)


def _as_answer(preferred: dict[str, str]) -> bytes:
    """The versions in the form of uv's answer, which it keeps to where it finds one."""
    head = 'lock-version = "1.0"\ncreated-by = "opscore"\n'
    rows = (f'[[packages]]\nname = "{name}"\nversion = "{each}"\n' for name, each in sorted(preferred.items()))
    return (head + "".join(rows)).encode()


def _variables(indexes: Indexes) -> dict[str, Word]:
    told: dict[str, Word] = {
        "NO_COLOR": "1",
        "UV_CACHE_DIR": Inside("workspace", _CACHE),
        "UV_NO_PROGRESS": "1",
        "UV_PYTHON_DOWNLOADS": "never",
    }
    if indexes.client:
        told["SSL_CLIENT_CERT"] = Inside("given", _CLIENT)
    return {**told, **indexes.patience}


def _files(indexes: Indexes) -> dict[str, bytes]:
    files = {_CONFIGURATION: indexes.as_configuration().encode()}
    return files | ({_CLIENT: indexes.client} if indexes.client else {})


def _together(before: Resources, now: Resources) -> Resources:
    """What two calls used, one after the other."""
    return Resources(
        wall_s=before.wall_s + now.wall_s,
        cpu_s=before.cpu_s + now.cpu_s,
        memory_peak_bytes=max(before.memory_peak_bytes, now.memory_peak_bytes),
        processes_peak=max(before.processes_peak, now.processes_peak),
        processes_killed=before.processes_killed + now.processes_killed,
    )


def own_uv(folder: Path) -> Path:
    """A folder with nothing but uv in it: where it is installed, the sandbox would see all of our environment."""
    place = folder / version().replace(" ", "-")
    if not place.exists():
        draft = cache.draft(folder)
        shutil.copyfile(uv.find_uv_bin(), draft / "uv")
        sync(draft / "uv")
        for path in (draft / "uv", draft):
            path.chmod(0o555)
        try:
            draft.rename(place)
        except OSError as error:
            cache.remove(draft)
            if not place.exists():
                raise Misconfigured("cannot place the installer", folder=str(folder)) from error
    return place


def _not_let_through(refused: list[str]) -> str:
    if not refused:
        return ""
    return (
        f"error: the installer was not let through to {', '.join(sorted(set(refused)))}; a person may allow it by "
        "OPSCORE_PACKAGES_HOSTS: the host, or host:port where its address is not global."
    )


def _explained(finished: Finished, before: str = "", after: str = "") -> Finished:
    """What uv said, and what it cannot know: before it where that is the reason, else after it."""
    if finished.exit_code in (0, None) or not (before or after):
        return finished
    said = "\n".join(filter(None, (before, finished.stderr.text, after))).encode()
    return replace(finished, stderr=Captured(said, b"", len(said)))


def _masked(finished: Finished, indexes: Indexes) -> Finished:
    """What uv said without the passwords of indexes."""
    if not indexes.secrets:
        return finished
    text = finished.stderr.text
    for secret in indexes.secrets:
        text = text.replace(secret, "****")
    said = text.encode()
    return replace(finished, stdout=Captured(), stderr=Captured(said, b"", len(said)))

"""python.install: give the task packages of its own.

What a task has stands in its `packages.txt`; several calls add up.  The same request again is answered from what
is installed already, without a sandbox and without the network.
"""

import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from pydantic import Field

from models.errors import InvalidInput, Misconfigured
from tools import interpreter
from tools.contract import Arguments, Captured, Context, Effect, Finished, Resources, Tool, ToolResult, Values
from tools.packages import cache, indexes, installer, layer, lock, requirements, take
from tools.packages.cache import LIB, Made
from tools.packages.indexes import Indexes
from tools.packages.installer import TARGET, Installer
from tools.packages.lock import Lock, Locked
from tools.packages.memory import Memory
from tools.packages.rules import Rules
from tools.packages.take import Taken, TooLarge

MOST = 100


class PythonInstall(Tool):
    """Install packages."""

    name = "python.install"
    purpose = "Install Python packages for this task, by name and version, for python.run and terminal.run."
    effect = Effect.IDEMPOTENT
    needs = frozenset({"sandbox", "network"})

    class Input(Arguments):
        packages: list[str] = Field(
            default_factory=list,
            max_length=MOST,
            description="Such as six or numpy>=2; added to what the task has. None: install what packages.txt says.",
        )
        refresh: bool = Field(False, description="Take the newest versions that fit, for what the task has as well.")

    class Output(Values):
        packages: list[dict[str, Any]] = Field(
            default_factory=list, description="What the task has now: name, version, sha256 of its files, size."
        )
        shared: list[str] = Field(default_factory=list, description="What of it the shared environment holds already.")
        environment: str | None = Field(None, description="The digest of all that.")
        cached: bool = Field(False, description="Whether it was there already.")
        files: int = 0
        total_bytes: int = 0

    def run(self, call: Input, context: Context) -> ToolResult:
        if context.packages is None:
            raise Misconfigured("cannot install packages: this worker has no place for them")
        with ExitStack() as stack:
            return _Installation(context, context.packages, stack).run(call)


class _Installation:
    """One call of the tool; the installer is made when there is something to do for it."""

    def __init__(self, context: Context, rules: Rules, stack: ExitStack) -> None:
        self.context = context
        self.rules = rules
        self.stack = stack
        self.before = lock.read(context.workspace)

    def run(self, call: PythonInstall.Input) -> ToolResult:
        started = time.monotonic()
        lock.check_ours(self.context.workspace)
        match self._lock(call):
            case Finished() as failed:
                result = self._failed(failed)
            case wanted:
                result = self._have(wanted)
        used = self._installer.used if "_installer" in vars(self) else Resources()
        return replace(result, resources=replace(used, wall_s=time.monotonic() - started))

    @cached_property
    def _indexes(self) -> Indexes:
        return indexes.of_this_host()

    @cached_property
    def _installer(self) -> Installer:
        scratch = self.stack.enter_context(installer.scratch(self.rules.folder, self.context.workspace.owner))
        return Installer(self.context, self.rules, self._indexes, scratch)

    def _lock(self, call: PythonInstall.Input) -> Lock | Finished:
        """What the task is to have in full."""
        asked = requirements.parse(call.packages)
        self.rules.check(asked)
        if not asked and self.before is None:
            raise InvalidInput("cannot install: name packages, this task has none yet")
        before = self.before or Lock((), ())
        wanted = requirements.together(before.asked, asked)
        if wanted == before.asked and not call.refresh:
            return before
        return self._resolve(wanted, {} if call.refresh else _versions(before.packages), is_new=call.refresh)

    def _resolve(self, wanted: tuple[str, ...], kept: dict[str, str], *, is_new: bool) -> Lock | Finished:
        preferred = layer.in_shared(self.context.tool_env) | kept
        versions = (f"{name}=={each}" for name, each in sorted(preferred.items()))
        rules = (*sorted(self.rules.from_source), str(self.context.sandbox.tier))
        question = (*wanted, "", *versions, "", self._indexes.key, layer.python(), installer.version(), *rules)
        memory = Memory(self.rules.folder, question)
        if not is_new and (remembered := memory.recall()) is not None:
            return remembered
        answer = self._installer.resolve(wanted, preferred)
        if isinstance(answer, Lock):
            memory.remember(answer)
        return answer

    def _have(self, wanted: Lock) -> ToolResult:
        """The environment, installed where it is not there, and named in the workspace."""
        own = layer.own(wanted, self.context.tool_env)
        self.rules.check(each.name for each in own)
        digest = layer.digest(wanted, self.context.tool_env)
        made, is_cached = cache.find(self.rules.folder, digest), True
        if made is None:
            match self._install(own, digest):
                case Finished() as failed:
                    return self._failed(failed)
                case Made() as made:
                    is_cached = False
        lock.write(self.context.workspace, wanted, layer.python_for_people())
        return _result(wanted, own, digest, made, is_cached)

    def _install(self, own: Sequence[Locked], digest: str) -> Made | Finished:
        finished = self._installer.install(own)
        if finished.exit_code != 0:
            return finished
        draft = cache.draft(self.rules.folder)
        try:
            made = self._taken(own, draft)
            cache.keep(draft, digest, made)
        except TooLarge as error:
            return Finished(1, hit=error.hit)
        finally:
            cache.remove(draft)
        cache.prune(self.rules, but=digest)
        return made

    def _taken(self, own: Sequence[Locked], draft: Path) -> Made:
        python = str(interpreter.base().executable)
        taken = take.take(self._installer.scratch, TARGET, draft / LIB, self.context.limits, python)
        return Made(_described(own, taken, draft / LIB), len(taken.sizes), taken.total_bytes)

    def _failed(self, finished: Finished) -> ToolResult:
        return ToolResult(
            exit_code=finished.exit_code,
            stdout=finished.stdout,
            stderr=finished.stderr,
            output=PythonInstall.Output().model_dump(),
            resources=finished.resources,
            hit=finished.hit,
            is_transient="_installer" in vars(self) and bool(self._installer.away.hosts),
        )


def _result(wanted: Lock, own: Sequence[Locked], digest: str, made: Made, is_cached: bool) -> ToolResult:
    names = {each.name for each in own}
    output = PythonInstall.Output(
        packages=made.packages,
        shared=[f"{each.name}=={each.version}" for each in wanted.packages if each.name not in names],
        environment=digest,
        cached=is_cached,
        files=made.files,
        total_bytes=made.total_bytes,
    )
    text = "".join(f"{each.name} {each.version}\n" for each in wanted.packages).encode()
    return ToolResult(stdout=Captured(text, b"", len(text)), output=output.model_dump())


def _described(own: Sequence[Locked], taken: Taken, installed: Path) -> list[dict[str, Any]]:
    sizes = take.sizes_of_packages(taken, installed)
    by_name: dict[str, int] = {canonicalize_name(name.rpartition("-")[0]): size for name, size in sizes.items()}
    return [
        {
            "name": each.name,
            "version": each.version,
            "sha256": list(each.hashes),
            "size": by_name.get(each.name, 0),
            "from_source": each.from_source,
        }
        for each in own
    ]


def _versions(packages: Sequence[Locked]) -> dict[str, str]:
    return {each.name: each.version for each in packages}

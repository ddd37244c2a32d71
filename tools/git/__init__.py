"""git.clone: clone a repository from an allowed host into src/.

What a repository holds is hostile until shown otherwise, and so is what git does with it: git runs in the sandbox
(inside.py), reaches its host through the call's proxy, and never runs anywhere else.
"""

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field

from models.errors import Conflict, Forbidden, InvalidInput
from tools import command, files_at, interpreter
from tools.command import CommandOutput
from tools.contract import Arguments, Context, Effect, Limits, Tool, ToolResult
from tools.network import away
from tools.network.reach import PORT, Reach
from tools.sandbox.contract import Inside, Word

SETTING = "OPSCORE_GIT_HOSTS"
_PROGRAM = "clone.py"
_REF = r"^[^-/.\x00-\x20~^:?*\[\\\x7f][^\x00-\x20~^:?*\[\\\x7f]*$"
"""What git takes as a name, and nothing that could be an option."""


class GitClone(Tool):
    """Clone a repository."""

    name = "git.clone"
    purpose = "Clone a git repository by https from an allowed host into a new folder below src/, in the sandbox."
    effect = Effect.IDEMPOTENT
    limits = Limits()
    needs = frozenset({"sandbox", "network"})

    class Input(Arguments):
        url: str = Field(max_length=2000, description="Its https:// address, without a user or a password.")
        into: str = Field("", description="New folder below src/; empty: named after the repository.")
        branch: str | None = Field(
            None, pattern=_REF, max_length=250, description="Branch or tag; without it the host's default."
        )
        commit: str | None = Field(
            None, pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$", description="Or one commit, by its full id."
        )
        depth: int = Field(1, ge=0, le=1_000_000, description="How many commits of its history; 0: all of it.")

    class Output(CommandOutput):
        path: str | None = Field(None, description="The folder that it was cloned into.")
        commit: str | None = Field(None, description="The commit that is checked out.")

    def run(self, call: Input, context: Context) -> ToolResult:
        if call.branch is not None and call.commit is not None:
            raise InvalidInput("cannot clone: give either a branch or a commit")
        reach = checked(call.url, context)
        into = _folder(call)
        if context.workspace.exists(into):
            raise Conflict("cannot clone: something is there already", path=into)
        words: list[Word] = [
            call.url,
            Inside("workspace", into),
            into,
            str(call.depth),
            call.branch or "",
            call.commit or "",
        ]
        program = Path(__file__).with_name("inside.py").read_bytes()
        python = str(interpreter.base().executable)
        starting: list[Word] = [python, "-I", "-S", Inside("given", _PROGRAM), *words]
        result = _run(starting, context, program, reach, _host(call.url))
        if result.exit_code != 0 and context.workspace.exists(into):
            context.workspace.delete(into)  # a part of a repository is worse than none
        return result


def _run(starting: list[Word], context: Context, program: bytes, reach: Reach, host: str) -> ToolResult:
    with context.services.using(f"git:{host}") as use, away.heard(context) as (heard, found):
        result = command.run(starting, heard, files={_PROGRAM: program}, reach=reach)
        if result.exit_code is None or result.hit is not None:
            use.shows_nothing()
            return result
        if result.exit_code == 0:
            return result
        found.read(result.stderr.text, host)
        if host in found.hosts:
            use.went_wrong(found.hosts[host])
        return replace(result, is_transient=bool(found.hosts))


def _host(url: str) -> str:
    parts = urlsplit(url)
    return str(parts.hostname) if parts.port in (None, PORT) else f"{parts.hostname}:{parts.port}"


def checked(url: str, context: Context) -> Reach:
    """What a clone of this address may reach.

    Raises:
        InvalidInput: it is no plain https address.
        Forbidden: its host is not allowed; says which are, and the setting.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port or PORT
    except ValueError as error:
        raise InvalidInput("cannot clone: this is no address", url=url) from error
    if parts.scheme != "https" or not host or re.search(r"[\x00-\x20\x7f\\]", url):
        raise InvalidInput("cannot clone: only https:// addresses are allowed", url=url)
    if parts.username is not None or parts.password is not None:
        raise InvalidInput("cannot clone: an address with a user or password would be kept in the workspace")
    reach = context.network.reach(context.network.git_hosts)
    try:
        reach.admits(host, port)
    except Forbidden as error:
        allowed = sorted({*reach.hosts, *reach.local})
        reason = error.details["reason"]
        message = f"cannot clone from {host}: {reason}"
        context.tell("network.refused", host=host, port=port, reason=reason)
        raise Forbidden(message, host=host, port=port, reason=reason, allowed=allowed, setting=SETTING) from error
    return reach


def _folder(call: GitClone.Input) -> str:
    if call.into:
        into = files_at.clean(call.into)
        if not into.startswith("src/"):
            raise InvalidInput("cannot clone there: it must be a folder below src/", path=call.into)
        return into
    name = urlsplit(call.url).path.rstrip("/").rpartition("/")[2].removesuffix(".git")
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}", name):
        raise InvalidInput("cannot name the folder after this address: say `into`", url=call.url)
    return f"src/{name}"

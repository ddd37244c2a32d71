"""Try every attack without a sandbox and in the sandbox of each tier, as whoever runs this.

    python -m tests.security.trial FOLDER TOOL-ENV TIERS NAMES-AS-JSON

FOLDER is new; TIERS are digits.  Prints as JSON {"outside": {NAME: VERDICT}, "1": {NAME: VERDICT}, …}:
a verdict is "through", "held…", "broken…" or, outside only, "not shown…".
"""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from types import SimpleNamespace
from typing import Any

import psutil

from models.errors import OpsCoreError
from tests.security import attempt
from tests.security.attacks import ATTACKS
from tests.security.attacks.attack import Attack, Code, Command, Deed
from tests.security.prey import free_port, prey, started
from tests.support.boxed import Box, new_marker, processes_with
from tools import identity, interpreter
from tools.contract import MIB, Finished, Limits
from tools.registry import find
from tools.sandbox import choice
from tools.sandbox.contract import Sandbox
from tools.workspace import Workspace

HERE = Path(__file__).parent
PROGRAM = (HERE / "attempt.py").read_text()
NEIGHBOUR = (HERE / "neighbour.py").read_text()
PYTHON = [str(interpreter.base().executable), "-I", "-S"]
PATIENT = Limits(wall_s=600, memory_bytes=1024 * MIB)
_MARK = "@verdict "

Host = dict[str, Any]
Verdicts = dict[str, str]


def verdicts_of(attacks: list[Attack], tiers: list[int], folder: Path, tool_env: Path) -> dict[str, Verdicts]:
    """What became of each attack, outside and on each tier."""
    folder.mkdir(exist_ok=True)
    found = {"outside": _outside([each for each in attacks if not each.not_shown], folder / "outside")}
    for tier in tiers:
        found[str(tier)] = _inside(attacks, choice.at_tier(tier), folder / f"tier{tier}", tool_env)
    for each in attacks:
        if each.not_shown:
            found["outside"][each.name] = f"not shown: {each.not_shown}"
        elif each.shown_by == "root" and os.geteuid() != 0:
            found["outside"][each.name] = "not shown: an ordinary user cannot outside either"
    return found


def _inside(attacks: list[Attack], sandbox: Sandbox, folder: Path, tool_env: Path) -> Verdicts:
    folder.mkdir()
    with prey(folder / "host") as own, _neighbour_inside(folder, sandbox, tool_env) as facts:
        host = {**own, **facts, "shares_pids": sandbox.tier > 2, "hold_s": 6}
        found: Verdicts = {}
        for group in _groups(attacks):
            with _box(folder, f"own-{len(found)}", sandbox, tool_env) as box:
                found |= _tried_in(box, group, host)
        _is_intact(host)
    return found


def _outside(attacks: list[Attack], folder: Path) -> Verdicts:
    folder.mkdir()
    found: Verdicts = {}
    shown = [each for each in attacks if each.shown_by == "anyone" or os.geteuid() == 0]
    with prey(folder / "host") as own, _neighbour_outside(folder) as facts:
        host = {**own, **facts, "shares_pids": True, "hold_s": 0.1}
        for group in _groups(shown):
            scratch = folder / f"own-{len(found)}"
            scratch.mkdir()
            found |= _tried_plainly(scratch, group, host)
    return found


def _groups(attacks: Iterable[Attack]) -> Iterator[list[Attack]]:
    """Those that are tried in one call: harmless code together, everything else by itself."""
    for who in ("anyone", "root"):
        if together := [each for each in attacks if _is_harmless(each) and each.shown_by == who]:
            yield together
    yield from ([each] for each in attacks if not _is_harmless(each))


def _is_harmless(attack: Attack) -> bool:
    return isinstance(attack, Code) and attack.limits is None and not attack.leaves


def _tried_in(box: Box, group: list[Attack], host: Host) -> Verdicts:
    first = group[0]
    if isinstance(first, Command):
        return {first.name: _commanded_in(box, first, host)}
    if isinstance(first, Deed):
        return {first.name: _done(first.inside, box, host)}
    limits = getattr(first, "limits", None) or PATIENT
    finished = box.python(PROGRAM, stdin=_given(group, host), limits=limits)
    found = _read(finished.stdout.text)
    ended = _ended(first, finished)
    return {each.name: _left_behind(each, host) or found.get(each.name, ended) for each in group}


def _tried_plainly(scratch: Path, group: list[Attack], host: Host) -> Verdicts:
    first = group[0]
    if isinstance(first, Command):
        words = _words(first, host)
        done = subprocess.run(words, cwd=scratch, stdin=subprocess.DEVNULL, capture_output=True, check=False)
        said = (done.stdout + done.stderr).decode(errors="replace")
        return {first.name: "through" if _filled(first.proof, host) in said else f"held: {said[-200:]}"}
    if isinstance(first, Deed):
        return {first.name: _done(first.outside, scratch, host)}
    apart = [*PYTHON, str(HERE / "apart.py")] if first.shown_by == "root" else []
    command = [*apart, *PYTHON, "-c", PROGRAM]
    # Into a file: daemons would hold a pipe open.
    with TemporaryFile() as output:
        done = subprocess.run(
            command, cwd=scratch, input=_given(group, host), stdout=output, stderr=output, check=False
        )
        output.seek(0)
        said = output.read().decode(errors="replace")
    found, ended = _read(said), f"held: ended with {done.returncode}: {said[-500:]}"
    return {each.name: _left_behind(each, host) or found.get(each.name, ended) for each in group}


def _given(group: list[Attack], host: Host) -> bytes:
    attacks = [{"name": each.name, "code": each.code} for each in group if isinstance(each, Code)]
    return json.dumps({"host": host, "attacks": attacks}).encode()


def _read(output: str) -> Verdicts:
    said = [line.removeprefix(_MARK) for line in output.splitlines() if line.startswith(_MARK)]
    return dict(json.loads(line) for line in said)


def _ended(attack: Attack, finished: Finished) -> str:
    """The verdict on one that says nothing."""
    if finished.hit and isinstance(attack, Code) and attack.limits:
        return f"held: ended by {finished.hit}"
    if isinstance(attack, Code) and attack.ends_itself:
        return "held: it ended itself"
    return f"broken: ended with {finished.exit_code} ({finished.hit}): {finished.stderr.text[-500:]}"


def _left_behind(attack: Attack, host: Host) -> str | None:
    """A process that outlived its call got through; it is ended here."""
    if not isinstance(attack, Code) or not attack.leaves:
        return None
    left = processes_with(host[attack.leaves])
    for pid in left:
        psutil.Process(pid).kill()
    return "through" if left else "held: nothing is left of it"


def _commanded_in(box: Box, attack: Command, host: Host) -> str:
    words, tool = _words(attack, host), find("terminal.run")
    context = box.context(terminal_allow=(words[0],))
    result = tool.run(tool.parse({"command": words}), context)
    said = result.stdout.text + result.stderr.text
    if _filled(attack.proof, host) in said:
        return "through"
    has_run = attack.ran in said and result.exit_code != 127
    if not has_run and shutil.which(words[0]):
        return f"broken: it did not run: {said[-300:]}"
    return f"held: it ran, and said: {said[-200:]}"


def _words(attack: Command, host: Host) -> list[str]:
    return [_filled(word, host) for word in attack.command]


def _filled(text: str, host: Host) -> str:
    for name, value in host.items():
        text = text.replace(f"<{name}>", str(value))
    return text


def _done(deed: Any, place: Any, host: Host) -> str:
    try:
        return attempt.THROUGH if deed(place, SimpleNamespace(**host)) else attempt.HELD
    except (OSError, OpsCoreError) as error:
        return f"held: {error}"
    except Exception as error:  # noqa: BLE001  (what is wrong with one attack is told as its verdict)
        return f"broken: {error!r}"


@contextmanager
def _box(folder: Path, name: str, sandbox: Sandbox, tool_env: Path) -> Iterator[Box]:
    # As a run does: each has a uid of its own where we are root.
    with identity.lent() as owner:
        workspace = Workspace.create(folder / "workspaces", name, owner=owner)
        yield Box(workspace, sandbox, tool_env)
        workspace.remove()


def _facts(folder: Path) -> Host:
    marker = new_marker()
    return {
        "neighbour": str(folder),
        "neighbour_port": free_port(),
        "neighbour_abstract": f"opscore-{marker}",
        "neighbour_files": [f"/tmp/opscore-{marker}", f"/dev/shm/opscore-{marker}"],
        "neighbour_marker": marker,
    }


@contextmanager
def _neighbour_inside(folder: Path, sandbox: Sandbox, tool_env: Path) -> Iterator[Host]:
    """Another task's call, at work while the attacks are tried."""
    is_there, ended = threading.Event(), threading.Event()
    with _box(folder, "neighbour", sandbox, tool_env) as box:
        facts = _facts(box.workspace.path)
        thread = threading.Thread(
            target=box.python,
            args=(NEIGHBOUR, json.dumps(facts)),
            kwargs={"limits": Limits(), "emit": lambda *_: is_there.set(), "is_cancelled": ended.is_set},
        )
        thread.start()
        assert is_there.wait(30), "the neighbour did not start"
        try:
            yield _with_pid(facts)
        finally:
            ended.set()
            thread.join()


@contextmanager
def _neighbour_outside(folder: Path) -> Iterator[Host]:
    workspace = Workspace.create(folder / "workspaces", "neighbour")
    facts = _facts(workspace.path)
    with started(*PYTHON, "-c", NEIGHBOUR, json.dumps(facts), cwd=workspace.path) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield _with_pid(facts)
    for path in facts["neighbour_files"]:
        Path(path).unlink(missing_ok=True)


def _with_pid(facts: Host) -> Host:
    found = processes_with(facts["neighbour_marker"])
    return {**facts, "neighbour_pid": max(found, key=lambda pid: psutil.Process(pid).create_time())}


def _is_intact(host: Host) -> None:
    """Whatever the attacks said of themselves: nothing on the host has changed."""
    assert psutil.pid_exists(host["victim"])
    assert not Path(host["signalled"]).exists()
    assert psutil.Process(host["victim"]).status() != psutil.STATUS_ZOMBIE
    assert Path(host["precious"]).read_text() == "precious"
    assert Path(host["secret_path"]).read_text() == host["secret"]
    assert os.listdir(host["drop"]) == []


def main(folder: str, tool_env: str, tiers: str, names: str) -> None:
    """Try what was asked for."""
    wanted = set(json.loads(names))
    attacks = [each for each in ATTACKS if each.name in wanted]
    found = verdicts_of(attacks, [int(tier) for tier in tiers], Path(folder), Path(tool_env))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])

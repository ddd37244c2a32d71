"""The Procfile and the supervisor must start the same things."""

import shlex
from pathlib import Path

from settings import PROJECT, Settings
from worker.installation.roles import all_roles


def procfile() -> dict[str, list[str]]:
    """The command of each line, without what waits in front of it and as the supervisor writes it."""
    lines = (PROJECT / "Procfile").read_text(encoding="utf-8").splitlines()
    commands = {}
    for line in lines:
        name, _, command = line.partition(": ")
        _, _, last = command.rpartition("exec ")
        words = shlex.split(last.replace('"${OPSCORE_FLOWER_PORT:-5555}"', "5555"))
        commands[name] = words[2:] if words[:2] == ["python", "-m"] else words
    return commands


def test_the_procfile_starts_what_bin_up_starts() -> None:
    started = {role.name: list(role.command[2:]) for role in all_roles(Settings(data_dir=Path("/data")), 5555)}
    lines = procfile()
    assert lines.pop("release") == ["worker.installation.release"]
    assert lines == started


def test_no_broker_is_started_where_one_is_named() -> None:
    told = Settings(data_dir=Path("/data"), broker_url="redis://elsewhere")
    assert "broker" not in [role.name for role in all_roles(told, 5555)]

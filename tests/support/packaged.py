"""A host whose pip and uv are configured by nothing but a test, and boxes whose tasks may install packages."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.support.boxed import Box
from tools.contract import Context, Finished, Limits, ToolResult
from tools.packages import installer
from tools.packages.rules import Rules
from tools.registry import find
from tools.sandbox.contract import Call

ROOMY = Limits(wall_s=60)
_OTHERS = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSL_CLIENT_CERT", "REQUESTS_CA_BUNDLE")


@dataclass
class Host:
    """What its installers are told; `wheels` is the folder that they find files in."""

    wheels: Path
    rules: Rules
    patch: pytest.MonkeyPatch
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def tell(self, kind: str, **details: Any) -> None:
        self.events.append((kind, details))

    def set(self, **variables: str) -> None:
        for name, value in variables.items():
            self.patch.setenv(name, value)

    def context(self, box: Box, **more: Any) -> Context:
        return box.context(**{"packages": self.rules, "limits": ROOMY, "tell": self.tell, **more})

    def install(self, box: Box, *packages: str, refresh: bool = False, **more: Any) -> ToolResult:
        return self.call(box, "python.install", {"packages": list(packages), "refresh": refresh}, **more)

    def python(self, box: Box, code: str, **more: Any) -> ToolResult:
        return self.call(box, "python.run", {"code": code}, **more)

    def program(self, box: Box, *command: str, **more: Any) -> ToolResult:
        return self.call(box, "terminal.run", {"command": list(command)}, **more)

    def call(self, box: Box, name: str, arguments: dict[str, Any], **more: Any) -> ToolResult:
        tool = find(name)
        return tool.run(tool.parse(arguments), self.context(box, **more))


def bare_host(folder: Path, patch: pytest.MonkeyPatch) -> Host:
    """A host without any configuration but one folder of files, and with an empty cache."""
    for name in [name for name in os.environ if name.startswith(("PIP_", "UV_")) or name in _OTHERS]:
        patch.delenv(name)
    host = Host(folder / "wheels", Rules(folder / "environments"), patch)
    host.wheels.mkdir()
    host.wheels.chmod(0o755)
    _place_uv(host.rules.folder, folder.parent)
    host.set(PIP_CONFIG_FILE="/dev/null", UV_NO_CONFIG="1", UV_NO_INDEX="1", UV_FIND_LINKS=str(host.wheels))
    return host


def _place_uv(folder: Path, shared: Path) -> None:
    """Another name of one copy in place of a copy for each test: it is large."""
    copied = installer.own_uv(shared / "environments")
    place = folder / copied.name
    place.mkdir(parents=True)
    (place / "uv").hardlink_to(copied / "uv")
    place.chmod(0o555)


class Unreachable:
    """A sandbox that must not be asked."""

    tier = 1
    name = "unreachable"

    def run(self, call: Call, **_: Any) -> Finished:
        raise AssertionError(f"a sandbox was started: {call.command}")

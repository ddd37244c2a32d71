"""What the settings say about the network reaches the tools: here an exception and an authority of one's own."""

import json
from pathlib import Path

import pytest
import trustme
from flask import Flask

import settings
from models.errors import Forbidden
from models.task import Task
from tasks.runs import calls
from tasks.runs.outcome import StepOutcome
from tasks.runs.told import Telling
from tests.support import servers
from tests.support.servers import Page, Site
from tools import limits
from tools.workspace import Workspace

LIMITS = limits.tightest([("agent", {"wall": 30})])


def fetch(site: Site, folder: Path, told: list[Telling]) -> StepOutcome:
    wanted = calls.ToCall("web.fetch", "fetch", "step", {"url": site.url("/")}, LIMITS, told.extend)
    return calls.call(Task(id="a", title="A test", epoch=1), Workspace.create(folder, "w1"), wanted)


def test_exception_of_the_settings_is_reached_and_told(
    tmp_path: Path, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, told = trustme.CA(), list[Telling]()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with servers.serving(authority) as site:
        site.pages["/"] = Page(b"hello", headers={"Content-Type": "text/plain"})
        with pytest.raises(Forbidden):
            fetch(site, tmp_path / "before", told)
        monkeypatch.setenv("OPSCORE_NETWORK_LOCAL", json.dumps([site.at]))
        monkeypatch.setenv("OPSCORE_CA_BUNDLE", str(tmp_path / "ca.pem"))
        settings.load.cache_clear()
        outcome = fetch(site, tmp_path / "after", told)
    assert outcome.output["text"] == "hello"
    # The first that was allowed asked for robots.txt.
    assert [kind for kind, _ in told] == ["network.refused", "network.allowed", "network.allowed"]

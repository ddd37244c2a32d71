"""The scripts on the page about the demo model are scripts."""

import re

import pytest
import yaml

from settings import PROJECT
from worker.demo.script import parse

PAGE = (PROJECT / "docs" / "how-to" / "demo-model.md").read_text(encoding="utf-8")
SCRIPTS = re.findall(r"^```yaml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", SCRIPTS)
def test_script_on_the_page_can_be_played(text: str) -> None:
    assert parse(yaml.safe_load(text)).turns

"""The lists of a person count in any spelling."""

from pathlib import Path

import pytest

from models.errors import Forbidden
from tools.packages.rules import Rules


def test_empty_lists_allow_anything() -> None:
    Rules(Path()).check(["six", "anything"])


def test_denied_wins_over_allowed_and_all_are_named() -> None:
    rules = Rules(Path(), allow=("foo-bar", "six"), deny=("Foo.Bar", "zoo"))
    with pytest.raises(Forbidden) as caught:
        rules.check(["foo_bar", "six", "ZOO"])
    assert caught.value.details == {"packages": ["foo-bar", "zoo"], "setting": "OPSCORE_PACKAGES_DENY"}


def test_what_is_not_allowed_is_named() -> None:
    with pytest.raises(Forbidden) as caught:
        Rules(Path(), allow=("Six",)).check(["six", "zoo"])
    assert caught.value.details == {"packages": ["zoo"], "setting": "OPSCORE_PACKAGES_ALLOW"}


def test_source_needs_a_name_on_its_list() -> None:
    rules = Rules(Path(), from_source=("Foo_Bar",))
    rules.check_sources(["foo-bar"])
    with pytest.raises(Forbidden) as caught:
        rules.check_sources(["foo-bar", "zoo"])
    assert caught.value.details["packages"] == ["zoo"]

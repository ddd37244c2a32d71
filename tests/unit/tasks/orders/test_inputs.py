"""Where a source lies, and what playbooks read of it."""

from pathlib import Path

import pytest

from models.errors import InvalidInput
from settings import Settings
from tasks.orders.inputs import find_source, source_field
from tasks.plans.playbook import Playbook

PLAYBOOK = Playbook.model_validate(
    {
        "inputs": {
            "type": "object",
            "properties": {"top": {"type": "integer"}, "source": {"type": "string", "format": "source"}},
        },
        "steps": [{"stage": "build", "tool": "files.list"}],
    }
)
WITHOUT = Playbook.model_validate({"steps": [{"stage": "build", "tool": "files.list"}]})


@pytest.fixture
def told(tmp_path: Path) -> Settings:
    (tmp_path / "open" / "project").mkdir(parents=True)
    (tmp_path / "open" / "a.csv").write_text("a\n1\n")
    (tmp_path / "closed").mkdir()
    return Settings(data_dir=tmp_path / "var", input_roots=[tmp_path / "open"])


def test_source_is_found_by_its_format() -> None:
    assert (source_field(PLAYBOOK), source_field(WITHOUT)) == ("source", None)


def test_folder_and_file_have_their_places_in_the_workspace(told: Settings) -> None:
    root = told.input_roots[0]
    folder = find_source(told, PLAYBOOK, {"source": str(root / "project")})
    file = find_source(told, PLAYBOOK, {"source": str(root / "a.csv")})
    assert folder is not None and (folder.kind, folder.inside) == ("folder", "src/input")
    assert file is not None and (file.kind, file.inside) == ("file", "src/input/a.csv")


def test_no_source_is_none(told: Settings) -> None:
    assert find_source(told, PLAYBOOK, {}) is None
    assert find_source(told, WITHOUT, {"source": "/etc"}) is None


@pytest.mark.parametrize("value", ["/etc", "{root}/../closed", "{root}x", "relative", "{root}/missing", "~root"])
def test_place_that_is_not_open_is_refused(told: Settings, value: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        find_source(told, PLAYBOOK, {"source": value.format(root=told.input_roots[0])})
    assert refused.value.problems[0]["path"] == "inputs.source"


def test_link_out_of_an_open_folder_is_refused(told: Settings) -> None:
    link = told.input_roots[0] / "link"
    link.symlink_to(told.input_roots[0].parent / "closed")
    with pytest.raises(InvalidInput):
        find_source(told, PLAYBOOK, {"source": str(link)})

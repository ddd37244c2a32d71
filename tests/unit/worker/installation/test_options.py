"""What may be written after bin/up."""

import os
from pathlib import Path

import pytest

from settings import PROJECT, Settings
from worker.installation import options


def given(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr("sys.argv", ["up", *arguments])
    for name in ("OPSCORE_DATA_DIR", "OPSCORE_PORT"):
        monkeypatch.setenv(name, "")


@pytest.mark.parametrize(
    "arguments",
    [("--port", "0"), ("--port", "70000"), ("--port", "web"), ("--once", "--no-sample"), ("--once", "--detach")],
)
def test_options_that_make_no_sense_end_with_code_2(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    given(monkeypatch, *arguments)
    with pytest.raises(SystemExit) as ended:
        options.of_up()
    assert ended.value.code == 2


def test_a_data_folder_is_meant_from_where_the_person_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    given(monkeypatch, "--data", "here", "--port", "18000")
    monkeypatch.chdir("/")
    options.of_up()
    assert os.environ["OPSCORE_DATA_DIR"] == "/here"
    assert os.environ["OPSCORE_PORT"] == "18000"


@pytest.mark.parametrize(
    ("folder", "written"),
    [
        (PROJECT / "var", "bin/down"),
        (Path("/srv/ops"), "bin/down --data /srv/ops"),
        (Path("/srv/my ops"), "bin/down --data '/srv/my ops'"),
    ],
)
def test_a_command_to_copy_names_the_data_folder_where_it_is_not_the_usual(folder: Path, written: str) -> None:
    assert options.command("bin/down", Settings(data_dir=folder)) == written

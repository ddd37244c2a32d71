"""What the first tools do, each called as a run would call it."""

import io
import json
import tarfile
import zipfile
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from models.errors import Conflict, Forbidden, InvalidInput, Misconfigured, NotFound
from tests.support.boxed import Box
from tools.contract import Limits
from tools.registry import all_tools, find

CALLS = {
    "archive.unpack": {"archive": "src/a.zip", "into": "src/input"},
    "files.delete": {"path": "output"},
    "files.list": {"recursive": True},
    "files.move": {"source": "README.md", "target": "research/notes.md"},
    "files.read": {"path": "README.md"},
    "files.write": {"path": "output/x.txt", "text": "hello"},
    "python.run": {"code": "print('{\"rows\": 3}')"},
    "terminal.run": {"command": ["echo", "hello"]},
}
"""One call of each that must succeed; a tool without one is held to the declaration suite alone."""


def zipped(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


@pytest.mark.parametrize("name", CALLS)
def test_result_is_json_and_what_the_output_schema_says(box: Box, name: str) -> None:
    box.workspace.write_bytes("src/a.zip", zipped(a="1"))
    result = box.tool(name, **CALLS[name])
    assert result.exit_code == 0, result.stderr.text
    find(name).Output.model_validate(result.output)
    assert json.loads(json.dumps(result.output)) == result.output
    json.dumps(asdict(result.resources))


def test_every_first_tool_is_called_here() -> None:
    assert {tool.name for tool in all_tools() if tool.name.startswith(("files.", "archive."))} <= set(CALLS)


def test_python_gives_values_of_its_last_line_to_later_steps(box: Box) -> None:
    code = "print('working'); print('{\"rows\": 3, \"exit_code\": 9}')"
    output = box.tool("python.run", code=code).output
    assert output["rows"] == 3
    assert output["result"] == {"rows": 3, "exit_code": 9}
    assert output["exit_code"] == 0, "a program must not be able to claim another exit code"


def test_python_runs_a_file_of_the_workspace_with_arguments_and_input(box: Box) -> None:
    box.workspace.write_bytes("src/helper.py", b"def double(text): return text * 2\n")
    box.workspace.write_bytes("src/main.py", b"import sys, helper\nprint(helper.double(sys.argv[1]), input())\n")
    result = box.tool("python.run", file="src/main.py", args=[21], stdin="there")
    assert result.stdout.text == "2121 there\n"
    assert not box.workspace.exists("src/__pycache__")


def test_python_has_pandas_and_draws_charts(box: Box) -> None:
    code = """
import pandas, matplotlib.pyplot as plt
pandas.DataFrame({"a": [1, 2]}).plot()
plt.savefig("output/chart.png")
"""
    result = box.tool("python.run", code=code)
    assert (result.exit_code, result.stderr.text) == (0, "")
    assert box.workspace.read_bytes("output/chart.png").startswith(b"\x89PNG")


def test_python_traceback_shows_the_line(box: Box) -> None:
    result = box.tool("python.run", code="x = 1\nraise ValueError('no rows')\n")
    assert result.exit_code == 1
    assert "line 2" in result.stderr.text
    assert "raise ValueError('no rows')" in result.stderr.text


@pytest.mark.not_on_tier(
    3, "locks between processes are files in /dev/shm, and an ordinary user has none of its own there"
)
def test_python_can_use_several_processes(box: Box) -> None:
    code = """
import multiprocessing
if __name__ == "__main__":
    with multiprocessing.Pool(3) as pool:
        print(sum(pool.map(abs, range(-10, 0))))
"""
    assert box.tool("python.run", code=code).stdout.text == "55\n"


def test_python_that_wants_too_much_memory_is_told_which_limit(box: Box) -> None:
    context = box.context(limits=Limits(wall_s=20, memory_bytes=300_000_000))
    tool = find("python.run")
    result = tool.run(tool.parse({"code": "x = bytearray(2_000_000_000)"}), context)
    assert (result.exit_code, result.hit) == (1, "memory_bytes")


def test_python_wants_code_or_file_and_not_both(box: Box) -> None:
    for arguments in ({}, {"code": "1", "file": "x.py"}):
        with pytest.raises(InvalidInput):
            box.tool("python.run", **arguments)


def test_python_file_must_be_there(box: Box) -> None:
    with pytest.raises(NotFound):
        box.tool("python.run", file="src/none.py")


def test_python_without_its_environment_says_how_to_build_it(box: Box, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match="not built"):
        replace(box, tool_env=tmp_path / "none").tool("python.run", code="1")


def test_terminal_starts_what_is_on_the_list_only(box: Box) -> None:
    assert box.tool("terminal.run", command=["/bin/echo", "$HOME", "a b"]).stdout.text == "$HOME a b\n"
    with pytest.raises(Forbidden) as caught:
        box.tool("terminal.run", command=["rm", "README.md"])
    assert caught.value.details["program"] == "rm"
    assert box.workspace.exists("README.md")


def test_terminal_failure_is_a_result(box: Box) -> None:
    result = box.tool("terminal.run", command=["cat", "none"])
    assert result.exit_code == 1
    assert "No such file" in result.stderr.text


def test_arguments_that_no_kernel_takes_are_refused(box: Box) -> None:
    for words in (["echo", "a\0b"], ["echo", *["x" * 90_000] * 20]):
        with pytest.raises(InvalidInput):
            box.tool("terminal.run", command=words)


def test_files_are_written_appended_read_and_listed(box: Box) -> None:
    box.tool("files.write", path="output/a/b.txt", text="one\n")
    assert box.tool("files.write", path="output/a/b.txt", text="two\n", append=True).output["size"] == 8
    read = box.tool("files.read", path="output/a/b.txt").output
    assert (read["text"], read["truncated"]) == ("one\ntwo\n", False)
    assert box.tool("files.read", path="output/a/b.txt", limit=3).output["truncated"] is True
    rest = box.tool("files.read", path="output/a/b.txt", offset=2, limit=3).output
    whole = read["text"]
    assert (rest["text"], rest["truncated"]) == (whole[2:5], len(whole) > 5)
    listed = box.tool("files.list", path="output", recursive=True).output["entries"]
    assert [(entry["path"], entry["kind"]) for entry in listed] == [
        ("output/a", "folder"),
        ("output/a/b.txt", "file"),
    ]
    assert box.tool("files.list", limit=1).output["truncated"] is True


def test_moving_replaces_nothing(box: Box) -> None:
    box.tool("files.write", path="a.txt", text="a")
    with pytest.raises(Conflict):
        box.tool("files.move", source="a.txt", target="README.md")
    box.tool("files.move", source="a.txt", target="new/b.txt")
    assert box.workspace.read_bytes("new/b.txt") == b"a"


def test_what_a_tool_wrote_a_command_can_change_and_the_other_way_round(box: Box) -> None:
    box.tool("files.write", path="new/a.txt", text="a")
    assert (
        box.run("sh", "-c", "echo b >> new/a.txt; mkdir -m 700 mine; echo c > mine/c; chmod 000 mine/c").exit_code == 0
    )
    box.tool("files.write", path="mine/c", text="d")
    assert box.run("cat", "new/a.txt", "mine/c").stdout.text == "ab\nd"


@pytest.mark.parametrize("compression", ["", "gz", "bz2", "xz"])
def test_tar_is_unpacked(box: Box, compression: str) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=f"w:{compression}") as archive:
        member = tarfile.TarInfo("project/run.sh")
        member.size, member.mode = 2, 0o755
        archive.addfile(member, io.BytesIO(b"hi"))
    box.workspace.write_bytes("src/input.tar", buffer.getvalue())
    output = box.tool("archive.unpack", archive="src/input.tar", into="src/input").output
    assert (output["files"], output["total_bytes"]) == (1, 2)
    assert box.workspace.read_bytes("src/input/project/run.sh") == b"hi"


def test_damaged_archive_is_one_clear_sentence(box: Box) -> None:
    box.workspace.write_bytes("a.zip", zipped(a="x" * 1000)[:-30])
    result = box.tool("archive.unpack", archive="a.zip", into="src/input")
    assert result.exit_code == 1
    assert result.stderr.text.startswith("error: cannot unpack: ")
    assert result.stderr.text.count("\n") == 1

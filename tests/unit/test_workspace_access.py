"""No path of a workspace is opened by its name from outside: the code is read for what would.

What deals with a workspace's files does it by descriptor, through tools/files_at.py; every call that takes a path of
the host is listed below with its reason.  Everything else has a workspace's path for the sandbox to bind alone.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.test_law import PROJECT, imported, sources

FLOORS = ("models", "tools", "tasks", "worker", "webapp")

SYSTEM = frozenset(
    {
        "open", "stat", "lstat", "unlink", "remove", "rename", "replace", "rmdir", "mkdir", "makedirs", "symlink",
        "link", "readlink", "chmod", "chown", "lchown", "access", "mkfifo", "mknod", "truncate", "utime", "walk",
        "scandir", "listdir", "removedirs",
    }
)  # fmt: skip
PATH = frozenset(
    {
        "open", "read_text", "read_bytes", "write_text", "write_bytes", "exists", "is_file", "is_dir", "is_symlink",
        "iterdir", "glob", "rglob", "mkdir", "unlink", "rmdir", "rename", "replace", "chmod", "touch", "stat", "lstat",
        "resolve", "symlink_to", "hardlink_to", "rmtree", "copyfile", "copytree", "move",
    }
)  # fmt: skip
BY_DESCRIPTOR = frozenset({"dir_fd", "src_dir_fd", "dst_dir_fd"})

BY_NAME: dict[str, dict[str, str]] = {
    "tools/files_at.py": {
        "os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)": "the workspace itself",
        "os.access(opened, wanted)": "a descriptor's own name in /proc",
        "Path(opened).chmod(448)": "a descriptor's own name in /proc",
        "os.open(f'/proc/self/fd/{pinned}', flags | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)": "the same",
        "os.chown(itself, owner, owner if group is None else group)": "the same",
        "Path(itself).chmod(mode)": "the same",
        "os.listdir(folder)": "a descriptor",
    },
    "tools/removal.py": {"os.listdir(root)": "a descriptor", "os.listdir(descriptor)": "a descriptor"},
    "tools/restore.py": {"blobs.open(item.content)": "by digest, in the history"},
    "tools/copy_in.py": {
        "os.open('/', os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)": "where the path of an input begins",
        "folder.stat()": "our own data folder, which an input may hold",
    },
    "tools/workspace.py": {
        "root.mkdir(mode=448, parents=True, exist_ok=True)": "the folder of all workspaces, which is ours alone",
        "path.mkdir(mode=448)": "the workspace itself, in our folder",
        "os.chown(path, uid, uid)": "the same, still empty",
        "path.is_symlink()": "the workspace itself",
        "path.is_dir()": "the workspace itself",
        "os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)": "the folder of all workspaces",
    },
    "tools/history.py": {
        "self._manifest_path(kept.id).exists()": "in the history",
        "self._manifest_path(snapshot).read_bytes()": "in the history",
        "(self.folder / 'seen.json').read_bytes()": "in the history",
        "self._blobs.open(item.content)": "by digest, in the history",
        "self.folder.exists()": "the history itself",
        "shutil.rmtree(self.folder)": "the history itself",
    },
    "tools/archive/__init__.py": {"Path(__file__).with_name('inside.py').read_bytes()": "our own program"},
    "webapp/zip_stream.py": {"self.archive.open(self._about(entry), 'w', force_zip64=True)": "in the archive"},
    "tasks/family/handed.py": {
        "folder.exists()": "what is handed over lies in a folder of ours",
        "shutil.rmtree(folder)": "the same",
        "target.parent.mkdir(mode=448, parents=True, exist_ok=True)": "the same",
        "target.open('wb')": "the same",
    },
    "tasks/family/sources.py": {
        "upload_path(settings.load(), upload_id).unlink(missing_ok=True)": "among the uploads",
    },
    "tasks/runs/place.py": {
        "(given := handed.folder_for(self._task.id)).is_dir()": "what was handed over, in a folder of ours",
        "told.data_dir.resolve()": "our own data folder",
        "self.workspace.write_bytes(readme.FILE, text)": "the workspace's own call, by descriptor",
    },
    "tools/drill/note.py": {
        "os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 384)": "the ledger that the settings name",
    },
}
"""What modules that have a workspace in their hands do by name, as it is written there; others do nothing so."""

WORKSPACES_OWN = frozenset({"workspace", "run.workspace", "context.workspace", "into", "self", "Workspace"})
SHOWN = {"worker/installation/sample.py": "workspace.path / 'output'"}
"""Where a workspace's path is told to a person."""

DECODERS = frozenset(
    {
        "zipfile", "tarfile", "gzip", "bz2", "lzma", "xml", "pickle", "shelve", "marshal", "PIL", "openpyxl", "pypdf",
        "lxml", "bs4", "git", "dulwich", "pygit2", "markdown", "nbformat", "pandas", "numpy",
    }
)  # fmt: skip
MAY_DECODE = {
    "tools/archive/inside.py": "runs inside the sandbox",
    "tools/web/reading/inside.py": "runs inside the sandbox",
    "webapp/zip_stream.py": "writes an archive, and reads none",
    "tools/packages/own_default.py": "reads the pip that comes with Python",
    "tasks/keeping/archive.py": "writes what rows say, and reads its own files",
}


def calls(module: str) -> Iterator[ast.Call]:
    tree = ast.parse((PROJECT / module).read_text(encoding="utf-8"))
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def is_by_name(call: ast.Call) -> bool:
    """Whether the call may take a path of the host."""
    if isinstance(call.func, ast.Name):
        return call.func.id == "open"
    if not isinstance(call.func, ast.Attribute) or any(word.arg in BY_DESCRIPTOR for word in call.keywords):
        return False
    on = ast.unparse(call.func.value)
    if on == "os":
        return call.func.attr in SYSTEM
    if call.func.attr == "replace" and len(call.args) > 1:
        return False  # a text's
    return call.func.attr in PATH and on not in WORKSPACES_OWN


def readers() -> set[str]:
    """The modules that call what reads or writes files of a workspace."""
    ways = ("open_for_read", "walk", "outline", "page", "list", "entry", "read_bytes", "write_bytes", "copy_in", "root")
    return {
        str(path.relative_to(PROJECT))
        for floor in FLOORS
        for path in sources(floor)
        for call in calls(str(path.relative_to(PROJECT)))
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in ways
        and ast.unparse(call.func.value).endswith("workspace")
    }


@pytest.mark.parametrize("module", sorted(readers() | set(BY_NAME)))
def test_what_has_a_workspace_in_its_hands_opens_nothing_by_name(module: str) -> None:
    found = {ast.unparse(call) for call in calls(module) if is_by_name(call)}
    assert found == set(BY_NAME.get(module, {}))


def test_path_of_a_workspace_is_for_the_sandbox_alone() -> None:
    wrong = []
    for path in [path for floor in FLOORS for path in sources(floor)]:
        module = str(path.relative_to(PROJECT))
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bound = {id(word.value) for node in ast.walk(tree) if isinstance(node, ast.Call) for word in node.keywords
                 if word.arg == "workspace"}  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "path" and id(node) not in bound:
                is_workspaces = ast.unparse(node.value).split(".")[-1] == "workspace"
                if is_workspaces and f"{ast.unparse(node)} / 'output'" != SHOWN.get(module):
                    wrong.append(f"{module}:{node.lineno}")
    assert wrong == []


def test_nothing_trusted_decodes_what_strangers_made() -> None:
    """Archives, documents and pictures are opened in the sandbox."""
    wrong = [
        f"{module} imports {name}"
        for floor in FLOORS
        for path in sources(floor)
        if (module := str(path.relative_to(PROJECT))) not in MAY_DECODE
        for name in imported(path)
        if name.partition(".")[0] in DECODERS
    ]
    assert wrong == []


def test_exceptions_are_real() -> None:
    for module in (*MAY_DECODE, *SHOWN):
        assert Path(PROJECT / module).exists(), module

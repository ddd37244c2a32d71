"""The law of the house: a floor imports the floors below it, never one above.

    models ← tools ← tasks ← worker
                     tasks ← webapp          opscore_sdk: none of ours

`tools` uses of `models` only the errors, and never meets a database; worker and webapp meet
only in the database and the queue, and over HTTP: the command line in worker/ speaks through the SDK.
"""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
MAY_IMPORT = {
    "settings": {"models"},
    "celeryconfig": {"settings"},
    "models": {"models", "settings"},
    "tools": {"tools", "models", "settings"},
    "tasks": {"tasks", "tools", "models", "settings"},
    "worker": {"worker", "tasks", "tools", "models", "settings", "opscore_sdk"},
    "webapp": {"webapp", "tasks", "tools", "models", "settings"},
    "opscore_sdk": {"opscore_sdk"},
}
OURS = {*MAY_IMPORT, "migrations", "docs", "tests", "bench"}
DATABASE = {"sqlalchemy", "flask", "flask_sqlalchemy", "psycopg", "sqlite3", "alembic"}


def sources(floor: str) -> list[Path]:
    """The Python files of a floor; those that a template brings run in the sandbox and are no part of it."""
    module = PROJECT / f"{floor}.py"
    found = [module] if module.exists() else sorted((PROJECT / floor).rglob("*.py"))
    return [path for path in found if "library" not in path.parts]


def imported(path: Path) -> set[str]:
    """Every module that the file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("floor", MAY_IMPORT)
def test_floor_imports_only_what_is_below_it(floor: str) -> None:
    assert sources(floor), f"the floor {floor} has no source"
    broken = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for path in sources(floor)
        for name in imported(path)
        if (root := name.partition(".")[0]) in OURS and root not in MAY_IMPORT[floor]
    ]
    assert broken == []


def test_tools_never_see_a_database() -> None:
    broken = [
        f"{path.relative_to(PROJECT)} imports {name}"
        for path in sources("tools")
        for name in imported(path)
        if name.partition(".")[0] in DATABASE or (name.startswith("models") and name != "models.errors")
    ]
    assert broken == []


def test_nothing_but_the_table_of_moves_writes_a_state_of_a_task() -> None:
    """`update(Task).values(state=…)` and `task.state = …` stand in models/states.py alone."""
    broken = []
    for path in [path for floor in ("models", "tasks", "worker", "webapp") for path in sources(floor)]:
        if path.name == "states.py":
            continue
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            is_set = isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Attribute) and target.attr == "state" and ast.unparse(target.value) == "task"
                for target in node.targets
            )
            is_values = isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".values")
            if is_set or (is_values and "Task" in ast.unparse(node) and any(k.arg == "state" for k in node.keywords)):
                broken.append(f"{path.relative_to(PROJECT)}:{node.lineno}")
    assert broken == []

"""A new version is deployed while tasks run: each task is done to its end by the plan that it was submitted with."""

import shutil
from pathlib import Path

import psutil
import pytest
import yaml
from pytest_celery import CeleryBrokerCluster

from settings import PROJECT
from tasks.plans import catalog
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace, wait_ready
from worker.chaos.outside import lines_of

CODE = ("models", "tools", "tasks", "worker", "celeryconfig.py", "settings.py")
SLUG = "rollout"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def database_kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def version(folder: Path, name: str) -> Path:
    """A checkout whose template, and whatever it brings, says which version it is of."""
    for each in CODE:
        source, target = PROJECT / each, folder / name / each
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            target.parent.mkdir(exist_ok=True)
            shutil.copyfile(source, target)
    settings_file = folder / name / "settings.py"
    text = settings_file.read_text(encoding="utf-8")
    assert 'VERSION = "' in text
    settings_file.write_text(text.replace('VERSION = "', f'VERSION = "{name}.'), encoding="utf-8")
    library = folder / name / "tasks" / "library" / SLUG
    (library / "files").mkdir(parents=True)
    (library / "files" / "version.txt").write_text(name, encoding="utf-8")
    (library / "playbook.yaml").write_text(yaml.safe_dump(template(name)), encoding="utf-8")
    return folder / name


def template(name: str) -> dict[str, object]:
    steps = [
        {"name": "first", "tool": "drill.note_once", "with": {"key": f"first of {name}"}},
        {"name": "slow", "tool": "drill.note_idempotent", "with": {"key": f"slow of {name}", "path": "output/log.txt"}},
        {"name": "read", "tool": "files.read", "with": {"path": "src/version.txt"}},
        {"name": "last", "tool": "drill.note_once", "with": {"key": f"last of {name}"}},
    ]
    return {
        "name": SLUG,
        "title": f"Roll out {name}",
        "version": name,
        "steps": [{"stage": "build", **each} for each in steps],
    }


def use_templates_of(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Submissions of this process find that version's templates."""
    monkeypatch.setattr(catalog, "LIBRARY", root / "tasks" / "library")
    catalog.templates.cache_clear()


def noted(workplace: Workplace, task_id: str) -> list[str]:
    lines = lines_of(Path(workplace.environment["OPSCORE_DRILL_LEDGER"]))
    return [each["key"] for each in lines if each["idempotency_key"].startswith(task_id)]


def test_old_worker_finishes_what_it_can_and_the_new_one_goes_on_by_the_plan_of_the_submission(
    workplace: Workplace,
    celery_broker_cluster: CeleryBrokerCluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    old, new = version(tmp_path, "old"), version(tmp_path, "new")
    workplace.environment["OPSCORE_DRILL_LEDGER"] = str(workplace.logs / "ledger")
    workplace.environment["OPSCORE_TOOL_ENV"] = str(workplace.told.tool_env)
    gate = tmp_path / "gate"
    held = {"OPSCORE_DEBUG_TRIGGERS": f"step.in_the_middle=pause:{gate}"}
    leaving = workplace.start_worker(AgentWanted("rolled", "1-2"), "old", old, **held)
    hurried = workplace.start_worker(AgentWanted("rolled", "3"), "old-hurried", old, **held)
    use_templates_of(old, monkeypatch)
    finished, waiting = (workplace.submit(template=SLUG, complexity=2) for _ in range(2))
    wait_until(gate.exists, 60, "the old worker is in the middle of a step")
    leaving.kill("SIGTERM")
    wait_until(lambda: "Warm shutdown" in leaving.logs(), 30, "the shutdown has begun")
    gate.unlink()
    assert workplace.succeeded(finished).run_number == 1
    wait_until(lambda: leaving.container.status == "exited", 60, "the old worker has left")
    # It took nothing more, and whoever does not leave in time is killed.
    cut = workplace.submit(template=SLUG, complexity=3)
    wait_until(gate.exists, 60, "the hurried one is in the middle of a step")
    hurried.container.local.note_descendants()
    hurried.kill()
    psutil.wait_procs(list(hurried.container.local.seen.values()), 30)
    gate.unlink()
    assert workplace.task(waiting).run_number == 0
    use_templates_of(new, monkeypatch)
    assert workplace.reconcile().requeued == 1
    later = workplace.submit(template=SLUG, complexity=2)
    wait_ready(workplace.start_worker(AgentWanted("rolled", "1-3"), "new", new))
    workplace.reconcile()
    for task_id, runs in ((waiting, 1), (cut, 2)):
        assert workplace.succeeded(task_id).run_number == runs
    for task_id in (finished, waiting, cut):
        slow = ["slow of old"] * (2 if task_id == cut else 1)
        assert noted(workplace, task_id) == ["first of old", *slow, "last of old"]
        assert workplace.files(task_id)["src/version.txt"] == b"old"
        assert workplace.files(task_id)["output/log.txt"] == b"slow of old 1\n"
    assert workplace.kinds(cut).count("step.started first") == 1
    workplace.succeeded(later)
    assert noted(workplace, later) == ["first of new", "slow of new", "last of new"]
    catalog.templates.cache_clear()

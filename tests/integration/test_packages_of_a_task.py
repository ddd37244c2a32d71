"""A task that installs packages of its own, run by a worker; its host has one folder of wheels and a deny list."""

import json
import os
from pathlib import Path

import pytest

from tests.support import wheels
from tests.support.workplace import AgentWanted, Workplace, plan

pytestmark = pytest.mark.usefixtures("host", "celery_worker_cluster")


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("scout", "1-5")]


@pytest.fixture(scope="module")
def host(workplace: Workplace, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the worker is told before it starts."""
    folder = tmp_path_factory.mktemp("host") / "wheels"
    wheels.wheel(folder, "helper", files={"helper.py": "answer = 42\n"})
    wheels.wheel(folder, "wanted", needs=["helper"])
    for name in [name for name in workplace.environment if name.startswith(("PIP_", "UV_"))]:
        del workplace.environment[name]
    workplace.environment |= {"PIP_CONFIG_FILE": os.devnull, "UV_NO_CONFIG": "1", "UV_NO_INDEX": "1"}
    workplace.environment |= {"UV_FIND_LINKS": str(folder), "OPSCORE_PACKAGES_DENY": '["wanted"]'}
    return folder


def install(*packages: str) -> dict[str, object]:
    return {"tool": "python.install", "with": {"packages": list(packages)}, "name": "install"}


def test_later_steps_have_what_an_earlier_one_installed(workplace: Workplace) -> None:
    code = "import helper, json; print(json.dumps({'answer': helper.answer}))"
    use = {"tool": "python.run", "with": {"code": code}, "name": "use"}
    task_id = workplace.submit(plan(install("helper"), use))
    workplace.succeeded(task_id)
    steps = workplace.steps(task_id)
    assert steps["use"].output["answer"] == 42
    assert [each["name"] for each in steps["install"].output["packages"]] == ["helper"]
    assert b"helper==1.0" in workplace.files(task_id)["packages.txt"]
    environments = workplace.told.data_dir / "environments"
    assert (environments / steps["install"].output["environment"] / "lib" / "helper.py").is_file()


def test_denied_package_fails_the_step_and_names_the_setting(workplace: Workplace) -> None:
    task_id = workplace.submit(plan(install("wanted")))
    workplace.failed(task_id)
    told = json.dumps([event.data for event in workplace.events(task_id)])
    assert "wanted" in told and "OPSCORE_PACKAGES_DENY" in told

"""The templates end to end, on real workers: the sample over real source, a table, and tables that are none."""

import csv
import io
import json
import random
import shutil
from pathlib import Path

import pytest

from models import scope
from models.states import State
from tasks.orders.uploads import store
from tests.support.processes import wait_until
from tests.support.workplace import AgentWanted, Workplace

pytestmark = pytest.mark.usefixtures("celery_worker_cluster")
GOOD = "city,day,degrees\n" + "".join(f"Oslo,2026-01-{day:02},{day / 2}\n" for day in range(1, 29))
BAD = {
    "no rows": (b"a,b,c\n", "no rows"),
    "ragged rows": (b"a,b,c\n1,2,3\n4,5\n6,7,8,9\n", "cells"),
    "binary": (random.Random(1).randbytes(20_000), "binary"),
    "wrong encoding": ("name,city\nJürgen,Köln\n".encode("latin-1") * 20, "UTF-8"),
    "200 MB": (None, "MiB"),
}


@pytest.fixture(scope="module")
def database_kind() -> str:
    return "sqlite"


@pytest.fixture(scope="module")
def agents() -> list[AgentWanted]:
    return [AgentWanted("scout", "1-5", 2)]


def analyse(workplace: Workplace, name: str, data: io.BufferedIOBase) -> str:
    """Upload the file and submit its analysis; returns the task's id."""
    with scope.acting("person:alice"):
        upload = store(name, data)  # type: ignore[arg-type]
    return workplace.submit(template="analyse-table", inputs={"table": f"upload:{upload.id}"})


def test_survey_of_real_source_counts_every_file(workplace: Workplace, input_root: Path) -> None:
    for package in ("json", "email"):
        shutil.copytree(Path(json.__file__).parents[1] / package, input_root / "source" / package)
    sources = list((input_root / "source").rglob("*.py"))
    task_id = workplace.submit(template="survey-code-base", inputs={"source": str(input_root / "source")})
    workplace.succeeded(task_id, 120)
    files = workplace.files(task_id)
    rows = list(csv.DictReader(io.StringIO(files["output/metrics.csv"].decode())))
    assert len(rows) == len(sources) > 20
    assert files["output/report.html"].lstrip().lower().startswith(b"<!doctype html")
    entered = [event.data["stage"] for event in workplace.events(task_id) if event.kind == "stage.entered"]
    assert entered == ["design", "build", "test", "review"]


def test_uploaded_table_is_analysed_into_a_report(workplace: Workplace) -> None:
    task_id = analyse(workplace, "degrees.csv", io.BytesIO(GOOD.encode()))
    workplace.succeeded(task_id, 120)
    report = workplace.files(task_id)["output/report.html"].decode()
    assert "degrees" in report and "city" in report


@pytest.mark.parametrize("kind", BAD)
def test_bad_table_ends_as_a_failed_task_that_says_why(workplace: Workplace, kind: str, tmp_path: Path) -> None:
    data, said = BAD[kind]
    path = tmp_path / "table.csv"
    with path.open("wb") as file:
        file.write(data if data is not None else b"a,b\n" + b"1,2\n" * 100)
        if data is None:
            file.truncate(200 * 10**6)
    with path.open("rb") as file:
        task_id = analyse(workplace, "table.csv", file)
    wait_until(lambda: workplace.task(task_id).finished_at, 90, "the end")
    task = workplace.task(task_id)
    assert task.state == State.FAILED
    assert task.error_message is not None and task.error_message.startswith("cannot finish the step")
    assert said.lower() in task.error_message.lower()

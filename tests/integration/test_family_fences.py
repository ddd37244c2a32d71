"""What no run may write to its family once another has its task; and a database that is away while it asks."""

import io
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from models.claim import Fenced
from models.database import writing
from models.states import State
from models.task import Task
from tasks.family import channel, children
from tasks.family.asker import Asker
from tasks.family.port import TaskFamily
from tests.integration.test_family_rules import ON_EITHER, _end, asker, kinds, new, part, row, woken, workspace
from tools.waiting import Wait
from tools.workspace import Workspace

__all__ = ["woken", "workspace"]
pytestmark = [pytest.mark.usefixtures("app"), ON_EITHER]
T = TypeVar("T")


def again(work: Callable[[], T]) -> T:
    """Do the work until the database answers."""
    for _ in range(5):
        try:
            return work()
        except OperationalError:
            continue
    raise AssertionError("the database stays away")


class Away:
    """The answer to the next commit is lost: it stands, or was never made."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, stands: bool) -> None:
        self.left = 1
        commit = Session.commit

        def lost(session: Session) -> None:
            if not self.left:
                return commit(session)
            self.left -= 1
            if stands:
                commit(session)
            raise OperationalError("COMMIT", {}, ConnectionError("the connection was lost"))

        monkeypatch.setattr(Session, "commit", lost)


def test_run_that_lost_its_task_writes_nothing_to_the_shared_folder() -> None:
    first = new(State.RUNNING, run_number=1)
    gone = TaskFamily(Asker(first.id, 1, 1, "share"))
    with writing() as session:
        session.execute(update(Task).where(Task.id == first.id).values(run_number=2))
    here = TaskFamily(Asker(first.id, 2, 1, "share"))
    here.share("a.txt", io.BytesIO(b"new"), None)
    here.lock_shared("a.txt", timedelta(minutes=5))
    for write in (
        lambda: gone.share("a.txt", io.BytesIO(b"stale"), None),
        lambda: gone.lock_shared("a.txt", timedelta(minutes=9)),
        lambda: gone.unlock_shared("a.txt"),
    ):
        with pytest.raises(Fenced, match="another run has the task"):
            write()
    found, content = here.open_shared("a.txt")
    with content:
        assert (found.version, found.locked_by, content.read()) == (1, first.id, b"new")
    _end(first, State.SUCCEEDED)
    with pytest.raises(Fenced):
        here.share("a.txt", io.BytesIO(b"late"), None)


@pytest.mark.parametrize("stands", [True, False])
def test_outage_while_parts_are_handed_on_makes_them_once(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, stands: bool
) -> None:
    first = new(State.RUNNING)
    family = TaskFamily(asker(first), again)
    away = Away(monkeypatch, stands=stands)
    with pytest.raises(Wait):
        family.delegate([part("A"), part("B")], workspace)
    assert away.left == 0
    assert kinds(first).count("task.delegated") == 1
    assert len(children.children_of(asker(first), [part("A"), part("B")], workspace)) == 2


@pytest.mark.parametrize("stands", [True, False])
def test_outage_while_a_file_or_message_is_shared_writes_it_once(monkeypatch: pytest.MonkeyPatch, stands: bool) -> None:
    first = new(State.RUNNING)
    family = TaskFamily(asker(first), again)
    away = Away(monkeypatch, stands=stands)
    assert family.share("a.txt", io.BytesIO(b"one"), 0).version == 1
    away.left = 1
    family.say("Found it")
    assert away.left == 0
    assert [each.text for each in channel.messages(first.id)] == ["Found it"]


def test_parts_that_are_opened_again_are_locked_together_lowest_number_first(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = new(State.RUNNING)
    made = children.children_of(asker(first), [part("A"), part("B"), part("C")], workspace)
    for each in made:
        _end(each, State.FAILED)
    looks: list[list[str]] = []
    locked_in_order = children.locked_in_order

    def noted(*about: object) -> list[Task]:
        rows = locked_in_order(*about)  # type: ignore[arg-type]
        looks.append([each.title for each in rows])
        return rows

    monkeypatch.setattr(children, "locked_in_order", noted)
    children.children_of(asker(first, attempt=2), [part("A"), part("B"), part("C")], workspace)
    assert looks == [["A", "B", "C"]]
    assert [row(each).state for each in made] == [State.QUEUED] * 3

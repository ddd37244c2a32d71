"""The family as the tools of one call see it: tools/team/port.py with the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, BinaryIO

from models.database import reading
from models.states import TERMINAL
from models.task import Task
from tasks.family import channel, results
from tasks.family.asker import Asker, Patiently, at_once
from tasks.family.children import children_of
from tasks.family.hearing import CHILDREN
from tasks.family.shared import Shared
from tools.contract import Limits
from tools.team.port import Brought, Came, Message, SharedFile
from tools.waiting import Wait
from tools.workspace import Workspace


@dataclass(frozen=True)
class TaskFamily:
    """See `Family`: of the call that `asker` makes."""

    asker: Asker
    patiently: Patiently = at_once
    """All that is asked here may be asked twice."""

    def delegate(self, wanted: Sequence[Mapping[str, Any]], workspace: Workspace) -> Sequence[Came]:
        children = self.patiently(lambda: children_of(self.asker, wanted, workspace))
        alive = [child.id for child in children if child.state not in TERMINAL]
        if alive:
            raise Wait({"kind": CHILDREN, "children": [child.id for child in children]})
        return self.patiently(lambda: self._came(children))

    def bring(self, came: Came, folder: str, workspace: Workspace, limits: Limits) -> Brought:
        return self.patiently(lambda: self._bring(came, folder, workspace, limits))

    def say(self, text: str) -> Message:
        about = (self.asker.task_id, text, self.asker.call_name, channel.MOST_BY_AGENTS)
        return self.patiently(lambda: channel.say(*about))

    def messages(self, since: int, limit: int) -> Sequence[Message]:
        return self.patiently(lambda: channel.messages(self.asker.task_id, since, limit))

    def shared_files(self) -> Sequence[SharedFile]:
        return self._shared.files()

    def share(self, path: str, content: BinaryIO, version: int | None) -> SharedFile:
        return self._shared.share(path, content, version)

    def open_shared(self, path: str) -> tuple[SharedFile, BinaryIO]:
        return self._shared.open(path)

    def lock_shared(self, path: str, time: timedelta) -> SharedFile:
        return self._shared.lock(path, time)

    def unlock_shared(self, path: str) -> SharedFile:
        return self._shared.unlock(path)

    def _came(self, children: Sequence[Task]) -> Sequence[Came]:
        with reading() as session:
            return results.came(session, self.asker.task_id, children)

    def _bring(self, came: Came, folder: str, workspace: Workspace, limits: Limits) -> Brought:
        with reading() as session:
            return results.bring(session, came.task_id, folder, workspace, limits)

    @property
    def _shared(self) -> Shared:
        return Shared(self.asker, self.patiently)

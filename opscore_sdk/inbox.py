"""What waits for a person: `for asked in client.inbox.all(): client.inbox.approve(asked.approval)`."""

import uuid
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote

from opscore_sdk.connection import Connection
from opscore_sdk.models import Approval, Asked


class Inbox:
    """The inbox of one installation, and its approvals."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self, *, at_once: int = 50) -> Iterator[Asked]:
        """Every task that waits for a person, the oldest first, read page by page."""
        cursor = None
        while True:
            query = {"limit": at_once, "cursor": cursor}
            page = self._connection.json("GET", "/v1/inbox", query=query, is_safe=True)
            yield from (Asked.read(each) for each in page["asked"])
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def approval(self, approval_id: str) -> Approval:
        """One approval, answered or not."""
        return Approval.read(self._connection.json("GET", self._path(approval_id), is_safe=True))

    def approve(
        self,
        approval: Approval,
        arguments: Mapping[str, Any] | None = None,
        *,
        reason: str = "",
        key: str | None = None,
    ) -> Approval:
        """Have it done as it was shown, or with these arguments instead, all of them.

        Raises `Conflict` if somebody has answered already, or what it asks is another call by now.
        """
        if arguments is None:
            return self._decide(approval, "approve", {"reason": reason}, key)
        return self._decide(approval, "edit", {"arguments": dict(arguments), "reason": reason}, key)

    def reject(self, approval: Approval, reason: str = "", *, key: str | None = None) -> Approval:
        """Have it not done; the agent, or whoever reads the timeline, is told the reason."""
        return self._decide(approval, "reject", {"reason": reason}, key)

    def _decide(self, approval: Approval, choice: str, more: Mapping[str, Any], key: str | None) -> Approval:
        body = {"choice": choice, "digest": approval.digest, **more}
        # By its key a request whose answer was lost is known again: repeating it is no second answer.
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        path = self._path(approval.id)
        return Approval.read(self._connection.json("POST", path, json=body, headers=headers, is_safe=True))

    def _path(self, approval_id: str) -> str:
        return f"/v1/approvals/{quote(approval_id, safe='')}"

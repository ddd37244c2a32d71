"""How the inbox shows what waits."""

from datetime import UTC, datetime

from opscore_sdk import Approval
from worker.command_line.inbox import _card

DIGEST = "0123456789abcdef" * 4
AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_card_says_the_digest_that_an_answer_may_name() -> None:
    asked = Approval(
        id="one", task_id="two", key="s1", tool="files.write", title="Write a file", arguments={"path": "output/a.txt"},
        digest=DIGEST, why="its playbook asks", risk="low", diff="", state="waiting", asked_at=AT, expires_at=None,
        on_expiry="reject", decided_at=None, decided_by=None, decided_arguments=None, reason="", raw={},
    )  # fmt: skip
    assert f"  digest {DIGEST}" in _card(asked).split("\n")

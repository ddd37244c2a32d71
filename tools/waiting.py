"""A tool that cannot go on until somebody, or something, has answered.

Its task waits without holding a worker; once the question is answered the tool is called again with the same
arguments and the same idempotency key, and finds what it waited for.
"""

from typing import Any


class Wait(Exception):
    """Have the task wait; `question` says for what, its `kind` who may answer."""

    def __init__(self, question: dict[str, Any]) -> None:
        super().__init__(question.get("kind"))
        self.question = question

"""What a request to a model says: who said what so far, which tools are offered."""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
TOLD = ("system", "developer", "user")


@dataclass(frozen=True)
class Conversation:
    """One request, as a script looks at it.  It depends on the conversation alone: asked again it is the same."""

    model: str
    messages: list[Message]
    offered: tuple[str, ...] = ()

    @classmethod
    def of(cls, body: Message) -> "Conversation":
        """That of a request's body."""
        tools = [each.get("function", {}).get("name", "") for each in body.get("tools") or []]
        return cls(str(body.get("model", "")), list(body["messages"]), tuple(tools))

    @property
    def digest(self) -> str:
        """The same for the same messages in the same order."""
        return hashlib.sha256(json.dumps(self.messages, sort_keys=True).encode()).hexdigest()

    @property
    def turn(self) -> int:
        """How many answers it has so far."""
        return sum(1 for each in self.messages if each.get("role") == "assistant")

    @property
    def results(self) -> int:
        """How many results of tools it has."""
        return sum(1 for each in self.messages if each.get("role") == "tool")

    @property
    def prompt(self) -> str:
        """What the system and the person said, a line between two of them."""
        return "\n".join(text_of(each) for each in self.messages if each.get("role") in TOLD)

    @property
    def request(self) -> str:
        """What the person said first."""
        return next((text_of(each) for each in self.messages if each.get("role") == "user"), "")

    @property
    def last_result(self) -> str:
        """What the tools of the last answer returned; "" where it called none."""
        texts: list[str] = []
        for each in reversed(self.messages):
            if each.get("role") != "tool":
                break
            texts.insert(0, text_of(each))
        return "\n".join(texts)

    def offers(self, tool: str) -> str | None:
        """What a tool is called here: servers allow no dot in a name, so each client writes it in its own way."""
        return next((each for each in self.offered if _plain(each) == _plain(tool)), None)


def text_of(message: Message) -> str:
    """The text of a message, whether it is one piece or many."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(part.get("text", "") for part in content if isinstance(part, dict))
    return content or ""


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())

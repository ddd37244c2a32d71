"""The bodies that the server sends: answers whole and in pieces, errors, the list of models.

In three shapes, which differ in what they add: OpenAI's own, OpenRouter's (what an answer cost), Ollama's.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from worker.demo.choice import Chosen
from worker.demo.conversation import Conversation
from worker.demo.script import Answer, Offer, Script, ToolCall

Body = dict[str, Any]
CREATED = 1_700_000_000
"""Bodies are the same for the same request: nothing in them tells the time."""
_LETTERS_OF_A_TOKEN = 4
_PIECE = 24
_KINDS = {
    400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
    429: "rate_limit_error",
}  # fmt: skip
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded"}


@dataclass(frozen=True)
class Reply:
    """An answer as it is sent."""

    script: Script
    talk: Conversation
    chosen: Chosen

    @property
    def answer(self) -> Answer:
        return self.chosen.answer

    def whole(self) -> Body:
        """The body of an answer that does not stream."""
        message: Body = {"role": "assistant", "content": self.answer.text or None}
        if self.answer.refusal:
            message["refusal"] = self.answer.refusal
        if self.answer.tool_calls:
            message["tool_calls"] = [self._call(number, each) for number, each in enumerate(self.answer.tool_calls)]
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason, "logprobs": None}
        body = self._head("chat.completion") | {"choices": [choice]}
        usage = self.usage()
        return body if usage is None else body | {"usage": usage}

    def pieces(self, *, with_usage: bool) -> Iterator[Body]:
        """The bodies of a stream."""
        yield self._piece({"role": "assistant", "content": ""})
        for part in _parts(self.answer.text):
            yield self._piece({"content": part})
        if self.answer.refusal:
            yield self._piece({"refusal": self.answer.refusal})
        for number, call in enumerate(self.answer.tool_calls):
            yield from self._call_in_pieces(number, call)
        yield self._piece({}, self.finish_reason)
        usage = self.usage()
        if usage is not None and (with_usage or self.script.shape == "openrouter"):
            yield self._head("chat.completion.chunk") | {"choices": [], "usage": usage}

    @property
    def finish_reason(self) -> str:
        return self.answer.finish_reason or ("tool_calls" if self.answer.tool_calls else "stop")

    def usage(self) -> Body | None:
        """The tokens, and in OpenRouter's shape the cost; None where the script says that it is missing."""
        told = self.answer.usage
        if told.missing:
            return None
        asked = _tokens(json.dumps(self.talk.messages)) if told.input is None else told.input
        spoken = self.answer.text + self.answer.refusal + "".join(map(_arguments, self.answer.tool_calls))
        written = _tokens(spoken) if told.output is None else told.output
        usage: Body = {"prompt_tokens": asked, "completion_tokens": written, "total_tokens": asked + written}
        if self.script.shape == "openrouter":
            usage["cost"] = self._cost(asked, written) if told.cost is None else told.cost
        return usage

    def _cost(self, asked: int, written: int) -> float:
        offer = self.script.offer(self.talk.model)
        prices = (offer.input_price or 0, offer.output_price or 0) if offer else (0, 0)
        return round((asked * prices[0] + written * prices[1]) / 1e6, 9)

    def _head(self, kind: str) -> Body:
        known = f"chatcmpl-{self.talk.digest[:24]}"
        head: Body = {"id": known, "object": kind, "created": CREATED, "model": self.talk.model}
        match self.script.shape:
            case "openrouter":
                head |= {"id": f"gen-{self.talk.digest[:24]}", "provider": "Demo"}
            case "ollama":
                head |= {"system_fingerprint": "fp_ollama"}
        return head

    def _piece(self, delta: Body, finish_reason: str | None = None) -> Body:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason, "logprobs": None}
        return self._head("chat.completion.chunk") | {"choices": [choice]}

    def _call(self, number: int, call: ToolCall) -> Body:
        # The digest makes the id: the same call of the same conversation keeps it, whoever asks again.
        known = f"call_{self.talk.digest[:12]}_{number}"
        return {"id": known, "type": "function", "function": {"name": call.name, "arguments": _arguments(call)}}

    def _call_in_pieces(self, number: int, call: ToolCall) -> Iterator[Body]:
        whole = self._call(number, call)
        if self.script.shape == "ollama":  # which sends each call in one piece
            yield self._piece({"tool_calls": [{"index": number, **whole}]})
            return
        head = {**whole, "function": {"name": call.name, "arguments": ""}}
        yield self._piece({"tool_calls": [{"index": number, **head}]})
        text = _arguments(call)
        for start in range(0, len(text), _PIECE):
            part = {"index": number, "function": {"arguments": text[start : start + _PIECE]}}
            yield self._piece({"tool_calls": [part]})


def error(status: int, message: str) -> Body:
    """The body of an error."""
    kind = _KINDS.get(status, "server_error" if status >= 500 else "invalid_request_error")
    told = message or f"The demo model was told to answer {status}."
    return {"error": {"message": told, "type": kind, "param": None, "code": _CODES.get(status)}}


def models(script: Script) -> Body:
    """The list of models; in OpenRouter's shape with prices."""
    return {"object": "list", "data": [_model(script, each) for each in script.models]}


def _model(script: Script, offer: Offer) -> Body:
    told: Body = {"id": offer.id, "object": "model", "created": CREATED, "owned_by": "demo"}
    if script.shape == "openrouter":
        told |= {"name": offer.id, "context_length": offer.context_length}
        if offer.input_price is not None and offer.output_price is not None:
            told["pricing"] = {"prompt": _each(offer.input_price), "completion": _each(offer.output_price)}
    return told


def _each(price: float) -> str:
    return f"{price / 1e6:.12f}".rstrip("0").rstrip(".") or "0"


def _arguments(call: ToolCall) -> str:
    return call.arguments if isinstance(call.arguments, str) else json.dumps(call.arguments, ensure_ascii=False)


def _parts(text: str) -> list[str]:
    return re.findall(r"\s*\S+|\s+", text)


def _tokens(text: str) -> int:
    return max(1, len(text) // _LETTERS_OF_A_TOKEN) if text else 0

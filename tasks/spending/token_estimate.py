"""How many tokens a question has at most, before it is sent: no tokenizer is asked, since each model has its own.

No tokenizer makes more than one token of a byte.  What a server has counted once it need not be told again: the
question before, and the answer to it, are part of this one.  Why not bytes by three or four: decision 0040.
"""

from dataclasses import dataclass

PER_MESSAGE = 16
"""Marks that the server puts around a message."""
PER_CALL = 400
"""What the server says besides where tools are offered, which no message shows."""


@dataclass(frozen=True)
class Counted:
    """The last call of the conversation by the same model, as its server counted it."""

    messages: int
    """How many messages it sent; the answer is one more."""
    input_tokens: int
    output_tokens: int


def of_question(sizes: list[int], tools_bytes: int = 0, last: Counted | None = None) -> int:
    """Most tokens that a question of these messages has; `sizes` are their bytes, in order.

    `last` stands for the messages that it counted: these must be unchanged.
    """
    if last is None or last.messages + 1 > len(sizes):
        return sum(sizes) + len(sizes) * PER_MESSAGE + tools_bytes + PER_CALL
    new = sizes[last.messages + 1 :]
    return last.input_tokens + last.output_tokens + sum(new) + (len(new) + 1) * PER_MESSAGE

"""Fit values into so many characters: each entry of a list keeps its part of the room, so that none is lost whole.

For what a model is told of a call: results.py.  Twenty parts of a task come back as twenty, each with its state.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

LEAST = 60
"""Characters in which something can be said of one entry of a list."""
LONG = 300
"""From so many on a text keeps its end too."""


def fitted(value: Any, room: int) -> Any:
    """The value as it is if its JSON has no more than `room` characters, else with its longest parts cut."""
    if _size(value) <= room:
        return value
    match value:
        case str():
            return _cut(value, room)
        case Mapping():
            return _fitted_mapping(value, room)
        case list() | tuple():
            return _fitted_list(value, room)
    return value


def _cut(text: str, room: int) -> str:
    if room < LONG:
        return f"{text[: max(0, room - 3)]}…"
    head, tail = room * 2 // 3, room // 5
    return f"{text[:head]} … {len(text) - head - tail:,} characters left out … {text[-tail:]}"


def _fitted_mapping(value: Mapping[str, Any], room: int) -> Any:
    left = room - sum(_size(name) + len(": , ") for name in value)
    if left < 0:
        return f"… {len(value)} values"
    shares = _shares([_size(each) for each in value.values()], left)
    return {name: fitted(each, share) for (name, each), share in zip(value.items(), shares, strict=True)}


def _fitted_list(value: Sequence[Any], room: int) -> list[Any]:
    kept = value[: max(1, room // LEAST)]
    shares = _shares([_size(each) for each in kept], room - len(", ") * len(kept))
    found = [fitted(each, share) for each, share in zip(kept, shares, strict=True)]
    return found if len(kept) == len(value) else [*found, f"… {len(value) - len(kept):,} more"]


def _shares(sizes: Sequence[int], room: int) -> list[int]:
    """How much of the room each gets: the small ones all that they need, the others as much as each other."""
    shares = [0] * len(sizes)
    left = max(0, room)
    for done, index in enumerate(sorted(range(len(sizes)), key=sizes.__getitem__)):
        shares[index] = min(sizes[index], left // (len(sizes) - done))
        left -= shares[index]
    return shares


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str))

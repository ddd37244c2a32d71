"""Make a program for the kernel (classic BPF, linux/filter.h) that gives each system call its verdict.

Every piece is a list of instructions that jumps only within itself, so pieces are put together without labels.
The search is a binary tree over the numbers: about seven comparisons to any of them.  Newer kernels look at the
program once and remember which numbers are always allowed; only the others cost anything.
"""

import struct
from collections.abc import Iterator, Mapping

from tools.sandbox.seccomp.rules import KILL, LOW, Argument, Clause, Rule, Verdict

Instruction = tuple[int, int, int, int]
"""Code, how far to jump if true and if false, operand."""
Leaf = tuple[int, Verdict]
"""From this number on, up to the next leaf's, the verdict holds."""

_LOAD, _AND, _IF_EQUAL, _IF_AT_LEAST, _JUMP, _RETURN = 0x20, 0x54, 0x15, 0x35, 0x05, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_FAR = 255
"""A condition jumps no further than this."""


def assembled(architecture: int, verdicts: Mapping[int, Verdict], unknown: int) -> bytes:
    """The program, as the kernel and bubblewrap take it; `unknown` is for every number without a verdict.

    Kills the process where the number would mean another machine's call.
    """
    instructions = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_IF_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
        *_search(list(_leaves(verdicts, unknown))),
    ]
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)


def _leaves(verdicts: Mapping[int, Verdict], unknown: int) -> Iterator[Leaf]:
    """Neighbours with the same verdict as one; what comes after the last is unknown, x32's numbers too."""
    before: Verdict | None = None
    for number in range(max(verdicts) + 2):
        verdict = verdicts.get(number, unknown)
        if verdict != before:
            yield number, verdict
        before = verdict


def _search(leaves: list[Leaf]) -> list[Instruction]:
    if len(leaves) == 1:
        return _judge(leaves[0][1])
    middle = len(leaves) // 2
    left, right = _search(leaves[:middle]), _search(leaves[middle:])
    first = leaves[middle][0]
    if len(left) <= _FAR:
        return [(_IF_AT_LEAST, len(left), 0, first), *left, *right]
    return [(_IF_AT_LEAST, 0, 1, first), (_JUMP, 0, 0, len(left)), *left, *right]


def _judge(verdict: Verdict) -> list[Instruction]:
    if not isinstance(verdict, Rule):
        return [(_RETURN, 0, 0, verdict)]
    return [
        *(each for clause in verdict.clauses for each in _clause(clause, verdict.then)),
        *_judge(verdict.otherwise),
    ]


def _clause(clause: Clause, then: int) -> list[Instruction]:
    """Gives the verdict if all of it holds, else goes on behind its end."""
    rest = [(_RETURN, 0, 0, then)]
    for argument in reversed(clause):
        for half in reversed(list(_halves(argument))):
            rest = [*_compare(*half, len(rest)), *rest]
    return rest


def _halves(argument: Argument) -> Iterator[tuple[int, tuple[int, ...], int]]:
    """The 32-bit words of the argument that count, as offset, values and mask; both machines put the low one first."""
    offset = _ARGUMENTS + 8 * argument.index
    if argument.mask > LOW:
        # Several values would have to hold in both halves together.
        (value,) = argument.values
        yield offset + 4, (value >> 32,), argument.mask >> 32
        yield offset, (value & LOW,), argument.mask & LOW
    else:
        yield offset, argument.values, argument.mask


def _compare(offset: int, values: tuple[int, ...], mask: int, rest: int) -> Iterator[Instruction]:
    """Goes on if the word is one of the values, else over the `rest` that follows."""
    yield (_LOAD, 0, 0, offset)
    if mask != LOW:
        yield (_AND, 0, 0, mask)
    for left, value in zip(reversed(range(len(values))), values, strict=True):
        yield (_IF_EQUAL, left, 0 if left else rest, value)

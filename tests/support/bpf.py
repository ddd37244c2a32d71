"""Run a classic BPF program as the kernel would on a system call, one instruction after the other."""

import struct
from collections.abc import Iterable, Iterator
from itertools import product

from tools.sandbox.seccomp.rules import LOW, WHOLE, Rule, Verdict

MOST_INSTRUCTIONS = 4096
"""The kernel takes no longer program."""
Instructions = tuple[tuple[int, int, int, int], ...]


def instructions_of(program: bytes) -> Instructions:
    """The program taken apart: code, jump if true, jump if false, operand."""
    return tuple(struct.iter_unpack("<HBBI", program))


def verdict(program: Instructions, architecture: int, number: int, arguments: Iterable[int] = ()) -> int:
    """What the program says of a system call; arguments that are left out are 0."""
    six = [*arguments, 0, 0, 0, 0, 0, 0][:6]
    words = struct.unpack("<16I", struct.pack("<IIQ6Q", number, architecture, 0, *six))
    accumulator = at = 0
    while True:
        code, if_true, if_false, operand = program[at]
        at += 1
        match code:
            case 0x20:  # load a word of the description of the call
                assert operand % 4 == 0
                accumulator = words[operand // 4]
            case 0x54:  # and
                accumulator &= operand
            case 0x05:  # jump
                at += operand
            case 0x15:  # equal
                at += if_true if accumulator == operand else if_false
            case 0x35:  # at least
                at += if_true if accumulator >= operand else if_false
            case 0x06:  # return
                return operand
            case _:
                raise AssertionError(f"an instruction that a filter has no use for: {code:#x}")


def meant(policy: Verdict, arguments: tuple[int, ...]) -> int:
    """What the policy says, read without any program."""
    if not isinstance(policy, Rule):
        return policy
    for clause in policy.clauses:
        if all(arguments[each.index] & each.mask in each.values for each in clause):
            return policy.then
    return meant(policy.otherwise, arguments)


def telling_arguments(policy: Verdict) -> Iterator[tuple[int, ...]]:
    """Arguments on both sides of every edge of the policy, in each combination."""
    values: dict[int, set[int]] = {index: {0} for index in range(6)}
    for index, value in _edges(policy):
        values[index].add(value & WHOLE)
    yield from product(*values.values())
    yield (WHOLE,) * 6


def _edges(policy: Verdict) -> Iterator[tuple[int, int]]:
    if not isinstance(policy, Rule):
        return
    for each in (each for clause in policy.clauses for each in clause):
        lowest, highest = each.mask & -each.mask, 1 << (each.mask.bit_length() - 1)
        for value in each.values:
            # The value; with what the mask takes away; off by a bit at either end; with what only 64 bits show.
            yield from ((each.index, edge) for edge in (value, value ^ lowest, value ^ highest, value | 1 << 32))
            yield from ((each.index, edge) for edge in (value | ~each.mask & LOW, value | ~each.mask & WHOLE))
        yield each.index, WHOLE
    yield from _edges(policy.otherwise)

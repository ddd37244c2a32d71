"""What a policy is made of: a verdict for each system call, or a rule that looks at its arguments first."""

import errno
from dataclasses import dataclass

ALLOW = 0x7FFF0000
NOTIFY = 0x7FC00000
"""Ask whoever holds the filter's listener; without one the answer is ENOSYS."""
KILL = 0x80000000
_ERRNO = 0x00050000

LOW = 0xFFFF_FFFF
WHOLE = 0xFFFF_FFFF_FFFF_FFFF


def answer(number: int) -> int:
    """The verdict: not done, with this errno."""
    return _ERRNO | number


EPERM, ENOSYS = answer(errno.EPERM), answer(errno.ENOSYS)


@dataclass(frozen=True)
class Argument:
    """A test: argument `index` (from 0), after the mask, is one of `values`.

    Most arguments are 32 bits to the kernel, which ignores what stands above: a test that looked there would be
    passed by with one bit.  Only pointers are looked at as a `WHOLE`.
    """

    index: int
    values: tuple[int, ...]
    mask: int = LOW


Clause = tuple[Argument, ...]
"""Holds if all its tests do."""


@dataclass(frozen=True)
class Rule:
    """`then` if any clause holds, else `otherwise`, which may be a further rule."""

    clauses: tuple[Clause, ...]
    then: int
    otherwise: "Verdict"


Verdict = int | Rule


def allow_if(*clauses: Clause, otherwise: Verdict = EPERM) -> Rule:
    """Allowed if any clause holds."""
    return Rule(clauses, ALLOW, otherwise)


def refuse_if(*clauses: Clause) -> Rule:
    """Allowed unless any clause holds."""
    return Rule(clauses, EPERM, ALLOW)


def with_notice(verdict: Verdict) -> Verdict:
    """The same, but what would be allowed is asked first."""
    if isinstance(verdict, Rule):
        return Rule(verdict.clauses, _asked(verdict.then), with_notice(verdict.otherwise))
    return _asked(verdict)


def _asked(verdict: int) -> int:
    return NOTIFY if verdict == ALLOW else verdict

"""The filter of system calls that every process of a sandbox is under.

What is allowed and why: policy.py and conditions.py.  How it becomes a program: program.py.  Checked instruction
by instruction: tests/unit/tools/sandbox/test_seccomp.py and test_seccomp_reference.py.
"""

from collections.abc import Iterable
from functools import cache

from models.errors import SandboxUnavailable
from tools.sandbox.seccomp import policy
from tools.sandbox.seccomp.conditions import CONDITIONS, CONDITIONS_ON_TIER_3
from tools.sandbox.seccomp.numbers import ARCHITECTURES, NUMBERS
from tools.sandbox.seccomp.policy import METADATA, names
from tools.sandbox.seccomp.program import assembled
from tools.sandbox.seccomp.rules import ALLOW, ENOSYS, EPERM, Verdict, with_notice

__all__ = ["METADATA", "filter_for", "verdicts_for"]


@cache
def filter_for(
    machine: str, tier: int, *, notified: frozenset[str] = frozenset(), refused: frozenset[str] | None = None
) -> bytes:
    """The program for a machine as `os.uname()` calls it: an array of the kernel's `struct sock_filter`.

    Tier 3 has no namespaces: there sockets are denied but for pairs, and so is METADATA unless it is `notified`.
    `notified` calls are handed to the filter's listener where they would be allowed; `refused` ones answer EPERM,
    whatever else is said of them.

    Raises:
        SandboxUnavailable: there are no numbers for this machine.
    """
    if machine not in NUMBERS:
        raise SandboxUnavailable("cannot filter system calls on this machine", machine=machine, known=list(NUMBERS))
    numbers = NUMBERS[machine]
    verdicts = verdicts_for(tier, notified=notified, refused=refused)
    known = {numbers[name]: verdict for name, verdict in verdicts.items() if name in numbers}
    return assembled(ARCHITECTURES[machine], known, unknown=ENOSYS)


def verdicts_for(
    tier: int, *, notified: frozenset[str] = frozenset(), refused: frozenset[str] | None = None
) -> dict[str, Verdict]:
    """What the policy says of each system call, by name; arguments are those of `filter_for`."""
    if refused is None:
        refused = METADATA - notified if tier == 3 else frozenset()
    verdicts = _base(tier)
    if unknown := (notified | refused) - verdicts.keys():
        raise ValueError(f"no such system calls: {sorted(unknown)}")
    asked = {name: with_notice(verdicts[name]) for name in notified}
    return verdicts | asked | dict.fromkeys(refused, EPERM)


def _base(tier: int) -> dict[str, Verdict]:
    verdicts = _all(policy.ALLOWED, ALLOW) | _all(policy.REFUSED, EPERM) | _all(policy.ABSENT, ENOSYS) | CONDITIONS
    if tier == 3:
        verdicts |= _all(policy.ABSENT_ON_TIER_3, ENOSYS) | _all(policy.REFUSED_ON_TIER_3, EPERM)
        verdicts |= CONDITIONS_ON_TIER_3
    return verdicts


def _all(text: str, verdict: Verdict) -> dict[str, Verdict]:
    every: Iterable[str] = names(text)
    return dict.fromkeys(every, verdict)

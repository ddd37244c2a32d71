"""The filter of system calls: that every call is decided, that the program says what the policy says, and what it says.

Against libseccomp and the kernel: test_seccomp_reference.py.
"""

import errno
import signal
import socket
import stat
from collections import Counter
from itertools import chain

import pytest

from models.errors import SandboxUnavailable
from tests.support.bpf import MOST_INSTRUCTIONS, instructions_of, meant, telling_arguments, verdict
from tools.sandbox.seccomp import METADATA, filter_for, policy, verdicts_for
from tools.sandbox.seccomp.conditions import CONDITIONS, CONDITIONS_ON_TIER_3
from tools.sandbox.seccomp.numbers import ARCHITECTURES, NUMBERS
from tools.sandbox.seccomp.program import assembled
from tools.sandbox.seccomp.rules import ALLOW, ENOSYS, EPERM, KILL, NOTIFY, WHOLE, Argument, Verdict, allow_if, answer

MACHINES = tuple(NUMBERS)
TIERS = (1, 2, 3)
I386, ARM = 0x40000003, 0x40000028
X32 = 0x40000000
LAST = 600
"""Far above every number in use."""

NEWUSER, NEWNET, THREAD = 0x10000000, 0x40000000, 0x003D0F00
CREATE, TMPFILE = 0o100, 0o20000000


def said(name: str, *arguments: int, tier: int = 1, machine: str = "x86_64", **more: frozenset[str]) -> int:
    program = instructions_of(filter_for(machine, tier, **more))
    return verdict(program, ARCHITECTURES[machine], NUMBERS[machine][name], arguments)


def test_every_call_of_both_machines_is_decided_once() -> None:
    texts = (policy.ALLOWED, policy.REFUSED, policy.ABSENT)
    decided = Counter(chain(*(policy.names(text) for text in texts), CONDITIONS))
    assert decided.keys() == set().union(*NUMBERS.values())
    assert max(decided.values()) == 1


def test_no_call_is_named_twice_in_a_text() -> None:
    for text in (policy.ALLOWED, policy.REFUSED, policy.ABSENT):
        words = [word for line in text.splitlines() if not line.startswith("#") for word in line.split()]
        assert len(words) == len(policy.names(text))


def test_what_tier_3_changes_is_known() -> None:
    changed = policy.names(policy.ABSENT_ON_TIER_3) | policy.names(policy.REFUSED_ON_TIER_3) | METADATA
    assert changed | CONDITIONS_ON_TIER_3.keys() <= verdicts_for(1).keys()


@pytest.mark.parametrize("machine", MACHINES)
def test_no_number_is_given_twice(machine: str) -> None:
    assert len(set(NUMBERS[machine].values())) == len(NUMBERS[machine])


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_program_says_what_the_policy_says(machine: str, tier: int) -> None:
    program = instructions_of(filter_for(machine, tier))
    verdicts = verdicts_for(tier)
    names = {number: name for name, number in NUMBERS[machine].items()}
    for number in (*range(LAST), X32 - 1, *range(X32, X32 + LAST), 0x80000000, 0xFFFFFFFF):
        wanted = verdicts[names[number]] if number in names else ENOSYS
        for arguments in telling_arguments(wanted):
            assert verdict(program, ARCHITECTURES[machine], number, arguments) == meant(wanted, arguments), (
                names.get(number, number),
                arguments,
            )


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_another_machines_calls_kill(machine: str, tier: int) -> None:
    program = instructions_of(filter_for(machine, tier))
    others = {I386, ARM, 0, 0xFFFFFFFF, *ARCHITECTURES.values()} - {ARCHITECTURES[machine]}
    assert {verdict(program, other, number) for other in others for number in range(LAST)} == {KILL}


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_way_through_the_program_ends_within_it(machine: str, tier: int) -> None:
    program = instructions_of(filter_for(machine, tier, notified=METADATA))
    assert len(program) < MOST_INSTRUCTIONS / 8
    for at, (code, if_true, if_false, operand) in enumerate(program):
        ways = {0x06: (), 0x05: (operand,), 0x15: (if_true, if_false), 0x35: (if_true, if_false)}.get(code, (0,))
        assert all(at + 1 + way < len(program) for way in ways)


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_instruction_is_reached(machine: str, tier: int) -> None:
    program = instructions_of(filter_for(machine, tier))
    reached = {0}
    for at, (code, if_true, if_false, operand) in enumerate(program):
        # Jumps go forward only: whoever leads here stands before.
        if at in reached:
            ways = {0x06: (), 0x05: (operand,), 0x15: (if_true, if_false), 0x35: (if_true, if_false)}.get(code, (0,))
            reached.update(at + 1 + way for way in ways)
    assert reached == set(range(len(program)))


def test_machine_without_numbers_is_refused() -> None:
    with pytest.raises(SandboxUnavailable, match="cannot filter system calls"):
        filter_for("riscv64", 1)


def test_x32_is_absent() -> None:
    program = instructions_of(filter_for("x86_64", 1))
    assert verdict(program, ARCHITECTURES["x86_64"], X32 | NUMBERS["x86_64"]["getpid"]) == ENOSYS


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_ways_out_are_refused(machine: str, tier: int) -> None:
    ways_out = policy.names("""
ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd mount umount2 pivot_root chroot setns unshare fsopen
move_mount open_tree mount_setattr bpf perf_event_open io_uring_setup io_uring_enter io_uring_register userfaultfd
add_key keyctl request_key name_to_handle_at open_by_handle_at init_module finit_module delete_module kexec_load
reboot swapon settimeofday clock_settime sethostname acct quotactl syslog fanotify_init
""")
    assert {name for name in ways_out if said(name, machine=machine, tier=tier) != EPERM} == set()


@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_what_has_an_older_way_is_absent(machine: str, tier: int) -> None:
    newer = policy.names("""
clone3 openat2 fchmodat2 setxattrat memfd_create memfd_secret shmget shmat msgget semget mq_open io_setup vmsplice
""")
    assert {name for name in newer if said(name, machine=machine, tier=tier) != ENOSYS} == set()


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("clone", (signal.SIGCHLD,), ALLOW),
        ("clone", (THREAD,), ALLOW),
        ("clone", (THREAD | NEWUSER,), EPERM),
        ("clone", (signal.SIGCHLD | NEWNET,), EPERM),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x0040000,), EPERM),
        ("ioctl", (0, 0x5401), ALLOW),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, 0x541C), EPERM),
        ("ioctl", (0, 0x5412 | 1 << 32), EPERM),
        ("socket", (socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC), ALLOW),
        ("socket", (socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK, socket.IPPROTO_TCP), ALLOW),
        ("socket", (socket.AF_INET6, socket.SOCK_DGRAM), ALLOW),
        ("socket", (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP), answer(errno.EAFNOSUPPORT)),
        ("socket", (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP), answer(errno.EAFNOSUPPORT)),
        ("socket", (socket.AF_INET, socket.SOCK_STREAM, 132), answer(errno.EAFNOSUPPORT)),
        ("socket", (socket.AF_PACKET, socket.SOCK_RAW), answer(errno.EAFNOSUPPORT)),
        ("socket", (socket.AF_NETLINK, socket.SOCK_RAW), answer(errno.EAFNOSUPPORT)),
        ("socket", (40, socket.SOCK_STREAM), answer(errno.EAFNOSUPPORT)),  # AF_VSOCK
        ("socketpair", (socket.AF_UNIX, socket.SOCK_DGRAM), ALLOW),
        ("socketpair", (30, socket.SOCK_STREAM), EPERM),  # AF_TIPC
        ("chmod", (0, 0o755), ALLOW),
        ("chmod", (0, 0o4755), EPERM),
        ("fchmod", (3, 0o2755), EPERM),
        ("fchmodat", (3, 0, 0o1777), ALLOW),
        ("fchmodat", (3, 0, 0o4755), EPERM),
        ("creat", (0, 0o4755), EPERM),
        ("open", (0, CREATE, 0o644), ALLOW),
        ("open", (0, 0, 0o4755), ALLOW),  # no file is made, and the mode is whatever was there
        ("open", (0, CREATE, 0o4755), EPERM),
        ("openat", (3, 0, CREATE | 1, 0o2755), EPERM),
        ("openat", (3, 0, TMPFILE, 0o6755), EPERM),
        ("mknod", (0, stat.S_IFIFO | 0o600), ALLOW),
        ("mknod", (0, stat.S_IFCHR | 0o600), EPERM),
        ("mknodat", (3, 0, stat.S_IFBLK | 0o600), EPERM),
        ("mknodat", (3, 0, stat.S_IFREG | 0o4755), EPERM),
        ("prctl", (38, 1), ALLOW),
        ("prctl", (35,), answer(errno.EINVAL)),  # PR_SET_MM
        ("fcntl", (3, 1024), EPERM),
        ("seccomp", (1, 0), ALLOW),
        ("seccomp", (1, 8), EPERM),
    ],
)
def test_arguments_decide(name: str, arguments: tuple[int, ...], wanted: int) -> None:
    assert said(name, *arguments) == wanted


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("socket", (socket.AF_UNIX, socket.SOCK_STREAM), EPERM),
        ("socket", (socket.AF_INET, socket.SOCK_STREAM), EPERM),
        ("connect", (3,), EPERM),
        ("socketpair", (socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC), ALLOW),
        ("socketpair", (socket.AF_UNIX, socket.SOCK_DGRAM), EPERM),
        ("prlimit64", (0, 7, 0x1000), ALLOW),
        ("prlimit64", (4711, 7, 0), ALLOW),
        ("prlimit64", (4711, 7, 1 << 32), EPERM),
        ("sched_setaffinity", (4711,), EPERM),
        ("setpriority", (2, 0), EPERM),
        ("inotify_init1", (0,), ENOSYS),
        ("chmod", (0, 0o644), EPERM),
    ],
)
def test_tier_3_denies_more(name: str, arguments: tuple[int, ...], wanted: int) -> None:
    assert said(name, *arguments, tier=3) == wanted


def test_notified_calls_are_asked_for_only_where_they_would_be_allowed() -> None:
    notified = frozenset({"chmod", "utimensat"})
    assert said("chmod", 0, 0o644, tier=3, notified=notified) == NOTIFY
    assert said("chmod", 0, 0o4755, tier=3, notified=notified) == EPERM
    assert said("utimensat", tier=3, notified=notified) == NOTIFY
    assert said("fchmod", 3, 0o644, tier=3, notified=notified) == EPERM


def test_refused_calls_are_refused_whatever_else_is_said() -> None:
    both = frozenset({"fork"})
    assert said("fork", notified=both, refused=both) == EPERM
    assert said("fchmod", 3, 0o644, tier=3, refused=frozenset()) == ALLOW


def test_unknown_name_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="chmmod"):
        filter_for("x86_64", 3, notified=frozenset({"chmmod"}))


def test_pointer_counts_as_a_whole() -> None:
    assert said("prlimit64", 4711, 7, WHOLE ^ 0xFFFFFFFF, tier=3) == EPERM


def test_search_finds_verdicts_that_lie_far_apart() -> None:
    # Larger than the policy is: a condition jumps over 255 instructions at most.
    verdicts: dict[int, Verdict] = {number: answer(number % 4095 + 1) for number in range(0, 3000, 2)}
    program = instructions_of(assembled(1, verdicts, unknown=ALLOW))
    assert {n: verdict(program, 1, n) for n in range(3100)} == {n: verdicts.get(n, ALLOW) for n in range(3100)}


def test_pointers_are_compared_in_both_halves() -> None:
    pointer = 0x0000_7FFF_1234_5678
    rule = allow_if((Argument(5, (pointer,), WHOLE),))
    program = instructions_of(assembled(1, {7: rule}, unknown=ENOSYS))
    for others in (0, 1, 1 << 31, 1 << 32, 1 << 63, pointer, WHOLE):
        said_of_it = verdict(program, 1, 7, (0, 0, 0, 0, 0, pointer ^ others))
        assert said_of_it == (EPERM if others else ALLOW)

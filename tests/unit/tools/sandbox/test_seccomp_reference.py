"""The filter of system calls against others: libseccomp, which makes the same policy into a program of its own, and
the kernel, which must take ours and keep it.
"""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Mapping

import pytest

from tests.support import libseccomp
from tests.support.bpf import Instructions, instructions_of, meant, telling_arguments, verdict
from tools.sandbox.seccomp import METADATA, filter_for, verdicts_for
from tools.sandbox.seccomp.numbers import ARCHITECTURES, NUMBERS
from tools.sandbox.seccomp.rules import ALLOW, ENOSYS, Rule, Verdict

needs_libseccomp = pytest.mark.skipif(
    not libseccomp.is_there(), reason="no libseccomp.so.2: the filter is compared with its policy only"
)
MACHINES = tuple(NUMBERS)
TIERS = (1, 2, 3)
NEWEST_KNOWN = 334
"""Numbers up to this one every libseccomp of this name has."""
OUR_MACHINE = os.uname().machine


def known_to_libseccomp(machine: str) -> dict[str, int]:
    names = {name: libseccomp.number_of(ARCHITECTURES[machine], name) for name in NUMBERS[machine]}
    return {name: number for name, number in names.items() if number is not None}


@needs_libseccomp
@pytest.mark.parametrize("machine", MACHINES)
def test_numbers_are_those_of_libseccomp(machine: str) -> None:
    known = known_to_libseccomp(machine)
    assert known == {name: NUMBERS[machine][name] for name in known}
    assert {name for name, number in NUMBERS[machine].items() if number <= NEWEST_KNOWN} <= known.keys()


@needs_libseccomp
@pytest.mark.parametrize("machine", MACHINES)
def test_calls_that_a_machine_lacks_are_those_it_lacks_to_libseccomp(machine: str) -> None:
    others = set().union(*NUMBERS.values()) - NUMBERS[machine].keys()
    assert {name for name in others if libseccomp.number_of(ARCHITECTURES[machine], name) is not None} == set()


@needs_libseccomp
@pytest.mark.parametrize("tier", TIERS)
@pytest.mark.parametrize("machine", MACHINES)
def test_every_verdict_is_libseccomps(machine: str, tier: int) -> None:
    numbers = known_to_libseccomp(machine)
    verdicts = {name: each for name, each in verdicts_for(tier).items() if name in numbers}
    ours = instructions_of(filter_for(machine, tier))
    plain = {name: each for name, each in verdicts.items() if not isinstance(each, Rule)}
    compared = compare(machine, ours, plain, ENOSYS)
    for last in {ends_in(each) for each in verdicts.values()}:
        ruled = {name: each for name, each in verdicts.items() if isinstance(each, Rule) and ends_in(each) == last}
        compared += compare(machine, ours, ruled, last)
    assert compared > len(numbers)


@needs_libseccomp
@pytest.mark.parametrize("machine", MACHINES)
def test_libseccomp_kills_on_another_machine_too(machine: str) -> None:
    theirs = instructions_of(libseccomp.program_of(ARCHITECTURES[machine], {"getpid": ALLOW}, ENOSYS))
    ours = instructions_of(filter_for(machine, 1))
    for other in (0x40000003, *ARCHITECTURES.values()):
        assert verdict(ours, other, NUMBERS[machine]["getpid"]) == verdict(theirs, other, NUMBERS[machine]["getpid"])


def ends_in(policy: Verdict) -> int:
    while isinstance(policy, Rule):
        policy = policy.otherwise
    return policy


def compare(machine: str, ours: Instructions, verdicts: Mapping[str, Verdict], default: int) -> int:
    """Run both programs on all calls of the verdicts; how many runs it took."""
    architecture, runs = ARCHITECTURES[machine], 0
    theirs = instructions_of(libseccomp.program_of(architecture, verdicts, default))
    for name, policy in verdicts.items():
        number = NUMBERS[machine][name]
        for arguments in telling_arguments(policy):
            wanted = verdict(theirs, architecture, number, arguments)
            assert verdict(ours, architecture, number, arguments) == wanted == meant(policy, arguments), (
                name,
                arguments,
            )
            runs += 1
    return runs


LOADING = """
import ctypes, mmap, os, socket, sys
libc = ctypes.CDLL(None, use_errno=True)
program = sys.stdin.buffer.read()

class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]

def said(number, *arguments):
    ctypes.set_errno(0)
    libc.syscall(ctypes.c_long(number), *(ctypes.c_long(each) for each in arguments))
    return ctypes.get_errno()

page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes.fromhex("b814000000cd80c3"))  # mov eax, 20; int 0x80; ret: getpid, asked for as a 32-bit program does
as_32_bit = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))

assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, ctypes.byref(Program(len(program) // 8, program)), 0, 0) == 0, "the kernel refused it"
"""


def under(program: bytes, code: str) -> "subprocess.CompletedProcess[bytes]":
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", LOADING + code], input=program, capture_output=True, check=False, timeout=60
    )


@pytest.mark.skipif(OUR_MACHINE not in NUMBERS, reason=f"no filter for {OUR_MACHINE}")
class TestInTheKernel:
    @pytest.mark.parametrize("tier", TIERS)
    def test_kernel_takes_it_and_keeps_it(self, tier: int) -> None:
        code = f"""
numbers = {dict(NUMBERS[OUR_MACHINE])}
print([said(numbers[name], *arguments) for name, *arguments in (
    ("getpid",), ("unshare", 0x10000000), ("bpf",), ("memfd_create",), ("clone3",), ("prctl", 35),
    ("clone", 0x10000011), ("socket", 16, 3, 0), ("fchmodat", -1, 0, 0o4755), ("openat", -1, 0, 0o100, 0o2755),
    ("personality", 4),
)], said(4095), os.fork() >= 0)
"""
        finished = under(filter_for(OUR_MACHINE, tier), code)
        no_socket = errno.EPERM if tier == 3 else errno.EAFNOSUPPORT
        answers = [0, errno.EPERM, errno.EPERM, errno.ENOSYS, errno.ENOSYS, errno.EINVAL, errno.EPERM, no_socket]
        answers += [errno.EPERM] * 3
        line = f"{answers} {errno.ENOSYS} True\n".encode()
        assert (finished.returncode, finished.stdout, finished.stderr) == (0, line * 2, b"")

    def test_kernel_takes_the_one_that_asks(self) -> None:
        # Without a listener a call that should be asked for is not done.
        number = NUMBERS[OUR_MACHINE]["fchmod"]
        code = f"print(said({number}, 0, 0o600), said({number}, 0, 0o4600))"
        finished = under(filter_for(OUR_MACHINE, 3, notified=METADATA), code)
        assert finished.stdout == f"{errno.ENOSYS} {errno.EPERM}\n".encode(), finished.stderr

    def test_another_machines_filter_kills(self) -> None:
        (other,) = set(MACHINES) - {OUR_MACHINE}
        assert under(filter_for(other, 1), "print(os.getpid())").returncode == -signal.SIGSYS

    @pytest.mark.skipif(OUR_MACHINE != "x86_64", reason="only x86-64 runs 32-bit calls in a 64-bit process")
    def test_32_bit_call_kills(self) -> None:
        # Without a filter it is answered, or, by a kernel built without such calls, ends in another signal.
        assert under(filter_for(OUR_MACHINE, 1), "as_32_bit(); print('lived on')").returncode in (
            -signal.SIGSYS,
            -signal.SIGSEGV,
        )

    @pytest.mark.skipif(OUR_MACHINE != "x86_64", reason="only x86-64 has the x32 calls")
    def test_x32_call_is_absent(self) -> None:
        code = "print(said(0x40000000 | 39))"
        assert under(filter_for(OUR_MACHINE, 1), code).stdout == f"{errno.ENOSYS}\n".encode()

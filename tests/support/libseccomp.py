"""libseccomp by ctypes, where the machine has it: it makes the same policy into a program of its own."""

import ctypes
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import POINTER, c_char_p, c_int, c_uint, c_uint32, c_uint64, c_void_p
from itertools import product

from tools.sandbox.seccomp.rules import KILL, WHOLE, Clause, Rule, Verdict

NAME = "libseccomp.so.2"
_EQUAL, _MASKED_EQUAL = 4, 7
_BAD_ARCHITECTURE = 2


class _Comparison(ctypes.Structure):
    _fields_ = [("argument", c_uint), ("how", c_int), ("first", c_uint64), ("second", c_uint64)]


def is_there() -> bool:
    """Whether this machine has the library."""
    try:
        ctypes.CDLL(NAME)
    except OSError:
        return False
    return True


def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(NAME)
    for name, result, arguments in (
        ("seccomp_init", c_void_p, [c_uint32]),
        ("seccomp_release", None, [c_void_p]),
        ("seccomp_arch_native", c_uint32, []),
        ("seccomp_arch_add", c_int, [c_void_p, c_uint32]),
        ("seccomp_arch_remove", c_int, [c_void_p, c_uint32]),
        ("seccomp_attr_set", c_int, [c_void_p, c_int, c_uint32]),
        ("seccomp_rule_add_exact_array", c_int, [c_void_p, c_uint32, c_int, c_uint, POINTER(_Comparison)]),
        ("seccomp_export_bpf", c_int, [c_void_p, c_int]),
        ("seccomp_syscall_resolve_name", c_int, [c_char_p]),
        ("seccomp_syscall_resolve_name_arch", c_int, [c_uint32, c_char_p]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def number_of(architecture: int, name: str) -> int | None:
    """The number of a call as the library knows it; None if it does not, or that machine has no such call."""
    number = _library().seccomp_syscall_resolve_name_arch(architecture, name.encode())
    return number if number >= 0 else None


def program_of(architecture: int, verdicts: Mapping[str, Verdict], default: int) -> bytes:
    """The library's program for these verdicts.  Each rule must end in `default`: that is how the library thinks."""
    library = _library()
    with _filter(library, architecture, default) as made:
        for name, verdict in verdicts.items():
            number = library.seccomp_syscall_resolve_name(name.encode())
            for then, comparisons in _flat(verdict, default):
                array = (_Comparison * len(comparisons))(*comparisons)
                _check(library.seccomp_rule_add_exact_array(made, then, number, len(comparisons), array), name)
        return _exported(library, made)


@contextmanager
def _filter(library: ctypes.CDLL, architecture: int, default: int) -> Iterator[int]:
    made = library.seccomp_init(default)
    assert made, "cannot make a filter"
    try:
        if architecture != library.seccomp_arch_native():
            _check(library.seccomp_arch_add(made, architecture), "arch_add")
            _check(library.seccomp_arch_remove(made, library.seccomp_arch_native()), "arch_remove")
        _check(library.seccomp_attr_set(made, _BAD_ARCHITECTURE, KILL), "attr_set")
        yield made
    finally:
        library.seccomp_release(made)


def _flat(verdict: Verdict, default: int) -> Iterator[tuple[int, list[_Comparison]]]:
    """A verdict as what the library takes: actions, each with comparisons that must all hold."""
    if isinstance(verdict, Rule):
        assert verdict.otherwise == default
        for clause in verdict.clauses:
            for values in product(*(each.values for each in clause)):
                yield verdict.then, list(_comparisons(clause, values))
    elif verdict != default:
        yield verdict, []


def _comparisons(clause: Clause, values: Iterable[int]) -> Iterator[_Comparison]:
    for each, value in zip(clause, values, strict=True):
        if each.mask == WHOLE:
            yield _Comparison(each.index, _EQUAL, value, 0)
        else:
            yield _Comparison(each.index, _MASKED_EQUAL, each.mask, value)


def _exported(library: ctypes.CDLL, made: int) -> bytes:
    number = os.memfd_create("reference")
    with os.fdopen(number, "rb") as file:
        _check(library.seccomp_export_bpf(made, number), "export_bpf")
        file.seek(0)
        return file.read()


def _check(result: int, about: str) -> None:
    assert result == 0, f"libseccomp: {about}: {os.strerror(-result)}"

"""System calls that are allowed with some arguments only: the other half of policy.py.

Numbers are those of the kernel's headers, alike on both machines.
"""

import errno

from tools.sandbox.seccomp.rules import WHOLE, Argument, Clause, Rule, Verdict, allow_if, answer, refuse_if

_NAMESPACES = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET."""
_SET_ID = 0o6000
_CREATES, _O_CREAT, _O_TMPFILE = 0o20000100, 0o100, 0o20000000
_FILE_KINDS = {"unsaid": 0, "fifo": 0o010000, "regular": 0o100000, "socket": 0o140000}
_UNIX, _INET, _INET6 = 1, 2, 10
_STREAM, _DATAGRAM, _PACKETS = 1, 2, 5
_KIND = 0xF
"""Of a socket's type; the rest are flags."""

_PRCTL = {
    "set_pdeathsig": 1, "get_pdeathsig": 2, "get_dumpable": 3, "get_keepcaps": 7,
    "set_keepcaps": 8, "set_name": 15, "get_name": 16, "get_seccomp": 21, "set_seccomp": 22, "capbset_read": 23,
    "capbset_drop": 24, "get_tsc": 25, "get_securebits": 27, "set_timerslack": 29, "get_timerslack": 30,
    "set_child_subreaper": 36, "get_child_subreaper": 37, "set_no_new_privs": 38, "get_no_new_privs": 39,
    "get_tid_address": 40, "set_thp_disable": 41, "get_thp_disable": 42, "cap_ambient": 47, "sve_set_vl": 50,
    "sve_get_vl": 51, "get_speculation_ctrl": 52, "set_speculation_ctrl": 53, "pac_reset_keys": 54,
    "set_tagged_addr_ctrl": 55, "get_tagged_addr_ctrl": 56, "pac_set_enabled_keys": 60, "pac_get_enabled_keys": 61,
    "get_auxv": 0x41555856, "set_vma": 0x53564D41, "set_ptracer": 0x59616D61,
}  # fmt: skip

_IOCTL_REFUSED = {
    "TIOCSTI": 0x5412,  # types into the terminal of whoever started us
    "TIOCLINUX": 0x541C,  # pastes into a console
    "TIOCSETD": 0x5423,  # line disciplines: drivers that nobody has looked at for long
    # They need no descriptor that is open for writing, and quotas go by what the third one sets.
    "FS_IOC_SETFLAGS": 0x40086602,
    "FS_IOC_ENABLE_VERITY": 0x40806685,
    "FS_IOC_FSSETXATTR": 0x401C5820,
    # As fallocate.
    "FS_IOC_RESVSP": 0x40305828,
    "FS_IOC_RESVSP64": 0x4030582A,
    "FS_IOC_ZERO_RANGE": 0x40305839,
    # Older kernels take a snapshot of all that lies beside the workspace, for whoever owns any file there.
    "BTRFS_IOC_SNAP_CREATE": 0x50009401,
    "BTRFS_IOC_SUBVOL_CREATE": 0x5000940E,
    "BTRFS_IOC_SNAP_DESTROY": 0x5000940F,
    "BTRFS_IOC_SNAP_CREATE_V2": 0x50009417,
    "BTRFS_IOC_SUBVOL_CREATE_V2": 0x50009418,
    "BTRFS_IOC_SUBVOL_SETFLAGS": 0x4008941A,
    "BTRFS_IOC_SNAP_DESTROY_V2": 0x5000943F,
}


def _only(index: int, *values: int, mask: int = 0xFFFF_FFFF) -> Clause:
    return (Argument(index, values, mask),)


def _without_set_id(index: int) -> Rule:
    """A mode without the setuid and setgid bits: such a file would act as its owner outside of the sandbox."""
    return allow_if(_only(index, 0, mask=_SET_ID))


def _opened(flags: int, mode: int) -> Rule:
    """The mode counts only where a file is made."""
    makes = Argument(flags, (_O_CREAT, _O_TMPFILE, _CREATES), _CREATES)
    return refuse_if((makes, Argument(mode, (0o2000, 0o4000, 0o6000), _SET_ID)))


def _made(mode: int) -> Rule:
    """No devices; what is not said is a regular file."""
    return allow_if(_only(mode, *_FILE_KINDS.values(), mask=0o170000 | _SET_ID))


CONDITIONS: dict[str, Verdict] = {
    "clone": allow_if(_only(0, 0, mask=_NAMESPACES)),
    "chmod": _without_set_id(1),
    "fchmod": _without_set_id(1),
    "fchmodat": _without_set_id(2),
    "creat": _without_set_id(1),
    "open": _opened(1, 2),
    "openat": _opened(2, 3),
    "mknod": _made(1),
    "mknodat": _made(2),
    # Never raw, and of the transports only TCP and UDP.
    "socket": allow_if(
        (Argument(0, (_UNIX,)), Argument(1, (_STREAM, _DATAGRAM, _PACKETS), _KIND)),
        (Argument(0, (_INET, _INET6)), Argument(1, (_STREAM, _DATAGRAM), _KIND), Argument(2, (0, 6, 17))),
        otherwise=answer(errno.EAFNOSUPPORT),
    ),
    "socketpair": allow_if((Argument(0, (_UNIX,)), Argument(1, (_STREAM, _DATAGRAM, _PACKETS), _KIND))),
    "ioctl": refuse_if(_only(1, *_IOCTL_REFUSED.values())),
    # F_SETLEASE, F_SETDELEG: whoever opens or changes the file would wait for us.
    "fcntl": refuse_if(_only(1, 1024, 1040)),
    # Space that is taken without a write is counted only where a file has a name; libraries write in its place.
    "fallocate": answer(errno.EOPNOTSUPP),
    # A program may ask what it is, and be it.
    "personality": allow_if(_only(0, 0, 0xFFFF_FFFF)),
    # A kernel says EINVAL to what it does not know.
    "prctl": allow_if(_only(0, *_PRCTL.values()), otherwise=answer(errno.EINVAL)),
    # Further filters only take away; one with a listener could speak for ours.
    "seccomp": refuse_if((Argument(0, (1,)), Argument(1, (8,), mask=8))),
}

_OF_ITSELF = allow_if(_only(0, 0))
_NO_ATTRIBUTES = answer(errno.EOPNOTSUPP)

CONDITIONS_ON_TIER_3: dict[str, Verdict] = {
    # A pair of datagram sockets could be written to any other on the host.
    "socketpair": allow_if((Argument(0, (_UNIX,)), Argument(1, (_STREAM, _PACKETS), _KIND))),
    # No process namespace: the same user's other processes are in reach.
    "prlimit64": allow_if(_only(0, 0), _only(2, 0, mask=WHOLE)),
    # What is in a file's attributes is read by its name, and Landlock does not look.
    **dict.fromkeys(("getxattr", "lgetxattr", "listxattr", "llistxattr"), _NO_ATTRIBUTES),
    "sched_setaffinity": _OF_ITSELF,
    "sched_setattr": _OF_ITSELF,
    "sched_setparam": _OF_ITSELF,
    "sched_setscheduler": _OF_ITSELF,
    "setpriority": allow_if((Argument(0, (0,)), Argument(1, (0,)))),
}
